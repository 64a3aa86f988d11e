"""Rejected records are one e-mail for each source and hour, and single values are counted apart."""

from __future__ import annotations

from dataclasses import replace

import pytest
from alert_events import NOON, rejected

from lambdas.alert import rejection, texts


@pytest.mark.parametrize(
    ("key", "source"),
    [("incoming/gw/a/b/c.json", "gw"), ("incoming/gw/c.json", "gw"), ("incoming/c.json", "")],
)
def test_the_source_is_the_first_folder(key: str, source: str) -> None:
    assert rejection.blank(rejected(key), at=NOON).prefix == source


def test_the_mail_counts_records_and_values_apart() -> None:
    event = replace(rejected(), rejected=0, values_rejected=2, stored=5)
    (notice,) = rejection.on_rejected(rejection.blank(event, at=NOON), event, at=NOON, now=NOON).notices
    text = texts.text_of(notice, origin=texts.Origin(stage="dev", region="eu-west-1"))
    assert text.tail.startswith("2 single values in ")
    assert text.sentence.startswith("2 single values of one object were rejected; 5 readings were stored.")

"""What a device chooses never becomes a link in an e-mail, and what looks like a secret is not mailed."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.alert.domain.lifecycle import on_breach
from lambdas.alert.domain.models import MetricState
from lambdas.alert.domain.notices import Notice, RejectedFacts
from lambdas.alert.mail.formatting import masked, unlinked
from lambdas.alert.mail.message import render
from lambdas.shared.events import RejectExample
from tests.unit.alert.alert_kit import NOON, breach, rejected

# As mail clients find links in plain text: a scheme, or a host whose last label is a word.
_LINK = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s]|\bwww\.|\b(?:[A-Za-z0-9-]+\.)+(?:com|org|net|io|zip|de)\b", re.I)
_OURS = re.compile(r"https://[a-z0-9-]+\.console\.aws\.amazon\.com/\S+|s3://[a-z0-9-]+/")


@pytest.mark.parametrize("hostile", ["https://evil.com/x", "www.evil.com", "evil.com", "HTTP://EVIL.COM", "a@evil.org"])
def test_no_id_metric_unit_or_key_becomes_a_link(hostile: str) -> None:
    event = replace(breach(92, device=hostile, metric=hostile, key=f"incoming/{hostile}/a.json"), unit=hostile)
    decision = on_breach(MetricState(device_id=hostile, metric=hostile), event, rule=None, now=NOON)
    mail = render(decision.notices[0], stage="prod", region="us-east-1")

    for text in (mail.subject, _OURS.sub("", mail.body)):
        assert _LINK.search(text) is None, text
    assert "evil" in mail.body.lower()


def test_the_link_to_the_trace_and_the_object_stay() -> None:
    event = breach(92, key="incoming/boiler-7/readings.spoilt.ndjson.gz")
    decision = on_breach(MetricState(device_id="boiler-7", metric="temperature"), event, rule=None, now=NOON)
    body = render(decision.notices[0], stage="prod", region="us-east-1").body

    assert "https://us-east-1.console.aws.amazon.com/" in body
    assert "s3://landing/incoming/boiler-7/readings.spoilt.ndjson.gz" in body


@pytest.mark.parametrize(
    "host", ["www.evil.xn--p1ai", "evil.XN--P1AI", "www.evil.рф", "evil。com", "www.b\u00fccher.com"]
)
def test_hosts_of_other_scripts_are_no_links_either(host: str) -> None:
    shown = unlinked(f"incoming/boiler-7/{host}/login")
    assert shown.replace("\\", "") == f"incoming/boiler-7/{host}/login"
    assert re.search(r"[^\\][.。]", shown) is None


@given(st.from_regex(r"[A-Za-z0-9\-:._/]{1,40}", fullmatch=True))
def test_a_shell_reads_the_same_word_with_or_without_the_backslashes(word: str) -> None:
    assert shlex.split(unlinked(word)) == [word]


@pytest.mark.parametrize(
    "secret",
    [
        "AKIAIOSFODNN7EXAMPLE",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "0123456789abcdef0123456789abcdef",
    ],
)
def test_what_looks_like_a_key_or_a_token_is_not_mailed(secret: str) -> None:
    example = RejectExample(position="line 4", reason="invalid_timestamp", detail=f"timestamp is '{secret}'")
    facts = RejectedFacts(prefix="boiler-7", rejected=replace(rejected(), examples=(example,)))
    mail = render(Notice(kind="rejected", alert_id="i", rejected=facts), stage="prod", region="us-east-1")

    assert secret not in mail.body
    assert secret[:4] in mail.body


def test_plain_words_and_times_are_not_masked() -> None:
    sentence = "timestamp is 2026-11-22T10:00:00+02:00; it must be RFC 3339 with an offset, such as 2026-11-22"
    assert masked(sentence) == sentence
    assert unlinked("It is 92.4 Cel. Nothing else, in a.json of 10.5 s") == (
        "It is 92.4 Cel. Nothing else, in a.json of 10.5 s"
    )

"""What people read: every kind of e-mail, and that no id a device chose can break one."""

import itertools
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas.alert.domain import flood, rejection, silence
from lambdas.alert.domain.lifecycle import on_breach, on_tick
from lambdas.alert.domain.models import Flood, MetricState, Silence
from lambdas.alert.domain.notices import AlertFacts, Notice, Observation
from lambdas.alert.mail.formatting import amount, duration_text
from lambdas.alert.mail.message import render, render_digest
from lambdas.shared.events import ObjectRef
from lambdas.shared.thresholds.thresholds import Bounds, Rule
from tests.unit.alert.alert_kit import MINUTE, NOON, breach, rejected

RULE = Rule(warning=Bounds(above=70), critical=Bounds(above=85), clear=Bounds(below=65), source="metrics.temperature")


def conversation(device: str = "boiler-7", metric: str = "temperature", **changes: Any) -> Iterator[Notice]:
    """One of each kind that a device can cause, as the state machines make them."""
    state = MetricState(device_id=device, metric=metric)
    for value, minute in ((75.2, 2), (92.4, 8), (-3.5, 9), (75.2, 19)):
        seen = replace(breach(value, at=NOON + minute * MINUTE, first=NOON, device=device, metric=metric), **changes)
        if value < 0:
            seen = replace(seen, bound="below", limit=2)
        decision = on_breach(state, seen, rule=RULE, now=NOON + minute * MINUTE)
        state = decision.state
        yield from decision.notices
    for latest, minute in ((None, 20), (71.5, 262), (63.2, 300)):
        seen_at = Observation(at=NOON + minute * MINUTE, value=latest) if latest is not None else None
        tick = on_tick(state, latest=seen_at, rule=RULE, now=NOON + minute * MINUTE)
        state = tick.state
        yield from tick.notices
    pending = MetricState(device_id=device, metric=metric)
    seen = replace(breach(75.2, first=NOON, device=device, metric=metric), **changes)
    pending = on_breach(pending, seen, rule=replace(RULE, hold=MINUTE), now=NOON).state
    gone = silence.on_look(
        Silence(device_id=device), last_seen=NOON, limit=15 * MINUTE, now=NOON + 16 * MINUTE, pending=[pending]
    )
    yield from gone.notices
    back = silence.on_look(gone.state, last_seen=NOON + 42 * MINUTE, limit=15 * MINUTE, now=NOON + 42 * MINUTE)
    yield from back.notices
    records = rejected(f"incoming/{device}/a.json")
    yield from rejection.on_rejected(rejection.blank(records, at=NOON), records, at=NOON, now=NOON).notices
    facts = AlertFacts(device_id=device, metric=metric, breach=seen, since=NOON, until=NOON)
    yield from flood.on_flood(Flood(source=device, hour="2026-11-22T12Z"), facts, most=25_000).notices


def test_an_opening_reads_like_this() -> None:
    mail = render(next(conversation()), region="eu-central-1", stage="prod")
    assert mail.subject == "[WARNING] boiler-7 temperature 75.2 Cel above 70"
    assert mail.body == (
        "boiler-7: temperature is 75.2 Cel, above 70 Cel, the warning limit.\n"
        "\n"
        "Since:    2026-11-22 12:00:00 UTC, for 2 minutes\n"
        "Limit:    above 70 Cel (warning)\n"
        "Value:    75.2 Cel\n"
        "Readings: 12 out of bounds in this object\n"
        "Object:   s3://landing/incoming/boiler-7/120200.000000.json\n"
        "Version:  v1\n"
        "\n"
        "Acknowledge it:\n"
        "  sensorctl alerts ack f13e5d9ae3a5 --stage prod --region eu-central-1\n"
        "\n"
        "See the readings:\n"
        "  sensorctl readings boiler-7 --metric temperature --since 2026-11-22T12:00:00Z"
        " --stage prod --region eu-central-1\n"
        "\n"
        "Trace of the upload:\n"
        "  https://eu-central-1.console.aws.amazon.com/cloudwatch/home?region=eu-central-1"
        "#xray:traces/1-65a1b2c3-0123456789abcdef01234567\n"
        "\n"
        "Alert f13e5d9ae3a5\n"
    )


@pytest.mark.parametrize(
    ("kind", "subject", "severity", "says"),
    [
        ("opened", "[WARNING] boiler-7 temperature 75.2 Cel above 70", "warning", "75.2 Cel, above 70 Cel"),
        (
            "escalated",
            "[CRITICAL] boiler-7 temperature 92.4 Cel above 85, was warning",
            "critical",
            "has gone from warning to critical",
        ),
        (
            "deescalated",
            "[WARNING] boiler-7 temperature no longer critical",
            "critical",
            "nothing critical was read for 10 minutes",
        ),
        (
            "reminder",
            "[WARNING] boiler-7 temperature still open after 4 hours 22 minutes",
            "critical",
            "Now: 71.5 Cel, read 2026-11-22 16:22:00 UTC",
        ),
        (
            "resolved",
            "[RESOLVED] boiler-7 temperature 63.2 Cel after 5 hours",
            "critical",
            "back within its limits, after 5 hours. Since: 2026-11-22 12:00:00 UTC, for 5 hours",
        ),
        (
            "crossed",
            "[CRITICAL] boiler-7 temperature -3.5 Cel below 2, was above",
            "critical",
            "-3.5 Cel, below 2 Cel, the warning limit. Since: 2026-11-22 12:00:00 UTC, for 9 minutes "
            "Limit: below 2 Cel (warning) Also: above its critical limit",
        ),
        (
            "silent",
            "[SILENT] boiler-7 no reading for 16 minutes, was out of bounds",
            "none",
            "Last seen: 2026-11-22 12:00:00 UTC",
        ),
        ("back", "[BACK] boiler-7 reports again after 42 minutes", "none", "after a silence of 42 minutes"),
        (
            "rejected",
            "[REJECTED] boiler-7 3 of 120 records in a.json",
            "none",
            "Reasons: invalid_timestamp 2, not_json 1 At line 4: not_json: Expecting value",
        ),
        (
            "flood",
            "[FLOOD] boiler-7 more than 25000 new alerts in an hour",
            "critical",
            "more than 25,000 alerts over the e-mail budget. Those beyond are open in the ledger, and neither their",
        ),
    ],
)
def test_each_kind_says_what_happened(kind: str, subject: str, severity: str, says: str) -> None:
    (notice,) = [notice for notice in conversation() if notice.kind == kind]
    mail = render(notice, region="us-east-1", stage="prod")
    assert mail.subject == subject
    assert (mail.attributes["kind"], mail.attributes["severity"]) == (kind, severity)
    assert says in " ".join(mail.body.split())
    assert mail.body.rstrip().endswith(f"Alert {notice.alert_id}")


def test_one_alert_is_one_conversation_under_one_id() -> None:
    ids = {notice.alert_id for notice in conversation() if notice.alert is not None}
    assert len(ids) == 1
    assert re.fullmatch(r"[0-9a-f]{12}", ids.pop())


@pytest.mark.parametrize("trace_id", [None, "", "not-a-trace", "1-65a1b2c3-0123456789abcdef01234567\nTo: all"])
def test_without_a_trace_there_is_no_link(trace_id: str | None) -> None:
    mail = render(next(conversation(trace_id=trace_id)), region="us-east-1", stage="prod")
    assert "console.aws" not in mail.body


def test_an_object_without_a_version_has_no_version_line() -> None:
    source = ObjectRef(bucket="landing", key="incoming/a.json", version_id="")
    assert "Version:" not in render(next(conversation(object=source)), region="us-east-1", stage="prod").body


def test_long_names_are_cut_and_what_happened_is_not() -> None:
    mail = render(next(conversation("d" * 128, "m" * 64)), region="us-east-1", stage="prod")
    assert len(mail.subject) == 99
    assert mail.subject.startswith("[WARNING] ddd")
    assert mail.subject.endswith("... " + "m" * 29 + "... 75.2 Cel above 70")
    assert mail.attributes["device_id"] == "d" * 128


def test_a_device_name_cannot_add_to_the_command() -> None:
    mail = render(next(conversation("a; rm -rf /")), region="us-east-1", stage="prod")
    assert "sensorctl readings 'a; rm -rf /' --metric" in mail.body


anything = st.text(min_size=1, max_size=140) | st.sampled_from(["a\nTo: b", "\u202egnp", "é", "\x00", "a\u2028b", " "])


PLAIN = [render(notice, region="us-east-1", stage="prod") for notice in conversation()]


@settings(max_examples=60, deadline=None)
@given(
    device=anything, metric=anything, unit=anything, key=anything, stage=st.sampled_from(["prod", "dev", "s123456789"])
)
def test_no_id_breaks_a_subject_a_line_or_an_attribute(
    device: str, metric: str, unit: str, key: str, stage: str
) -> None:
    source = ObjectRef(bucket="landing", key=key, version_id=key)
    notices = list(conversation(device, metric, unit=unit, object=source))
    origin = {"region": "us-east-1", "stage": stage}
    mails = [render(notice, **origin) for notice in notices]
    for mail in [*mails, render_digest("2026-11-22T12:01Z", notices, **origin)]:
        assert 1 <= len(mail.subject) <= 99
        assert all(" " <= character <= "~" for character in mail.subject)
        assert mail.subject[0] == "["
        lines = mail.body.split("\n")
        assert all(line.isprintable() for line in lines)
        assert all(value and value.isprintable() for value in mail.attributes.values())
    for mail, ordinary in zip(mails, PLAIN, strict=True):
        labels = [line.split(":")[0] for line in ordinary.body.split("\n\n")[1].split("\n")]
        # A line that begins a row is one of ours: what a device named stays within its own.
        begun = [line.split(":")[0] for line in mail.body.split("\n\n")[1].split("\n") if re.match(r"[A-Z]", line)]
        assert set(begun) <= set(labels)


@pytest.mark.parametrize("notice", list(conversation()), ids=lambda notice: notice.kind)
def test_lines_have_at_most_72_columns_but_for_links_and_commands(notice: Notice) -> None:
    for line in render(notice, region="us-east-1", stage="prod").body.split("\n"):
        assert len(line) <= 72 or line.startswith(("  sensorctl", "  https://", "  s3://"))


def test_a_digest_counts_by_kind_and_names_the_most_severe_first() -> None:
    notices = [notice for notice in conversation() if notice.kind != "flood" for _ in range(8)]
    mail = render_digest("2026-11-22T12:01Z", notices, stage="prod", region="us-east-1")
    assert mail.subject == "[DIGEST] 72 alerts over the e-mail budget, 40 of them critical"
    body = " ".join(mail.body.split())
    assert "72 alert e-mails were over the budget and listed here together instead: 8 opened, 8 escalated" in body
    named = [line for line in mail.body.split("\n") if line.startswith("  [")]
    assert len(named) == 50
    assert all(len(line) <= 72 for line in named)
    labels = [label for label, _ in itertools.groupby(line.split("]")[0].strip(" [") for line in named)]
    assert labels.index("RESOLVED") > labels.index("CRITICAL")
    assert "The worst 50, of each source in turn:" in mail.body
    assert mail.attributes == {"kind": "digest", "severity": "critical", "device_id": "-", "metric": "-"}


def test_a_small_digest_names_all() -> None:
    silent = [notice for notice in conversation() if notice.kind == "silent"]
    mail = render_digest("2026-11-22T12:01Z", silent * 3, stage="dev", region="eu-west-1")
    assert mail.subject.startswith("[dev] [DIGEST] 3 alerts")
    assert "  sensorctl alerts --digest 2026-11-22T12:01Z --stage dev --region eu-west-1\n" in mail.body
    assert "All of them:" in mail.body
    assert mail.attributes["severity"] == "none"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "less than a second"),
        (0.9, "less than a second"),
        (1, "1 second"),
        (61, "1 minute 1 second"),
        (3_600, "1 hour"),
        (3_605, "1 hour"),
        (5_400, "1 hour 30 minutes"),
        (2 * 86_400 + 3 * 3_600 + 59, "2 days 3 hours"),
        (-5, "less than a second"),
    ],
)
def test_durations_in_words(seconds: float, words: str) -> None:
    assert duration_text(timedelta(seconds=seconds)) == words


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (92.4, "Cel", "92.4 Cel"),
        (0.1 + 0.2, None, "0.3"),
        (1_234_567, None, "1234567"),
        (-18, "Cel", "-18 Cel"),
        # 191.9 and -40.1 degF, a value just past its limit, and a small one.
        (88.83333333333333, "Cel", "88.8333 Cel"),
        (-40.0555555556, None, "-40.0556"),
        (70.00001, "Cel", "70.00001 Cel"),
        (0.000123456, "g", "0.000123456 g"),
    ],
)
def test_values_as_people_read_them(value: float, unit: str | None, text: str) -> None:
    assert amount(value, unit) == text


@pytest.mark.parametrize(
    ("key", "source"),
    [("incoming/gw/a/b/c.json", "gw"), ("incoming/gw/c.json", "gw"), ("incoming/c.json", "")],
)
def test_rejected_records_are_of_the_first_folder(key: str, source: str) -> None:
    assert rejection.blank(rejected(key), at=NOON).prefix == source


def test_the_mail_on_rejections_counts_records_and_values_apart() -> None:
    values = replace(rejected(), rejected=0, values_rejected=2, stored=5)
    (notice,) = rejection.on_rejected(rejection.blank(values, at=NOON), values, at=NOON, now=NOON).notices
    mail = render(notice, stage="prod", region="eu-west-1")
    assert "2 single values in " in mail.subject
    assert mail.body.startswith("2 single values of one object were rejected; 5 readings were stored.")


def test_one_of_a_kind_is_in_the_singular() -> None:
    one = replace(rejected(), rejected=1, values_rejected=0, stored=1)
    (notice,) = rejection.on_rejected(rejection.blank(one, at=NOON), one, at=NOON, now=NOON).notices
    mail = render(notice, stage="prod", region="eu-west-1")
    assert mail.body.startswith("1 of 2 records of one object was rejected; 1 reading was stored.")
    digest = render_digest("2026-11-22T12:01Z", [notice], stage="prod", region="us-east-1")
    assert digest.subject.startswith("[DIGEST] 1 alert over the e-mail budget")
    assert digest.body.startswith("1 alert e-mail was over the budget")

"""The page: what devices write stays text, whatever they write; and what is composed into it."""

import base64
import hashlib
import json
import re
from dataclasses import fields, replace
from datetime import timedelta
from email.message import EmailMessage
from html.parser import HTMLParser
from mailbox import Maildir
from pathlib import Path
from typing import Any

import pytest

from lambdas.alert.domain.models import EndedAlert, MetricState, Record
from lambdas.alert.domain.notices import Message
from sensorctl.alerts.preview import mails as previews
from sensorctl.readings.stored import RejectedRecord
from sensorctl.report import inbox
from sensorctl.report.charts import device
from sensorctl.report.compose import Sources, compose
from sensorctl.report.gather import shares
from sensorctl.report.model import Alert, Device, Mail, Totals
from sensorctl.report.render import render, totals
from sensorctl.traces.summary import trace_of
from tests.unit.sensorctl.report.report_kit import NOON, THRESHOLDS, at, readings

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'><!-- {{ 7 * 7 }}"
TRACE = "1-6921a4c0-000000000000000000000001"


def charted(name: str, items: list[dict[str, Any]], *, most: int = 1000) -> Device:
    return device(name, items, thresholds=THRESHOLDS, most=most)


SOURCES = Sources(
    where="embedded AWS",
    made_at=NOON,
    since=None,
    devices=[charted("boiler-7", readings([60, 72, 90, 62]))],
    records=(),
    mails=(),
    rejects=(),
    traces={},
    faults=0,
    waiting=0,
)


class Page(HTMLParser):
    """The elements of a page, and the text of its scripts by their type."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[tuple[str | None, str]] = []
        self.text = ""
        self._inside: str | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag
        self.tags.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append((dict(attrs).get("type"), ""))

    def handle_endtag(self, tag: str) -> None:
        self._inside = None

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            kind, before = self.scripts[-1]
            self.scripts[-1] = (kind, before + data)
        else:
            self.text += data

    @property
    def charts(self) -> list[dict[str, Any]]:
        (data,) = [text for kind, text in self.scripts if kind == "application/json"]
        charts: list[dict[str, Any]] = json.loads(data)
        return charts


def trace(name: str = "ingest", *, start: float = 1.0, end: float = 2.0, fault: bool = False) -> Any:
    cause = {"exceptions": [{"type": "ClientError", "message": f"AccessDenied {name}"}]}
    document = {"id": name, "name": name, "start_time": start, "end_time": end}
    return trace_of(TRACE, [{**document, "fault": True, "cause": cause} if fault else document])


def hostile_report() -> Any:
    """Everything that a device, a file or a mail can write, hostile."""
    reject = RejectedRecord(key=HOSTILE, position=HOSTILE, offset=0, reason=HOSTILE, detail=HOSTILE, record=HOSTILE)
    mail = Mail(sent_at=NOON, subject=HOSTILE, kind="opened", to=HOSTILE, body=HOSTILE)
    items = [
        {**item, "metrics": {HOSTILE: item["metrics"]["temperature"]}, "units": {HOSTILE: HOSTILE}}
        for item in readings([60, 72])
    ]
    alert = Alert(alert_id="a", device_id=HOSTILE, metric=HOSTILE, state="open", severity="critical", since=at(0))
    alerts = (replace(alert, trace_id=TRACE), replace(alert, trace_id=HOSTILE))
    report = compose(replace(SOURCES, devices=[charted(HOSTILE, items)], rejects=[reject], mails=[mail], where=HOSTILE))
    return replace(report, alerts=alerts, traces={TRACE: trace(HOSTILE, fault=True)}, failed=(TRACE,))


def test_what_devices_write_makes_no_element_and_no_script() -> None:
    page, plain = Page(render(hostile_report())), Page(render(compose(SOURCES)))
    assert "img" not in {tag for tag, _ in page.tags}
    assert len(page.scripts) == len(plain.scripts) == 3
    assert [name for tag, attributes in page.tags for name in attributes if name.startswith("on")] == []
    assert page.text.count(HOSTILE) >= 12


def test_the_policy_names_the_hash_of_each_script_and_allows_nothing_else() -> None:
    page = Page(render(hostile_report()))
    (policy,) = [attributes["content"] for tag, attributes in page.tags if tag == "meta" and "http-equiv" in attributes]
    hashes = [
        f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
        for kind, text in page.scripts
        if kind is None
    ]
    assert policy is not None
    assert policy.split("; ") == [
        "default-src 'none'",
        f"script-src {' '.join(hashes)}",
        "style-src 'unsafe-inline'",
        "base-uri 'none'",
        "form-action 'none'",
    ]


def test_the_page_names_no_address_to_fetch_from() -> None:
    page = Page(render(hostile_report()))
    fetching = [each for _, attributes in page.tags for name, each in attributes.items() if name in ("src", "href")]
    assert fetching
    assert all(address is not None and address.startswith("#") for address in fetching)


def test_controls_and_reordering_characters_are_shown_as_escapes() -> None:
    reject = RejectedRecord(key="k", position="p", offset=0, reason="r", detail="d", record="a\u202eb\x00c")
    page = Page(render(compose(replace(SOURCES, rejects=[reject]))))
    assert r"a\u202eb\x00c" in page.text


def test_the_data_of_a_chart_is_what_was_stored() -> None:
    (chart,) = Page(render(compose(SOURCES))).charts
    assert chart["t0"] == NOON.timestamp() * 1000
    assert chart["x"] == [0, 60_000, 120_000, 180_000]
    assert chart["y"] == [60, 72, 90, 62]
    assert chart["s"] == [0, 1, 2, 0]
    assert chart["limits"] == [["critical", "above", 85], ["warning", "above", 70], ["clear", "below", 65]]


def test_devices_with_alerts_come_first_and_those_with_a_history_before_the_others() -> None:
    histories: dict[str, list[float]] = {"a": [60], "b": [60, 61], "c": [90], "d": [90, 91]}
    report = compose(
        replace(
            SOURCES,
            devices=[charted(name, readings(values)) for name, values in histories.items()],
            records=[alerted("c"), alerted("d")],
        )
    )
    assert [device.device_id for device in report.devices] == ["d", "c", "b", "a"]


def alerted(device: str) -> Record:
    """A record of an alert that has ended, and its e-mail."""
    message = Message(message_id="ab-1-opened", kind="opened", status="SENT", created_at=NOON, settled_at=NOON)
    ended = EndedAlert(
        alert_id="ab",
        severity="critical",
        since=NOON,
        until=NOON + timedelta(minutes=1),
        value=90,
        bound="above",
        limit=85,
    )
    state = MetricState(device_id=device, metric="temperature", ended=(ended,))
    return Record(key=device, state=state, outbox=(message,))


def test_without_a_mailbox_the_ledger_says_what_was_sent() -> None:
    report = compose(replace(SOURCES, records=[alerted("boiler-7")], mails=None))
    assert [(mail.subject, mail.sent_at, mail.body) for mail in report.mails] == [
        ("[OPENED] boiler-7 temperature", NOON, None)
    ]
    later = replace(SOURCES, records=[alerted("boiler-7")], mails=None, since=NOON + timedelta(seconds=1))
    assert compose(later).mails == ()


def test_long_lists_are_cut_and_counted_whole() -> None:
    rejects = [
        RejectedRecord(key=f"{n:04}", position="p", offset=0, reason="r", detail="d", record="x") for n in range(600)
    ]
    report = compose(replace(SOURCES, rejects=rejects))
    assert (len(report.rejects), report.totals.rejected) == (500, 600)
    assert report.notes == ("Of 600 rejected records and values only 500 are listed.",)


def test_a_large_fleet_asks_for_less_of_each_device_and_fits_into_one_page() -> None:
    assert shares(1) == (20_000, 1_000)
    share, points = shares(1_000)
    assert (share, points) == (400, 100)
    whole = charted("d", readings([float(60 + n % 9) for n in range(share)]), most=points)
    page = render(compose(replace(SOURCES, devices=[replace(whole, device_id=f"d-{n:04}") for n in range(1_000)])))
    assert len(page) < 10_000_000


def test_the_slowest_and_the_failed_traces_are_shown_with_their_cause() -> None:
    traces = {
        name: replace(trace(name, end=2 + n, fault=name == "bad"), trace_id=name)
        for n, name in enumerate(("fast", "bad", "slow"))
    }
    report = compose(replace(SOURCES, traces=traces, faults=1))
    assert report.slowest == ("slow", "bad", "fast")
    assert report.failed == ("bad",)
    assert "bad: ClientError: AccessDenied bad" in Page(render(report)).text


def test_a_trace_without_documents_is_none() -> None:
    assert trace_of(TRACE, []) is None


def test_an_empty_pipeline_makes_a_page_that_says_so() -> None:
    text = Page(render(compose(replace(SOURCES, devices=[])))).text
    for sentence in ("No alerts.", "No readings.", "No e-mails.", "Nothing was rejected.", "No trace has a fault."):
        assert sentence in text


def test_of_one_thing_the_figures_on_top_speak_in_the_singular() -> None:
    only = {field.name: 1 for field in fields(Totals)}
    labels = [figure["label"] for figure in totals(Totals(**only))]
    assert labels[:5] == ["device", "reading", "value past a limit", "alert", "e-mail"]
    assert {figure["count"] for figure in totals(Totals(**only))} == {1}


def test_times_are_elements_that_say_utc() -> None:
    page = Page(render(compose(SOURCES)))
    times = [attributes["datetime"] for tag, attributes in page.tags if tag == "time"]
    assert "2026-11-22T12:00:00.000Z" in times
    assert "2026-11-22 12:00:00 UTC" in page.text


@pytest.mark.parametrize("number", range(len(list(previews()))))
def test_an_e_mail_of_each_kind_is_read_back_from_the_maildir(number: int, tmp_path: Path) -> None:
    sent = list(previews())[number]
    message = EmailMessage()
    message["To"], message["Subject"] = "you@example.com", sent.subject
    message["Date"] = "Sun, 22 Nov 2026 13:00:00 +0100"
    message.set_content(sent.body)
    Maildir(tmp_path / "inbox").add(message.as_bytes())
    (mail,) = inbox.read(tmp_path / "inbox")
    named = re.search(r"^Alert ([0-9a-f]{12})$", sent.body, re.MULTILINE)
    assert (mail.subject, mail.to, mail.sent_at) == (sent.subject, "you@example.com", NOON)
    assert mail.body is not None
    assert mail.body.split() == sent.body.split()
    assert mail.about == (named.group(1) if named else None)
    assert (named is None) == (sent.attributes["kind"] == "digest")


@pytest.mark.parametrize("stage", ["", "[dev] "])
def test_the_label_of_an_e_mail_is_read_behind_its_stage(stage: str, tmp_path: Path) -> None:
    message = EmailMessage()
    message["To"], message["Subject"] = "you@example.com", f"{stage}[CRITICAL] boiler-7 temperature 92.4 Cel above 85"
    message["Date"] = "Sun, 22 Nov 2026 13:00:00 +0100"
    message.set_content("boiler-7")
    Maildir(tmp_path / "inbox").add(message.as_bytes())
    assert [mail.kind for mail in inbox.read(tmp_path / "inbox")] == ["critical"]


def test_an_inbox_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    assert inbox.read(tmp_path / "inbox") == []

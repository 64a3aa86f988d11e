"""What programs get of each notice: numbers as numbers, one schema for every kind, and nothing without a bound."""

import json
from dataclasses import replace
from typing import Any

import jsonschema
import pytest

from docs.events.generate import notification_schema
from lambdas.alert.domain.notices import Acknowledgement, Notice
from lambdas.alert.mail.document import attributes_of, document_in, to_json
from lambdas.alert.mail.message import render, render_digest
from lambdas.shared.events import ObjectRef, RejectExample
from tests.unit.alert.alert_kit import HOUR, NOON, breach, event, rejected
from tests.unit.alert.test_alert_message import conversation

SNS_REQUEST = 64 * 1024


def sent(notice: Notice) -> dict[str, Any]:
    """The document as it is published, read again."""
    mail = render(notice, stage="dev", region="eu-west-1")
    return dict(json.loads(to_json(mail.document, id="m-1")))


def test_an_opening_is_all_of_its_e_mail_in_numbers_and_times() -> None:
    document = sent(next(conversation(tags={"site": "plant-2"})))
    jsonschema.validate(document, notification_schema())
    assert (document["version"], document["source"], document["id"], document["schema"]) == ("1.0", "custom", "m-1", 1)
    assert (document["kind"], document["status"], document["severity"], document["level"]) == (
        *("opened", "firing", "warning", "warning"),
    )
    assert (document["value"], document["unit"], document["bound"], document["limit"]) == (75.2, "Cel", "above", 70)
    assert (document["since"], document["until"]) == ("2026-11-22T12:00:00.000000Z", "2026-11-22T12:02:00.000000Z")
    assert document["tags"] == {"site": "plant-2"}
    assert document["object"]["key"].startswith("incoming/boiler-7/")
    assert document["links"]["Trace of the upload"].startswith("https://eu-west-1.console.aws.amazon.com/")
    assert document["commands"]["See the readings"].startswith("sensorctl readings boiler-7 --metric temperature")
    assert document["metadata"]["threadId"] == document["alert_id"]
    assert document["content"]["title"] == "[dev] [WARNING] boiler-7 temperature 75.2 Cel above 70"
    assert "site: plant-2" in document["content"]["description"].split("\n")


@pytest.mark.parametrize("notice", list(conversation()), ids=lambda notice: notice.kind)
def test_every_kind_has_a_document_of_the_schema_with_its_e_mails_headline(notice: Notice) -> None:
    mail = render(notice, stage="dev", region="eu-west-1")
    document = sent(notice)
    jsonschema.validate(document, notification_schema())
    assert document["content"]["title"] == document["metadata"]["summary"] == mail.subject
    assert (document["kind"], document["alert_id"]) == (notice.kind, notice.alert_id)
    ended = {"resolved": "resolved", "back": "resolved", "rejected": None, "flood": None}
    assert document["status"] == ended.get(notice.kind, "firing")


def test_what_is_published_is_read_back_and_carries_the_same_attributes() -> None:
    for notice in conversation():
        mail = render(notice, stage="prod", region="eu-west-1")
        again = document_in(json.loads(to_json(mail.document, id="m-1")))
        assert again is not None
        assert attributes_of(again) == mail.attributes
    assert document_in({"Type": "Notification", "Message": "m"}) is None
    assert document_in([]) is None


def test_a_digest_counts_all_and_names_fifty() -> None:
    notices = [next(conversation(f"d-{number}", tags={"site": "s"})) for number in range(60)]
    mail = render_digest("2026-11-22T12:01Z", notices, stage="prod", region="eu-west-1")
    document = json.loads(to_json(mail.document, id="m-1"))
    jsonschema.validate(document, notification_schema())
    assert (document["alert_id"], document["counted"], len(document["named"])) == ("2026-11-22T12:01Z", 60, 50)
    assert document["named"][0]["tags"] == {"site": "s"}
    assert document["commands"]["See all of them"].startswith("sensorctl alerts --digest 2026-11-22T12:01Z")


def test_no_document_is_larger_than_what_sns_counts_as_one_request() -> None:
    key = "incoming/" + "\u00e4" * 500
    device, metric = "d" * 128, "m" * 64
    notices = list(conversation(device, metric, object=ObjectRef(bucket="b" * 63, key=key, version_id="v" * 1024)))
    sizes = [len(to_json(render(notice, stage="prod", region="r").document, id="m-1").encode()) for notice in notices]
    digest = render_digest("2026-11-22T12:01Z", notices * 100, stage="prod", region="r")
    assert max(*sizes, len(to_json(digest.document, id="m-1").encode())) < SNS_REQUEST


def test_what_a_device_wrote_becomes_no_mention_and_no_link_in_a_chat() -> None:
    (notice,) = (notice for notice in conversation() if notice.kind == "rejected")
    assert notice.rejected is not None
    example = RejectExample(
        position="line 1", reason="not_json", detail="<!channel> see https://evil.com\nAKIA1234567890ABCD"
    )
    source = ObjectRef(bucket="landing", key="incoming/<!here>/a.json", version_id="v1")
    records = replace(rejected(), examples=(example,), object=source)
    document = sent(replace(notice, rejected=replace(notice.rejected, rejected=records)))
    told = json.dumps([document["content"], document["rejected"]["examples"], document["metadata"]])
    assert not {"<", ">"} & set(told)
    assert "https://evil.com" not in told
    assert "AKIA1234567890ABCD" not in told


def test_who_has_acknowledged_it_and_what_to_do_stand_in_it() -> None:
    notice = next(conversation())
    assert notice.alert is not None
    given = Acknowledgement(by="arn:aws:iam::1:user/ada", at=NOON, until=NOON + HOUR, note="on my way")
    facts = replace(notice.alert, acknowledged=given, runbook="https://wiki.example.com/boiler")
    document = sent(replace(notice, alert=facts))
    jsonschema.validate(document, notification_schema())
    assert document["runbook"] == "https://wiki.example.com/boiler"
    assert document["acknowledged"] == {
        "by": "arn:aws:iam::1:user/ada",
        "at": "2026-11-22T12:00:00.000000Z",
        "until": "2026-11-22T13:00:00.000000Z",
        "note": "on my way",
    }
    plain = sent(notice)
    assert (plain["acknowledged"], plain["runbook"]) == (None, None)


def test_the_tag_that_routes_is_a_row_of_the_e_mail_and_a_message_attribute() -> None:
    mail = render(next(conversation(tags={"site": "plant-2"})), stage="prod", region="eu-west-1")
    assert "\nsite:" in mail.body
    assert mail.attributes["site"] == "plant-2"
    assert "site" not in render(next(conversation()), stage="prod", region="eu-west-1").attributes


def test_a_breach_with_a_tag_is_published_with_it_to_people_and_to_programs(world: Any) -> None:
    world.function()(event(replace(breach(), tags={"site": "plant-2"})))
    (mail,) = world.new_mails()
    ((document, attributes),) = world.documents()
    assert mail["attributes"] == attributes
    assert attributes["site"] == document["tags"]["site"] == "plant-2"
    assert document["id"] == f"{document['alert_id']}-1-opened"

"""Filter policies: what they let through, tried on the e-mails themselves with moto's SNS."""

import json
from typing import Any

import boto3
import pytest
from moto import mock_aws

from sensorctl.alerts.preview import mails
from sensorctl.errors import UserError
from sensorctl.subscribers.filters import Policy, email_address, in_words, policy


def delivered(filter_policy: Policy) -> list[str]:
    """Publish every e-mail of the preview; return the kinds that come through the filter."""
    with mock_aws():
        sns, sqs = boto3.client("sns"), boto3.client("sqs")
        topic = sns.create_topic(Name="alerts")["TopicArn"]
        url = sqs.create_queue(QueueName="inbox")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sns.subscribe(
            TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"FilterPolicy": json.dumps(filter_policy)}
        )
        for mail in mails():
            attributes: dict[str, Any] = {
                name: {"DataType": "String", "StringValue": value} for name, value in mail.attributes.items()
            }
            sns.publish(TopicArn=topic, Subject=mail.subject, Message=mail.body, MessageAttributes=attributes)
        kinds = []
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                kinds.append(json.loads(message["Body"])["MessageAttributes"]["kind"]["Value"])
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return kinds


def test_only_critical_brings_how_a_critical_alert_ends_and_its_digest() -> None:
    # The preview's alert opens as a warning.
    assert delivered(policy(only=["critical"])) == [
        "escalated", "crossed", "deescalated", "unattended", "reminder", "resolved", "flood", "digest",
    ]  # fmt: skip


def test_kinds_are_taken_as_they_are_named() -> None:
    # A device falls silent, and a gateway.
    assert delivered(policy(kinds=["resolved", "silent"])) == ["resolved", "silent", "silent"]


def test_a_device_brings_all_of_its_own_and_the_digests_it_may_be_in() -> None:
    assert delivered(policy(devices=["boiler-7"])) == [
        *("opened", "escalated", "crossed", "deescalated", "unattended", "reminder"),
        *("resolved", "silent", "back", "flood", "digest"),
    ]
    assert delivered(policy(devices=["freezer-*"])) == ["flood", "digest"]
    assert delivered(policy(devices=["*-5"])) == ["rejected", "flood", "digest"]
    assert delivered(policy(devices=["boiler-*"], kinds=["back"])) == ["back"]


def test_a_tag_chooses_alerts_and_brings_the_digests_they_may_be_in() -> None:
    site = policy(only=["critical", "site=plant-2", "site=plant-3"])
    assert site == {
        "severity": ["critical"],
        "$or": [{"site": ["plant-2", "plant-3"]}, {"kind": ["digest", "flood"]}],
    }
    assert delivered(policy(only=["site=plant-2"])) == ["flood", "digest"]
    assert "resolved" in delivered(policy(only=["site=-", "critical"]))


def test_a_metric_leaves_out_what_has_none() -> None:
    filter_policy = policy(metrics=["temperature"], only=["warning"])
    assert delivered(filter_policy) == ["opened"]


@pytest.mark.parametrize(
    ("filter_policy", "words"),
    [
        ({}, "everything"),
        (policy(only=["critical"]), "critical"),
        (policy(kinds=["opened", "resolved"]), "opened or resolved"),
        (policy(only=["site=plant-2"]), "site plant-2; and digests and floods"),
        (policy(only=["site=-"], kinds=["opened"]), "opened; site absent"),
        (
            policy(devices=["freezer-*", "b-7"], only=["critical"]),
            "critical; device freezer-* or b-7; and digests and floods",
        ),
        ({"$or": [{"metric": ["t"]}, {"kind": ["digest"]}]}, "metric t; and digests"),
        (policy(devices=["*-7"], metrics=["t"], kinds=["opened"]), "opened; device *-7; metric t"),
    ],
)
def test_a_policy_is_reported_in_words(filter_policy: Policy, words: str) -> None:
    assert in_words(json.dumps(filter_policy)) == words


@pytest.mark.parametrize(
    "foreign",
    [
        '{"severity": [{"anything-but": ["warning"]}]}',
        '{"color": [{"wildcard": "r*"}]}',
        '{"$or": [{"kind": ["back"]}, {"x": []}]}',
    ],
)
def test_a_policy_that_somebody_else_made_is_shown_as_it_is(foreign: str) -> None:
    assert in_words(foreign) == foreign


def test_what_cannot_be_filtered_by_is_named() -> None:
    for pattern in ("a*b", "*", "a?", "*a*"):
        with pytest.raises(UserError, match="--device"):
            policy(devices=[pattern])
    with pytest.raises(UserError, match="--only bad: choose warning or critical"):
        policy(only=["bad"])
    for text in ("kind=opened", "site=", "=plant-2", "the site=plant-2"):
        with pytest.raises(UserError, match="give a severity, or a tag and its value, such as site=plant-2"):
            policy(only=[text])
    with pytest.raises(UserError, match=r"--kind bad: choose opened, .* or digest"):
        policy(kinds=["bad"])


def test_a_slip_of_the_hand_in_an_address_is_caught() -> None:
    assert email_address(" ops@x.org ") == "ops@x.org"
    for slip in ("ops", "ops@", "ops@x", "@x.org", "a b@x.org", "ops@x.org,dev@x.org", "ops@x.org\n.com", ""):
        with pytest.raises(UserError, match="is not a valid e-mail address"):
            email_address(slip)

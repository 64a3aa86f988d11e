"""`sensorctl subscribers` against moto's SNS; what moto has no state for (an unconfirmed address) is stubbed."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber
from moto import mock_aws

from sensorctl.aws.outputs import Pipeline
from sensorctl.errors import UserError
from sensorctl.subscribers import subscriptions as subscribers
from sensorctl.subscribers.endpoints import endpoint
from tests.unit.sensorctl.command_kit import connect_to, sensorctl, stage

LINK = "https://sns.us-east-1.amazonaws.com/confirmation.html?TopicArn={topic}&Token={token}&Endpoint=ops@x.org"
TOKEN = "2336412f37fb687f5d51e6e241d09c805a5a57b30d712f794cc5f6a988666d92768dd60a747ba6f3beb71854e285d6ad02428b09"


@pytest.fixture(autouse=True)
def deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipeline]:
    with mock_aws():
        pipeline = stage("sns")
        connect_to(pipeline, monkeypatch)
        yield pipeline


def attributes_of(address: str) -> dict[str, str]:
    sns = boto3.client("sns")
    (arn,) = [s["SubscriptionArn"] for s in sns.list_subscriptions()["Subscriptions"] if s["Endpoint"] == address]
    return sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]


def unconfirmed(topic: str, *, arn: str = "PendingConfirmation") -> tuple[Any, Stubber]:
    """An SNS with one subscription: it waits for confirmation, or is another without an ARN."""
    sns = boto3.client("sns")
    stubber = Stubber(sns)
    listed = {
        "SubscriptionArn": arn,
        "Owner": "123456789012",
        "Protocol": "email",
        "Endpoint": "ops@x.org",
        "TopicArn": topic,
    }
    stubber.add_response("list_subscriptions_by_topic", {"Subscriptions": [listed]}, {"TopicArn": topic})
    stubber.activate()
    return sns, stubber


def test_add_subscribes_with_the_filter_and_the_dead_letter_queue() -> None:
    result = sensorctl("subscribers", "add", "--only", "critical", "ops@x.org")
    attributes = attributes_of("ops@x.org")
    assert json.loads(attributes["FilterPolicy"]) == {"severity": ["critical"]}
    assert json.loads(attributes["RedrivePolicy"])["deadLetterTargetArn"].endswith(":mail-dead-letters")
    assert "sensorctl subscribers confirm" in result.out


def test_on_the_embedded_aws_nobody_is_said_to_be_asked() -> None:
    out = sensorctl("subscribers", "add", "ops@x.org", "--embedded").out
    assert "The embedded AWS asks nobody to confirm and sends nothing out" in out
    assert "AWS has sent it a mail" not in out


def test_without_a_filter_there_is_no_policy() -> None:
    sensorctl("subscribers", "add", "ops@x.org")
    assert "FilterPolicy" not in attributes_of("ops@x.org")


def test_add_of_a_confirmed_address_changes_its_filter() -> None:
    sensorctl("subscribers", "add", "ops@x.org", "--only", "critical")
    result = sensorctl("subscribers", "add", "OPS@x.org", "--kind", "opened", "--kind", "resolved")
    assert "was subscribed already; from now on it gets opened or resolved" in result.out
    assert "add --kind digest" in result.out
    assert json.loads(attributes_of("ops@x.org")["FilterPolicy"]) == {"kind": ["opened", "resolved"]}


def test_list_shows_the_filter_in_words() -> None:
    sensorctl("subscribers", "add", "ops@x.org", "--device", "boiler-7")
    (row,) = [line for line in sensorctl("subscribers", "list").out.splitlines() if "ops@x.org" in line]
    assert "confirmed" in row
    assert "device boiler-7; and digests" in row


def test_list_json_is_one_object_a_line() -> None:
    for address in ("b@x.org", "a@x.org"):
        sensorctl("subscribers", "add", address, "--only", "critical")
    listed = [json.loads(line) for line in sensorctl("subscribers", "list", "--json").out.splitlines()]
    assert [(line["address"], line["confirmed"], line["filter"]) for line in listed] == [
        ("a@x.org", True, {"severity": ["critical"]}),
        ("b@x.org", True, {"severity": ["critical"]}),
    ]


def test_list_of_nobody_says_what_to_do() -> None:
    assert "subscribers add" in sensorctl("subscribers", "list").out


def test_queues_on_the_topic_are_no_subscribers(deployed: Pipeline) -> None:
    arn = subscribers.queue_arn(boto3.client("sqs"), url=deployed.mail_dead_letters)
    boto3.client("sns").subscribe(TopicArn=deployed.alert_topic, Protocol="sqs", Endpoint=arn)
    assert subscribers.email_subscriptions(boto3.client("sns"), topic=deployed.alert_topic) == []


def test_an_address_that_waits_is_listed_as_waiting(deployed: Pipeline) -> None:
    sns, _ = unconfirmed(deployed.alert_topic)
    (found,) = subscribers.email_subscriptions(sns, topic=deployed.alert_topic)
    assert (found.address, found.confirmed, found.protected) == ("ops@x.org", False, False)


def test_add_of_an_address_that_waits_subscribes_again_which_sends_the_mail_again(deployed: Pipeline) -> None:
    sns, stubber = unconfirmed(deployed.alert_topic)
    expected = {"TopicArn": deployed.alert_topic, "Protocol": "email", "Endpoint": "ops@x.org", "Attributes": ANY}
    stubber.add_response("subscribe", {"SubscriptionArn": "pending confirmation"}, expected)
    subscribers.add(sns, topic=deployed.alert_topic, endpoint=endpoint("ops@x.org"), policy={}, dead_letters="arn")
    stubber.assert_no_pending_responses()


def test_what_waits_cannot_be_removed_and_that_is_reported(deployed: Pipeline) -> None:
    sns, _ = unconfirmed(deployed.alert_topic)
    with pytest.raises(UserError, match=r"ops@x.org waits for confirmation .* two days"):
        subscribers.remove(sns, topic=deployed.alert_topic, endpoint=endpoint("ops@x.org"))


def test_what_sns_refuses_is_one_sentence(deployed: Pipeline) -> None:
    sns, stubber = unconfirmed(deployed.alert_topic)
    stubber.add_client_error("subscribe", "FilterPolicyLimitExceeded", "too many filters")
    with pytest.raises(UserError, match=r"ops@x\.org: SNS refuses it: too many filters"):
        subscribers.add(sns, topic=deployed.alert_topic, endpoint=endpoint("ops@x.org"), policy={}, dead_letters="arn")


def test_confirm_asks_for_authenticated_unsubscribing(deployed: Pipeline) -> None:
    sns = boto3.client("sns")
    stubber = Stubber(sns)
    expected = {"TopicArn": deployed.alert_topic, "Token": TOKEN, "AuthenticateOnUnsubscribe": "true"}
    stubber.add_response("confirm_subscription", {"SubscriptionArn": "arn"}, expected)
    stubber.add_client_error("confirm_subscription", "InvalidParameter", "Invalid token")
    stubber.activate()
    link = LINK.format(topic=deployed.alert_topic, token=TOKEN)
    subscribers.confirm(sns, topic=deployed.alert_topic, token_or_link=link)
    with pytest.raises(UserError, match="Invalid token"):
        subscribers.confirm(sns, topic=deployed.alert_topic, token_or_link=TOKEN)
    stubber.assert_no_pending_responses()


def test_a_token_is_found_alone_in_a_link_and_in_a_wrapped_link() -> None:
    topic = "arn:aws:sns:us-east-1:123456789012:alerts"
    link = LINK.format(topic=topic, token=TOKEN)
    wrapped = "https://scan.example/?url=" + link.replace(":", "%3A").replace("?", "%3F").replace("&", "%26") + "&d=1"
    for given in (TOKEN, f" {TOKEN}\n", link, wrapped):
        assert subscribers.token_of(given, topic=topic) == TOKEN


def test_a_link_of_another_topic_and_what_is_no_token_are_refused() -> None:
    topic = "arn:aws:sns:us-east-1:123456789012:alerts"
    with pytest.raises(UserError, match="another --stage"):
        subscribers.token_of(LINK.format(topic=topic + "-prod", token=TOKEN), topic=topic)
    for wrong in ("", "ops@x.org", "https://sns.us-east-1.amazonaws.com/confirmation.html", "short"):
        with pytest.raises(UserError, match="that is no token"):
            subscribers.token_of(wrong, topic=topic)


def test_remove_ends_the_subscription_and_names_an_unknown_address() -> None:
    sensorctl("subscribers", "add", "ops@x.org")
    assert "who@x.org is not subscribed; subscribed: ops@x.org" in sensorctl("subscribers", "remove", "who@x.org").error
    assert sensorctl("subscribers", "remove", "Ops@x.org").code == 0
    assert boto3.client("sns").list_subscriptions()["Subscriptions"] == []


@pytest.fixture
def with_alarms(deployed: Pipeline, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    """A stage with a topic for alarms."""
    alarms = boto3.client("sns").create_topic(Name="alarms")["TopicArn"]
    pipeline = replace(deployed, alarm_topic=alarms)
    connect_to(pipeline, monkeypatch)
    return pipeline


def test_alarms_are_a_subscription_of_their_own(with_alarms: Pipeline) -> None:
    sensorctl("subscribers", "add", "ops@x.org")
    sensorctl("subscribers", "add", "ops@x.org", "--alarms")
    listed = [json.loads(line) for line in sensorctl("subscribers", "list", "--json").out.splitlines()]
    assert [(one["address"], one["mails"]) for one in listed] == [("ops@x.org", "alerts"), ("ops@x.org", "alarms")]
    result = sensorctl("subscribers", "remove", "ops@x.org")
    assert "gets no more alerts" in result.out
    assert "subscribers remove --alarms" in result.out
    assert "Nobody is subscribed to alerts" in sensorctl("subscribers", "list").out
    assert "gets no more alarms" in sensorctl("subscribers", "remove", "ops@x.org", "--alarms").out
    assert boto3.client("sns").list_subscriptions()["Subscriptions"] == []


def test_alarms_cannot_be_chosen_among(with_alarms: Pipeline) -> None:
    assert (
        "alarms cannot be chosen among"
        in sensorctl("subscribers", "add", "a@x.org", "--alarms", "--only", "critical").error
    )


def test_a_stage_without_alarm_mails_says_so() -> None:
    assert "set alarms_to_topic" in sensorctl("subscribers", "add", "a@x.org", "--alarms").error


def test_a_link_of_the_alarm_topic_is_confirmed_there(with_alarms: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    confirmed: list[str] = []
    monkeypatch.setattr(subscribers, "confirm", lambda _sns, *, topic, token_or_link: confirmed.append(topic))
    sensorctl("subscribers", "confirm", LINK.format(topic=with_alarms.alarm_topic, token=TOKEN))
    sensorctl("subscribers", "confirm", LINK.format(topic=with_alarms.alert_topic, token=TOKEN))
    sensorctl("subscribers", "confirm", TOKEN)
    sensorctl("subscribers", "confirm", "--alarms", TOKEN)
    alerts, alarms = with_alarms.alert_topic, with_alarms.alarm_topic
    assert confirmed == [alarms, alerts, alerts, alarms]


def test_what_was_removed_is_no_subscriber_although_sns_lists_it_for_days(deployed: Pipeline) -> None:
    sns, _ = unconfirmed(deployed.alert_topic, arn="Deleted")
    assert subscribers.email_subscriptions(sns, topic=deployed.alert_topic) == []


def test_remove_says_how_deployments_take_it() -> None:
    sensorctl("subscribers", "add", "ops@x.org")
    assert (
        "leave it out of EMAILS and of the stage's alert_emails" in sensorctl("subscribers", "remove", "ops@x.org").out
    )


def test_a_wrong_address_is_one_sentence_and_subscribes_nobody() -> None:
    assert sensorctl("subscribers", "add", "ops@x").error.startswith("'ops@x' is not a valid e-mail address")
    assert boto3.client("sns").list_subscriptions()["Subscriptions"] == []


# --- programs: queues, functions, web addresses

QUEUE = "arn:aws:sqs:us-east-1:123456789012:pager"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:pager"


def test_a_queue_gets_bare_documents_and_its_owner_the_statement_that_lets_sns_send(deployed: Pipeline) -> None:
    boto3.client("sqs").create_queue(QueueName="pager")
    result = sensorctl("subscribers", "add", QUEUE, "--only", "critical")
    attributes = attributes_of(QUEUE)
    assert (attributes["TopicArn"], attributes["RawMessageDelivery"]) == (deployed.notification_topic, "true")
    assert json.loads(attributes["FilterPolicy"]) == {"severity": ["critical"]}
    assert json.loads(attributes["RedrivePolicy"])["deadLetterTargetArn"].endswith(":mail-dead-letters")
    assert f"{QUEUE} is subscribed to critical." in result.out
    statement = json.loads(next(line for line in result.out.splitlines() if line.strip().startswith("{")))
    assert statement["Resource"] == QUEUE
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": deployed.notification_topic}}


def test_a_function_needs_a_permission_and_a_web_address_confirms_itself(deployed: Pipeline) -> None:
    function = sensorctl("subscribers", "add", FUNCTION)
    assert f"--principal sns.amazonaws.com --source-arn {deployed.notification_topic}" in function.out
    web = sensorctl("subscribers", "add", "https://example.org/alerts")
    assert "SubscribeURL" in web.out
    assert attributes_of("https://example.org/alerts").get("RawMessageDelivery", "false") == "false"


def test_programs_are_listed_with_their_protocol_and_removed_by_their_address() -> None:
    for address in ("ops@x.org", QUEUE, FUNCTION):
        sensorctl("subscribers", "add", address)
    listed = [json.loads(line) for line in sensorctl("subscribers", "list", "--json").out.splitlines()]
    assert [(line["mails"], line["protocol"]) for line in listed] == [
        ("alerts", "email"),
        ("documents", "lambda"),
        ("documents", "sqs"),
    ]
    assert "documents by sqs" in sensorctl("subscribers", "list").out
    assert f"{QUEUE} gets no more alerts." in sensorctl("subscribers", "remove", QUEUE).out
    assert QUEUE not in sensorctl("subscribers", "list").out
    assert "is not subscribed" in sensorctl("subscribers", "remove", QUEUE).error


@pytest.mark.parametrize(
    ("address", "error"),
    [
        ("arn:aws:firehose:us-east-1:123456789012:deliverystream/s", "neither a standard queue nor a function"),
        ("arn:aws:sqs:us-east-1:123456789012:pager.fifo", "neither a standard queue nor a function"),
        ("ftp://example.org", "not a web address"),
        ("https://", "not a web address"),
        ("https://[", "not a web address"),
        ("ops", "not a valid e-mail address"),
    ],
)
def test_what_sns_cannot_deliver_to_is_refused(address: str, error: str) -> None:
    assert error in sensorctl("subscribers", "add", address).error


def test_alarms_are_for_people() -> None:
    assert "alarms go to e-mail addresses alone" in sensorctl("subscribers", "add", QUEUE, "--alarms").error


def test_a_web_address_is_confirmed_by_the_link_of_its_own_topic(deployed: Pipeline) -> None:
    sns = boto3.client("sns")
    link = LINK.format(topic=deployed.notification_topic, token=TOKEN)
    assert subscribers.topic_in(link) == deployed.notification_topic
    sns.subscribe(TopicArn=deployed.notification_topic, Protocol="https", Endpoint="https://example.org/alerts")
    assert sensorctl("subscribers", "confirm", link).out.startswith("Confirmed")

import json
from typing import Any

import pytest

from constructs_lib.stage.settings import Settings, SettingsError, load_settings
from tests import ROOT

GOOD = {
    "alert_emails": ["ops@example.org"],
    "retention_days": 30,
    "quarantine_days": None,
    "log_retention_days": 7,
    "emails_per_minute": 30,
    "keep_data": False,
    "alarms_to_topic": False,
    "reserved_concurrency": {"ingest": 5},
}


def load(*, overrides: dict[str, Any] | None = None, **settings: Any) -> Settings:
    context = {"stages": {"dev": {**GOOD, **settings}}, **(overrides or {})}
    return load_settings(context.get)


def test_a_stage_is_read_whole() -> None:
    settings = load()

    assert settings.stage == "dev"
    assert settings.alert_emails == ("ops@example.org",)
    assert (settings.retention_days, settings.quarantine_days) == (30, None)
    assert (settings.reserved_concurrency.ingest, settings.reserved_concurrency.alert) == (5, None)
    assert settings.bundle == "lambda"


def test_addresses_on_the_command_line_replace_those_of_the_stage() -> None:
    assert load(overrides={"alert_emails": "a@x.org, b@y.org"}).alert_emails == ("a@x.org", "b@y.org")
    assert load(overrides={"alert_emails": ""}).alert_emails == ()


def test_both_stages_of_the_project_are_valid() -> None:
    context = json.loads((ROOT / "cdk.json").read_text())["context"]

    for stage in ("dev", "prod"):
        assert load_settings({**context, "stage": stage}.get).stage == stage


@pytest.mark.parametrize("address", ["a@x.org", "first.last+tag@mail.example.co.uk", "o'neil@example.museum"])
def test_addresses_that_people_have_are_taken(address: str) -> None:
    assert load(overrides={"alert_emails": address}).alert_emails == (address,)


@pytest.mark.parametrize(
    "address", ["bob", "bob@", "@x.org", "a b@x.org", "a@x", "a@@x.org", "a@x.org\n\tb", "a@-", "<a@x.org>"]
)
def test_what_is_no_address_is_refused_by_name(address: str) -> None:
    with pytest.raises(SettingsError, match="is not a valid e-mail address") as refused:
        load(overrides={"alert_emails": address})
    assert repr(address.strip()) in str(refused.value)


def test_the_email_budget_of_the_command_line_is_text_and_wins() -> None:
    assert load(overrides={"emails_per_minute": "10"}).emails_per_minute == 10
    with pytest.raises(SettingsError, match="emails_per_minute is 'many'; it must be a whole number 1-600"):
        load(overrides={"emails_per_minute": "many"})


def test_the_front_door_is_switched_on_and_off_from_the_command_line_too() -> None:
    assert load().front_door is None
    assert load(front_door="firehose").front_door == "firehose"
    assert load(overrides={"front_door": "firehose"}).front_door == "firehose"
    assert load(front_door="firehose", overrides={"front_door": ""}).front_door is None


def test_a_source_may_have_a_fleet_of_devices_where_a_fleet_is_one_source() -> None:
    assert load().devices_per_source == 20_000
    assert load(front_door="firehose").devices_per_source == 1_000_000
    assert load(front_door="firehose", devices_per_source=5).devices_per_source == 5


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"retention_days": 0}, "cdk.json: stages.dev.retention_days is 0; it must be a whole number 1-3650, or null."),
        (
            {"retention_days": True},
            "cdk.json: stages.dev.retention_days is True; it must be a whole number 1-3650, or null.",
        ),
        (
            {"emails_per_minute": "30"},
            "cdk.json: stages.dev.emails_per_minute is '30'; it must be a whole number 1-600.",
        ),
        (
            {"emails_per_minute": None},
            "cdk.json: stages.dev.emails_per_minute is None; it must be a whole number 1-600.",
        ),
        (
            {"new_alerts_per_hour": 0},
            "cdk.json: stages.dev.new_alerts_per_hour is 0; it must be a whole number 1-10000000, or null.",
        ),
        (
            {"registry_partitions": 3},
            "cdk.json: stages.dev.registry_partitions is 3; it must be a whole number 4-64, or null.",
        ),
        ({"keep_data": "yes"}, "cdk.json: stages.dev.keep_data is 'yes'; it must be true or false."),
        ({"alert_emails": [1]}, "cdk.json: stages.dev.alert_emails is [1]; it must be a list of e-mail addresses."),
        (
            {"alert_emails": ["a@x.org", "A@x.org"]},
            "cdk.json: stages.dev.alert_emails names an address twice; SNS keeps one subscription an address.",
        ),
        (
            {"reserved_concurrency": {"ingest": 0}},
            "cdk.json: stages.dev.reserved_concurrency.ingest is 0; it must be a whole number 1-10000, or null.",
        ),
        ({"front_door": "kinesis"}, "cdk.json: stages.dev.front_door is 'kinesis'; choose firehose, or null for none."),
        (
            {"devices_per_source": 0},
            "cdk.json: stages.dev.devices_per_source is 0; it must be a whole number 1-1000000, or null.",
        ),
        ({"system_log_level": "info"}, "cdk.json: stages.dev.system_log_level is 'info'; choose INFO or WARN."),
        (
            {"provisioned_writes": {"least": 50}},
            "cdk.json: stages.dev.provisioned_writes.most is None; it must be a whole number 1-40000.",
        ),
        (
            {"provisioned_writes": {"least": 50, "most": 5}},
            "cdk.json: stages.dev.provisioned_writes.least is 50, more than most, which is 5.",
        ),
        ({"device_identity": "strict"}, "cdk.json: stages.dev.device_identity is 'strict'; choose open or folder."),
        (
            {"gateways": ["gateway,5"]},
            "cdk.json: stages.dev.gateways: 'gateway,5' is not the name of a folder; letters, digits and - : . _ * ? "
            "make one, in a list.",
        ),
        (
            {"reserved_concurrency": {"both": 1}},
            "cdk.json: stages.dev.reserved_concurrency.both is no setting; settings are ingest, alert.",
        ),
    ],
)
def test_a_wrong_value_is_refused_with_its_place_and_rule(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load(**settings)
    assert str(refused.value) == sentence


def test_a_misspelt_setting_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"stages\.dev\.retension_days is no setting; settings are alert_emails, "):
        load(retension_days=3)


def test_log_retention_must_be_one_that_cloudwatch_knows() -> None:
    with pytest.raises(SettingsError, match=r"log_retention_days is 8; CloudWatch Logs takes 1, 3, 5, 7, "):
        load(log_retention_days=8)


@pytest.mark.parametrize(
    ("context", "sentence"),
    [
        ({}, "cdk.json: context.stages is missing; it maps each stage to its settings."),
        ({"stages": {"dev": GOOD}, "stage": "Dev"}, "stage is 'Dev'; cdk.json knows dev."),
        ({"stages": {"dev": GOOD}, "bundle": "arm"}, "bundle is 'arm'; choose lambda or host."),
        ({"stages": {"dev": []}}, "cdk.json: stages.dev is []; it must be an object of settings."),
        (
            {"stages": {"production-eu": GOOD}, "stage": "production-eu"},
            "stage 'production-eu' is no stage name: 2 to 10 small letters and digits, a letter first.",
        ),
    ],
)
def test_a_wrong_context_is_refused_in_one_sentence(context: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings(context.get)
    assert str(refused.value) == sentence

"""The settings of one stage: CDK context in, a validated `Settings` out. Pure; no AWS CDK import.

Stages stand in cdk.json under `stages`; `-c stage=prod` picks one (default dev), `-c alert_emails=a@x.org,b@y.org`
replaces its addresses, `-c emails_per_minute=10` its e-mail budget, `-c front_door=firehose` switches the front door
on, `-c bundle=host` bundles the functions for this interpreter instead of Lambda. `-c account=111122223333 -c
region=eu-central-1` writes both into the template, which is otherwise for any account and region.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from constructs_lib.errors import SynthError
from constructs_lib.stage.regions import check_region
from lambdas.ingest.decoding.limits import MOST_DEVICES
from lambdas.shared.keys import LEAST_PARTITIONS, MOST_PARTITIONS
from lambdas.shared.names import EMAIL_ADDRESS

BundleTarget = Literal["lambda", "host"]
DeviceIdentity = Literal["open", "folder"]
FrontDoorKind = Literal["firehose"]
SystemLogLevel = Literal["INFO", "WARN"]

# Ten characters leave room for the account and region in the bucket's 63 (S3 User Guide, "Bucket naming rules") and
# for the name of the X-Ray group in its 32 (X-Ray API Reference, CreateGroup).
_STAGE = re.compile(r"[a-z][a-z0-9]{1,9}")
_ACCOUNT = re.compile(r"\d{12}")
# CloudWatch Logs API Reference, PutRetentionPolicy, `retentionInDays`.
_MONTHS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180)
_YEARS = (365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)
_LOG_RETENTION = (*_MONTHS, *_YEARS)
# Of which each process of ingest knows every name: a tenth of its memory.
_MOST_OF_A_FLEET = 1_000_000
# What a device's id may hold, and the two signs of a pattern; no comma, which parts them on their way to the function.
_GATEWAY = re.compile(r"[A-Za-z0-9\-:._*?]{1,128}")


class SettingsError(SynthError):
    """A setting is wrong; the message names the setting, its value and the rule."""


@dataclass(frozen=True, kw_only=True)
class ReservedConcurrency:
    """Concurrent executions set aside for a function; None takes from the account's common pool.

    Off unless asked for: a new account's quota of 10 leaves nothing to reserve, and the deployment would fail
    (Lambda API Reference, PutFunctionConcurrency: 100 must stay unreserved). `sensorctl preflight` compares.
    """

    ingest: int | None = None
    alert: int | None = None


@dataclass(frozen=True, kw_only=True)
class ProvisionedWrites:
    """Write units a second of the readings table, which auto scaling moves between `least` and `most`.

    A unit costs 59 % less than on demand where uploads come evenly. What a burst writes over the capacity is throttled,
    and tried again by ingest, until auto scaling has followed, which takes minutes (DynamoDB Developer Guide, "Managing
    throughput capacity automatically with DynamoDB auto scaling").
    """

    least: int
    most: int


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One stage. `keep_data` is for data worth keeping: point-in-time recovery, and it outlives its stack."""

    stage: str
    alert_emails: tuple[str, ...]
    retention_days: int | None  # of readings, by TTL; None keeps them for ever
    quarantine_days: int | None  # of rejected records in quarantine/; None keeps them for ever
    log_retention_days: int
    emails_per_minute: int
    keep_data: bool
    alarms_to_topic: bool
    reserved_concurrency: ReservedConcurrency
    # `folder`: an upload speaks for the device whose folder it lies in, and only `gateways` for others.
    device_identity: DeviceIdentity = "open"
    gateways: tuple[str, ...] = ()
    # Of one source, over the e-mail budget. Twice the metrics of a gateway of 10,000 devices would be 20,000; what is
    # tried again after a fault may count twice.
    new_alerts_per_hour: int = 25_000
    # How many devices one source may have registered and alerted in an hour.
    devices_per_source: int = MOST_DEVICES
    front_door: FrontDoorKind | None = None
    # Over how many partitions the registry of devices is spread; each takes 1,000 registrations a second.
    registry_partitions: int = LEAST_PARTITIONS
    provisioned_writes: ProvisionedWrites | None = None  # None: on demand
    # Lambda's own lines: of each invocation, or of those that fail alone.
    system_log_level: SystemLogLevel = "INFO"
    bundle: BundleTarget = "lambda"
    account: str | None = None  # None: any
    region: str | None = None


def load_settings(context: Callable[[str], Any]) -> Settings:
    """Return the settings that `context` (key -> value or None) asks for. Raises SettingsError."""
    stages = context("stages")
    if not isinstance(stages, Mapping) or not stages:
        raise SettingsError("cdk.json: context.stages is missing; it maps each stage to its settings.")
    stage = context("stage") or "dev"
    if stage not in stages:
        raise SettingsError(f"stage is {stage!r}; cdk.json knows {_listed(stages)}.")
    if not _STAGE.fullmatch(stage):
        raise SettingsError(f"stage {stage!r} is no stage name: 2 to 10 small letters and digits, a letter first.")
    bundle = context("bundle") or "lambda"
    if bundle not in ("lambda", "host"):
        raise SettingsError(f"bundle is {bundle!r}; choose lambda or host.")
    given = _Section(f"cdk.json: stages.{stage}", _overridden(stages[stage], context), _STAGE_MEMBERS)
    override = context("alert_emails")
    return Settings(
        stage=stage,
        alert_emails=_emails("alert_emails", override) if override is not None else given.emails("alert_emails"),
        retention_days=given.number("retention_days", 1, 3650, optional=True),
        quarantine_days=given.number("quarantine_days", 1, 3650, optional=True),
        log_retention_days=_log_retention(given),
        # SNS suspends an e-mail subscription over 10 messages a second (SNS Developer Guide, "Amazon SNS quotas").
        emails_per_minute=given.required_number("emails_per_minute", 1, 600),
        keep_data=given.flag("keep_data"),
        alarms_to_topic=given.flag("alarms_to_topic"),
        reserved_concurrency=_reserved(given),
        device_identity=_identity(given),
        gateways=_gateways(given),
        new_alerts_per_hour=given.number("new_alerts_per_hour", 1, 10_000_000, optional=True)
        or Settings.new_alerts_per_hour,
        front_door=_front_door(given),
        provisioned_writes=_provisioned_writes(given),
        system_log_level=_system_log_level(given),
        devices_per_source=_devices_per_source(given),
        registry_partitions=given.number("registry_partitions", LEAST_PARTITIONS, MOST_PARTITIONS, optional=True)
        or Settings.registry_partitions,
        bundle=cast(BundleTarget, bundle),
        **_home(context("account"), context("region")),
    )


_NO_STAGE_MEMBERS = ("stage", "bundle", "account", "region")
_STAGE_MEMBERS = tuple(name for name in Settings.__dataclass_fields__ if name not in _NO_STAGE_MEMBERS)


class _Section:
    """One JSON object of settings, read member by member; messages begin with where it stands."""

    def __init__(self, where: str, values: Any, members: tuple[str, ...]) -> None:
        if not isinstance(values, Mapping):
            raise SettingsError(f"{where} is {values!r}; it must be an object of settings.")
        unknown = sorted(set(values) - set(members))
        if unknown:
            raise SettingsError(f"{where}.{unknown[0]} is no setting; settings are {_listed(members)}.")
        self.where = where
        self._values = values

    def get(self, name: str) -> Any:
        return self._values.get(name)

    def number(self, name: str, low: int, high: int, *, optional: bool) -> int | None:
        value = self.get(name)
        if value is None and optional:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            absent = ", or null" if optional else ""
            raise SettingsError(f"{self.where}.{name} is {value!r}; it must be a whole number {low}-{high}{absent}.")
        return value

    def required_number(self, name: str, low: int, high: int) -> int:
        return cast(int, self.number(name, low, high, optional=False))

    def flag(self, name: str) -> bool:
        value = self.get(name)
        if not isinstance(value, bool):
            raise SettingsError(f"{self.where}.{name} is {value!r}; it must be true or false.")
        return value

    def emails(self, name: str) -> tuple[str, ...]:
        return _emails(f"{self.where}.{name}", self.get(name) or [])


def _emails(where: str, given: Any) -> tuple[str, ...]:
    """Read a comma-separated text or a list of addresses."""
    listed = given.split(",") if isinstance(given, str) else given
    if not isinstance(listed, list) or not all(isinstance(address, str) for address in listed):
        raise SettingsError(f"{where} is {given!r}; it must be a list of e-mail addresses.")
    addresses = tuple(stripped for address in listed if (stripped := address.strip()))
    for address in addresses:
        if not EMAIL_ADDRESS.fullmatch(address):
            raise SettingsError(f"{where}: {address!r} is not a valid e-mail address.")
    if len({address.lower() for address in addresses}) < len(addresses):
        raise SettingsError(f"{where} names an address twice; SNS keeps one subscription an address.")
    return addresses


def _home(account: Any, region: Any) -> dict[str, str]:
    """Return the account and region that the template is for, nothing if it is for any."""
    if account is None and region is None:
        return {}
    check_region(region)
    if not isinstance(account, str) or not _ACCOUNT.fullmatch(account) or not isinstance(region, str):
        raise SettingsError(f"account is {account!r}, region {region!r}; give both: 12 digits, and such as us-east-1.")
    return {"account": account, "region": region}


def _overridden(values: Any, context: Callable[[str], Any]) -> Any:
    """Return a stage's settings with those that the command line gives; there everything is text."""
    if not isinstance(values, Mapping):
        return values
    given = {name: context(name) for name in ("emails_per_minute", "front_door")}
    return {
        **values,
        **{
            name: int(value) if isinstance(value, str) and value.isdecimal() else value
            for name, value in given.items()
            if value is not None
        },
    }


def _log_retention(given: _Section) -> int:
    value = given.required_number("log_retention_days", 1, 3653)
    if value not in _LOG_RETENTION:
        raise SettingsError(
            f"{given.where}.log_retention_days is {value}; CloudWatch Logs takes {_listed(_LOG_RETENTION)}."
        )
    return value


def _identity(given: _Section) -> DeviceIdentity:
    value = given.get("device_identity") or "open"
    if value not in ("open", "folder"):
        raise SettingsError(f"{given.where}.device_identity is {value!r}; choose open or folder.")
    return cast(DeviceIdentity, value)


def _front_door(given: _Section) -> FrontDoorKind | None:
    value = given.get("front_door") or None
    if value not in ("firehose", None):
        raise SettingsError(f"{given.where}.front_door is {value!r}; choose firehose, or null for none.")
    return cast(FrontDoorKind | None, value)


def _system_log_level(given: _Section) -> SystemLogLevel:
    value = given.get("system_log_level") or "INFO"
    if value not in ("INFO", "WARN"):
        raise SettingsError(f"{given.where}.system_log_level is {value!r}; choose INFO or WARN.")
    return cast(SystemLogLevel, value)


def _provisioned_writes(given: _Section) -> ProvisionedWrites | None:
    value = given.get("provisioned_writes")
    if value is None:
        return None
    section = _Section(f"{given.where}.provisioned_writes", value, ("least", "most"))
    # DynamoDB Developer Guide, "Quotas in Amazon DynamoDB": 40,000 write units a table.
    least, most = (section.required_number(name, 1, 40_000) for name in ("least", "most"))
    if least > most:
        raise SettingsError(f"{section.where}.least is {least}, more than most, which is {most}.")
    return ProvisionedWrites(least=least, most=most)


def _devices_per_source(given: _Section) -> int:
    """All that comes through the front door is of one source, so with it a source may have a whole fleet."""
    most = given.number("devices_per_source", 1, _MOST_OF_A_FLEET, optional=True)
    return most or (_MOST_OF_A_FLEET if _front_door(given) else MOST_DEVICES)


def _gateways(given: _Section) -> tuple[str, ...]:
    listed = given.get("gateways") or []
    for glob in listed if isinstance(listed, list) else [listed]:
        if not isinstance(glob, str) or not _GATEWAY.fullmatch(glob):
            raise SettingsError(
                f"{given.where}.gateways: {glob!r} is not the name of a folder; letters, digits and - : . _ * ? "
                "make one, in a list."
            )
    return tuple(listed)


def _reserved(given: _Section) -> ReservedConcurrency:
    members = ("ingest", "alert")
    section = _Section(f"{given.where}.reserved_concurrency", given.get("reserved_concurrency") or {}, members)
    return ReservedConcurrency(**{name: section.number(name, 1, 10_000, optional=True) for name in members})


def _listed(names: Any) -> str:
    return ", ".join(str(name) for name in names)

"""A mute from its beginning to its end, with the commands that a person types."""

import json
from datetime import UTC, datetime
from typing import Any

from sensorctl.aws.uploader import Uploader
from sensorctl.aws.waiting import wait_until
from sensorctl.embedded.embedded_aws import EmbeddedAws
from tests.e2e.command_line import Ctl
from tests.e2e.test_alerts import SECONDS, forget_cached_thresholds, kinds, mailed, send, sweep


def alert_of(ctl: Ctl, device: str) -> dict[str, Any]:
    lines = map(json.loads, ctl("alerts", "--json")[1].splitlines())
    return next((line for line in lines if line["device_id"] == device), {})


def test_a_breach_under_a_mute_is_listed_and_mailed_once_when_the_mute_is_ended(
    aws: EmbeddedAws, uploader: Uploader, ctl: Ctl
) -> None:
    code, added = ctl("mutes", "add", "muted-*", "--for", "1h", "--why", "belt change")
    assert (code, "It concerns 0 open alerts" in added) == (0, True), added
    mute_id = added.split()[1].rstrip(":")
    # New processes know the mute at once, those of before within ten seconds.
    forget_cached_thresholds(aws)
    send(uploader, "muted-1", at=datetime.now(UTC), temperature=95)
    assert wait_until(lambda: alert_of(ctl, "muted-1").get("state") == "open", seconds=SECONDS)
    sweep(aws)
    assert kinds(aws, "muted-1") == []
    assert alert_of(ctl, "muted-1")["muted"]["name"] == mute_id
    assert "open (muted)" in ctl("alerts", "--open")[1]
    checks = {line["name"]: line["says"] for line in map(json.loads, ctl("status", "--json")[1].splitlines())}
    assert mute_id in checks["mutes"]
    assert "), holding back 1 " in checks["mutes"]
    assert f"{mute_id}" in ctl("mutes", "list")[1]

    assert ctl("mutes", "end", mute_id, "--yes")[0] == 0
    sweep(aws)
    assert mailed(aws, "muted-1", "opened")
    sweep(aws)
    assert kinds(aws, "muted-1") == ["opened"]
    assert alert_of(ctl, "muted-1")["muted"] is None

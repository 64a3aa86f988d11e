"""A handful of devices behind a gateway on the embedded AWS: cut off they are one e-mail, and its return is another."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from sensorctl.aws.uploader import Uploader
from sensorctl.aws.waiting import wait_until
from sensorctl.devices.registry import registered
from sensorctl.embedded.embedded_aws import EmbeddedAws
from sensorctl.run.past import age_uploads
from tests.e2e.command_line import Ctl
from tests.e2e.test_alerts import kinds, send, sweep

# The functions read the thresholds once a minute.
SECONDS = 120
PRESSES = [f"cut-off-{number}" for number in range(5)]


def test_devices_behind_a_gateway_that_is_cut_off_are_one_mail(aws: EmbeddedAws, uploader: Uploader, ctl: Ctl) -> None:
    now = datetime.now(UTC)
    for press in PRESSES:
        send(uploader, press, at=now, temperature=20)
    dynamodb, table = aws.access.client("dynamodb"), aws.pipeline.readings_table
    assert wait_until(lambda: set(PRESSES) <= set(registered(dynamodb, table=table)), seconds=SECONDS)
    for press in PRESSES:
        age_uploads(aws.access, aws.pipeline, press, to=now - timedelta(minutes=6))

    def swept(*expected: str) -> bool:
        sweep(aws)
        return kinds(aws, "hall-gateway") == list(expected)

    with behind(aws, {"cut-off-*": "hall-gateway"}, silent_after={"cut-off-*": "5m", "hall-gateway": "5m"}):
        assert wait_until(lambda: swept("silent"), seconds=SECONDS, every_s=2)
        (mail,) = [mail for mail in aws.mailbox.mails if mail.attributes["device_id"] == "hall-gateway"]
        assert "5 devices behind it" in " ".join(mail.body.split())
        shown = [json.loads(line) for line in ctl("devices", "--json")[1].splitlines()]
        assert {line["device_id"] for line in shown if line["cut_off"] == "hall-gateway"} == set(PRESSES)
        send(uploader, "cut-off-new", at=datetime.now(UTC), temperature=20)
        assert wait_until(lambda: swept("silent", "back"), seconds=SECONDS, every_s=2)
        assert [kinds(aws, press) for press in PRESSES] == [[]] * len(PRESSES)


@contextmanager
def behind(aws: EmbeddedAws, gateways: dict[str, str], *, silent_after: dict[str, str]) -> Iterator[None]:
    """Put devices behind gateways for a while."""
    ssm, name = aws.access.client("ssm"), aws.pipeline.thresholds_parameter
    before = ssm.get_parameter(Name=name)["Parameter"]["Value"]
    document = json.loads(before)
    document = {**document, "behind": gateways, "silent_after": {**document.get("silent_after", {}), **silent_after}}
    ssm.put_parameter(Name=name, Value=json.dumps(document), Type="String", Overwrite=True)
    try:
        yield
    finally:
        ssm.put_parameter(Name=name, Value=before, Type="String", Overwrite=True)

"""A hostile source beside an honest device: whatever crashes, the honest e-mail leaves within two ticks."""

from datetime import timedelta

from proof.faults import Plan, Schedule
from proof.proving import play_one
from proof.scenarios import SCENARIOS
from proof.world import START

SCENARIO = SCENARIOS["hostile-source"]


def test_the_honest_devices_alert_is_mailed_within_two_ticks_wherever_a_function_dies() -> None:
    undisturbed, _ = play_one(SCENARIO, Schedule(plan=Plan()))
    for call in range(1, len(undisturbed.calls) + 1, 6):
        world, verdict = play_one(SCENARIO, Schedule.parse(f"{Plan()}/{call}=crash-after"))
        assert (verdict.lost, verdict.doubled) == ([], [])
        named = [mail.at for mail in world.mails if "boiler-7 temperature 92.5" in mail.subject + mail.body]
        # The upload is 5 s before its event; a tick is a minute.
        assert min(named) - START < timedelta(minutes=2, seconds=10), call

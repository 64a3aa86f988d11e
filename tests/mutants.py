"""`make mutants`: the rules changed in one place at a time, and whether the tests notice.

mutmut makes the changes and remembers in `mutants/` what it has tried: a run that was stopped goes on with the module
where it was. With a module (`lambdas.alert.domain.silence`) it tries the changes of that module again, as after writing
a test. The exit code is 1 if the tests notice fewer than 90 of 100; docs/mutants.md explains those that they do not.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from multiprocessing import Process
from pathlib import Path

from mutmut.__main__ import cli
from mutmut.configuration import config

FLOOR = 90
MUTMUT = Path(sys.executable).parent / "mutmut"
# What mutmut calls a change that a test noticed, or that made one run without end.
NOTICED = ("killed", "timeout")
_RESULT = re.compile(r"^ +(?P<module>[\w.]+)\.x[_ǁ]\S*__mutmut_\d+: (?P<status>.+)$", re.MULTILINE)

# The rules whose mistakes would cost an alert or a reading, each with the tests that judge it: its own, which take
# milliseconds, for they run once for every change.
JUDGES = {
    "lambdas/alert/domain/lifecycle.py": [
        *("alert/test_lifecycle_breaches.py", "alert/test_lifecycle_ticks.py"),
        *("alert/test_by_hand.py", "alert/test_delayed_all_clear.py"),
    ],
    "lambdas/alert/domain/joining.py": [
        *("alert/test_lifecycle_breaches.py", "alert/test_lifecycle_ticks.py", "alert/test_lifecycle_mutes.py"),
    ],
    "lambdas/alert/domain/all_clear.py": ["alert/test_delayed_all_clear.py"],
    "lambdas/alert/domain/by_hand.py": ["alert/test_by_hand.py"],
    "lambdas/alert/domain/withheld.py": ["alert/test_withheld_rules.py", "alert/test_lifecycle_mutes.py"],
    "lambdas/alert/domain/mutes.py": ["alert/test_mute_rules.py"],
    "lambdas/alert/domain/gateway.py": ["alert/test_gateway_rules.py"],
    "lambdas/alert/domain/outbox.py": ["alert/test_outbox.py"],
    "lambdas/alert/domain/silence.py": ["alert/test_silence_rules.py"],
    "lambdas/alert/adapters/ledger_items.py": ["alert/test_ledger_items.py"],
    "lambdas/ingest/domain/breaches.py": ["ingest/test_breaches.py"],
    "lambdas/ingest/decoding/native.py": ["ingest/decoding/test_native.py"],
    "lambdas/ingest/decoding/senml.py": ["ingest/decoding/test_senml.py"],
    "lambdas/ingest/decoding/values/identifiers.py": ["ingest/decoding/test_values.py"],
    "lambdas/ingest/decoding/values/numbers.py": ["ingest/decoding/test_values.py"],
    "lambdas/ingest/decoding/values/timestamps.py": ["ingest/decoding/test_timestamps.py"],
    "lambdas/shared/thresholds/validation.py": ["shared/test_thresholds.py"],
    "lambdas/shared/thresholds/parameter.py": ["shared/test_threshold_source.py"],
    "lambdas/shared/thresholds/rules.py": ["shared/test_thresholds.py"],
    "lambdas/shared/thresholds/thresholds.py": ["shared/test_thresholds.py"],
    # Last, because moto takes a second.
    "lambdas/alert/adapters/ledger.py": ["alert/test_ledger_records.py", "alert/test_ledger_walks.py"],
}


def main() -> int:
    """Try what is left to try, and print how many of each module's changes were noticed."""
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("module", nargs="?", help="the only module to try, or a package of several")
    wanted = parser.parse_args().module
    for path, tests in JUDGES.items():
        name = _module(path)
        if _is_within(name, wanted) if wanted else not _is_tried(path):
            print(f"{name}, judged by {' '.join(tests)}", flush=True)
            # A process each: mutmut keeps what it has read and seen in its modules.
            trial = Process(target=_try, args=(path,))
            trial.start()
            trial.join()
            if trial.exitcode:
                return 1
    return judge(_results(), wanted=wanted)


def judge(results: str, *, wanted: str | None) -> int:
    """Print a line for each module and those changes that nobody noticed; return 1 if they are too many."""
    statuses: dict[str, Counter[str]] = defaultdict(Counter)
    for found in _RESULT.finditer(results):
        if not wanted or _is_within(found["module"], wanted):
            statuses[found["module"]][found["status"]] += 1
            if found["status"] not in NOTICED:
                print(found[0].strip())
    below = False
    for name, counted in sorted(statuses.items()):
        noticed, total = sum(counted[status] for status in NOTICED), counted.total()
        below |= noticed * 100 < FLOOR * total
        print(f"{name}: {noticed} of {total} noticed, {100 * noticed / total:.1f} %")
    if not statuses:
        print("Nothing was changed: has the module its tests in JUDGES (tests/mutants.py)?")
    return int(below or not statuses)


def _module(path: str) -> str:
    return path.removesuffix(".py").replace("/", ".")


def _is_within(module: str, wanted: str) -> bool:
    return f"{module}.".startswith(f"{wanted}.")


def _is_tried(path: str) -> bool:
    """Return whether all changes of the module as it is now have been tried."""
    results = _results_of(path)
    if not results.exists() or results.stat().st_mtime < Path(path).stat().st_mtime:
        return False
    return all(
        result["status"] != "not checked"
        for result in _RESULT.finditer(_results())
        if result["module"] == _module(path)
    )


def _results_of(path: str) -> Path:
    """Return where mutmut keeps what it has found in one module."""
    return Path("mutants", f"{path}.meta")


def _results() -> str:
    return subprocess.run([MUTMUT, "results", "--all", "true"], check=True, capture_output=True, text=True).stdout


def _try(path: str) -> None:
    """Let mutmut change one module, a change at a time and behind everything else on the machine."""
    os.nice(19)
    settings = config()
    settings.only_mutate = list(JUDGES)
    settings.pytest_add_cli_args_test_selection = [f"tests/unit/{tests}" for tests in JUDGES[path]]
    # Which tests reach which function, as the judges of another module saw it.
    Path("mutants", "mutmut-stats.json").unlink(missing_ok=True)
    if not _results_of(path).exists():
        # A copy of before the module was listed above, which mutmut would take for changed already.
        Path("mutants", path).unlink(missing_ok=True)
    cli(["run", "--max-children", "1", f"{_module(path)}.x*"])


if __name__ == "__main__":
    sys.exit(main())

"""`python -m tests.coverage_floor`: fails when the last `pytest --cov` took too few branches of the functions.

coverage's own `fail_under` is for lines and branches together, in which many lines hide a few branches.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from coverage import Coverage

FLOOR = 97.0


def main() -> int:
    """Print the share of branches taken, and where it is too small, what was not taken."""
    coverage = Coverage()
    coverage.load()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "coverage.json"
        coverage.json_report(outfile=str(report))
        measured = json.loads(report.read_text())
    taken, branches = measured["totals"]["covered_branches"], measured["totals"]["num_branches"]
    share = 100 * taken / branches
    print(f"lambdas: {taken:,} of {branches:,} branches taken by the tests, {share:.1f} % (at least {FLOOR:.0f} %)")
    if share >= FLOOR:
        return 0
    for path, file in measured["files"].items():
        for start, end in file["missing_branches"]:
            print(f"{path}:{start}: never goes to {f'line {end}' if end > 0 else 'the end'}")
    return 1


if __name__ == "__main__":
    sys.exit(main())

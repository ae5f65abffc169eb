"""``python -m tests.chaos.crash``: crash at every point of each use, on one pair of database and broker or on all."""

from __future__ import annotations

import argparse
import shlex
import sys
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

from tests.chaos.crash import table
from tests.chaos.crash.runs import run
from tests.chaos.crash.stage import PAIRS
from tests.chaos.crash.uses import USES

PAGE = Path(__file__).resolve().parents[3] / "docs" / "crash-points.md"


def main() -> int:
    """0 when every case of every pair ended level."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos.crash", description="Crashes at every step of a push."
    )
    parser.add_argument("--use", choices=USES, action="append", help="as a rule, one after the other")
    parser.add_argument("--pair", choices=PAIRS, default=PAIRS[0])
    parser.add_argument("--all-pairs", action="store_true")
    parser.add_argument("--seed", type=int, help="run only the sample of this seed")
    parser.add_argument("--only", default="", help="run only the cases in whose names is this pattern")
    parser.add_argument("--write", action="store_true", help="write the table to docs/crash-points.md")
    options = parser.parse_args()
    runs = []
    for use, pair in product(options.use or USES, PAIRS if options.all_pairs else (options.pair,)):
        done = run(pair, use=use, seed=options.seed, only=options.only)
        runs.append(done)
        sys.stdout.writelines(f"{line}\n" for line in table.terminal(done))
    if options.write:
        command = f"python -m tests.chaos.crash {shlex.join(sys.argv[1:])}"
        PAGE.write_text(table.markdown(runs, date=f"{datetime.now(UTC):%Y-%m-%d}", command=command))
    return int(any(done.broken or not done.results for done in runs))


if __name__ == "__main__":
    sys.exit(main())

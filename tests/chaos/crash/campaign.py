"""One pair's run in a process of its own: ``-m tests.chaos.crash.campaign PAIR RESULTS [--seed N] [--only WORDS]``."""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.chaos.crash import cases, uses
from tests.chaos.crash.cases import Case, Renamed, Result
from tests.chaos.crash.stage import CONCURRENCY, PAIRS, Stage, started

BATCH_SIZE = 100
RECORDS = {"users": ("",), "shop": ("customer", "order"), "renumbered": ("order",)}
"""Which records an object of each use has; every case is tried at each."""
RENAMED = {"users": Renamed(), "shop": Renamed("order", "replaced"), "renumbered": Renamed("order", "renamed")}
_AGAIN_SIZES = (24, 12, 6)
_SAMPLE_CONCURRENCY = 6
_WORKER_BATCH_SIZE = CONCURRENCY - 2
"""So many children of one worker wait at their crash points together; the others take what comes meanwhile."""


def main() -> int:
    """0 when every case ended level. The results go to a file as JSON; logs stay where something went wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.crash.campaign")
    parser.add_argument("pair", choices=PAIRS)
    parser.add_argument("results", type=Path)
    parser.add_argument("--seed", type=int, help="run only the sample of this seed")
    parser.add_argument("--only", type=re.compile, default=re.compile(""), help="a pattern in their names")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="usersync-crash-"))
    sound = False
    try:
        concurrency = CONCURRENCY if options.seed is None else _SAMPLE_CONCURRENCY
        with started(options.pair, folder, concurrency=concurrency) as stage:
            results = _run(stage, _planned(stage, options))
            if mistakes := stage.mistakes():
                raise RuntimeError("\n".join(["no results: tasks failed by mistakes in code", *mistakes[:10]]))
        options.results.write_text(json.dumps([result.as_json() for result in results]))
        sound = not any(result.problems for result in results)
    finally:
        if sound:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            sys.stderr.write(f"logs are in {folder}\n")
    return int(not sound)


def _planned(stage: Stage, options: argparse.Namespace) -> Sequence[Sequence[Case]]:
    if options.seed is not None:
        return [cases.sample(options.seed, records=RECORDS[uses.name()], renamed=RENAMED[uses.name()])]
    every = cases.every_case(one_writer=stage.one_writer, records=RECORDS[uses.name()], renamed=RENAMED[uses.name()])
    chosen = [case for case in every if options.only.search(case.name)]
    return cases.batches(chosen, size=BATCH_SIZE, worker_size=_WORKER_BATCH_SIZE)


def _run(stage: Stage, planned: Sequence[Sequence[Case]]) -> list[Result]:
    """The results; what was void is run again among fewer and fewer: a target that fails many is asked less often."""
    results = {result.case: result for batch in planned for result in _batch(stage, batch)}
    for size in _AGAIN_SIZES:
        void = [case for case, result in results.items() if result.void]
        for batch in cases.batches(void, size=size, worker_size=min(size, _WORKER_BATCH_SIZE)):
            results |= {result.case: result for result in _batch(stage, batch)}
    return list(results.values())


def _batch(stage: Stage, batch: Sequence[Case]) -> list[Result]:
    # Models can be imported only now that Django is set up with the system's own settings.
    from tests.chaos.crash.batch import Batch

    began = time.monotonic()
    results = Batch(stage, batch).run()
    broken = sum(bool(result.problems) for result in results)
    sys.stdout.write(f"{len(batch)} cases, {broken} broken, {time.monotonic() - began:.0f} s\n")
    sys.stdout.flush()
    return results


if __name__ == "__main__":
    sys.exit(main())

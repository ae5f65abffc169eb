"""``python -m bench``: measures, prints a table, writes bench/results.json (--quick: results-quick.json).

Exit 0 whether goals are met or not; 1 where a part could not be measured, which costs no other part its figures.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from bench import measures, system
from bench.figures import Figure, show
from bench.plan import FULL, QUICK

FOLDER = Path(__file__).parent


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description="The benchmarks, each with its baseline.")
    parser.add_argument("--quick", action="store_true", help="small numbers, one round, under 90 seconds")
    parser.add_argument("--only", default="", help="only the parts whose names contain this; writes no results")
    options = parser.parse_args()
    plan = QUICK if options.quick else FULL
    out, began = Console(width=140), time.monotonic()
    figures: list[Figure] = []
    failed: list[str] = []
    with tempfile.TemporaryDirectory() as folder, system.started(Path(folder)) as running:
        out.print(f"on {running.on}, Python {platform.python_version()}, {os.cpu_count()} cores")

        def tell(text: str) -> None:
            out.print(f"{time.monotonic() - began:6.0f} s  {text}", style="dim")

        for name, measure in measures.all_of(running, plan, tell):
            if options.only in name:
                tell(f"— {name}")
                try:
                    figures += measure()
                except Exception:  # noqa: BLE001  # twenty minutes of other figures are worth more; it is shown, and the exit code tells
                    out.print_exception()
                    failed.append(name)
        on = running.on
    show(figures, out)
    seconds = round(time.monotonic() - began)
    out.print(f"{seconds} s in all")
    for name in failed:
        out.print(f"not measured: {name}", style="bold red")
    if options.only:
        return bool(failed)
    results = {
        "command": f"python -m bench {' '.join(sys.argv[1:])}".strip(),
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "on": on,
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "seconds": seconds,
        "not_measured": failed,
        "figures": [figure.as_json() for figure in figures],
    }
    # A look in passing does not replace what a quiet machine has measured.
    path = FOLDER / ("results-quick.json" if options.quick else "results.json")
    path.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())

"""``python -m tests.chaos.run.bugs``: the chaos run has to find each seeded bug. Exit 1 when one escapes.

Names of bugs as arguments choose some; options that begin with ``--`` go to every run.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from syncproject.demo.stack import ROOT
from tests.chaos.run.seeded.registry import BUGS
from tests.chaos.run.voice import Voice

_SECONDS = 36


def caught(figures: dict[str, Any]) -> str:
    """What was seen broken, in words; empty where nothing was. Being too mild does not count."""
    seen = {name: figures[name] for name in ("lost", "doubled", "differing", "extra") if figures[name]}
    seen |= {name: count for name, count in figures["invariants"].items() if count}
    return ", ".join(f"{name} {count}" for name, count in seen.items())


def figures_of(*options: str) -> dict[str, Any]:
    """The figures of one run. Raises `RuntimeError` where it printed none."""
    command = [sys.executable, "-m", "tests.chaos.run", *options]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=os.environ)
    try:
        return dict(json.loads(ended.stdout.splitlines()[-1]))
    except (ValueError, IndexError):
        raise RuntimeError(f"{' '.join(command)} printed no figures:\n{ended.stdout}\n{ended.stderr}") from None


def main(arguments: list[str]) -> int:
    options = [word for word in arguments if word.startswith("--")]
    names = [word for word in arguments if not word.startswith("--")] or list(BUGS)
    escaped = []
    say = Voice()
    for name in names:
        wanted = not BUGS[name].harmless
        seen = ""
        for seed in BUGS[name].seeds if wanted else BUGS[name].seeds[:1]:
            run = ("--bug", name, "--seed", str(seed), "--seconds", str(_SECONDS), *BUGS[name].run)
            seen = caught(figures_of(*run, *options))
            if seen:
                break
        say(f"{name:24} {'caught' if seen else 'nothing seen'}: {seen} (seed {seed})")
        if bool(seen) != wanted:
            escaped.append(name)
    say(f"{len(names) - len(escaped)} of {len(names)} as expected; not so: {', '.join(escaped) or 'none'}")
    return int(bool(escaped))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

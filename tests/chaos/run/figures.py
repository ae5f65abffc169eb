"""A run in figures, and whether it was hard enough to count. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from syncproject.demo.comparison import Comparison
from tests.chaos.run.adversary import Record
from tests.chaos.run.options import Options
from tests.chaos.run.tally import Tally
from tests.chaos.run.verdict import Verdict

PER_TEN_MINUTES = {"takeovers": 30, "unknown": 100, "late": 20, "in_flight_kills": 60}


PER_MINUTE = {
    "clocks": 1,
    "decisions": 8,
    "ids": 1,
    "imports": 1,
    "keys": 2,
    "migrations": 2,
    "pauses": 3,
    "restores": 1,
    "strangers": 1,
    "strict": 10,
    "targets": 2,
    "transactions": 4,
}
"""How much of each kind of trouble, where a run has it."""
MEANT = {"strict": ("accepted", 1)}
"""What some of a kind have to be, and how many in a minute: the promise is made of those."""


def _least_of(kind: str, seconds: float) -> int:
    return max(1, round(PER_MINUTE[kind] * seconds / 60))


def _of(done: Counter[str], word: str) -> int:
    return sum(count for name, count in done.items() if word in name)


def least(seconds: float) -> dict[str, int]:
    """How often each must have happened in so many seconds of chaos."""
    return {name: max(1, round(count * seconds / 600)) for name, count in PER_TEN_MINUTES.items()}


def figures(
    options: Options,
    tally: Tally,
    record: Record,
    verdict: Verdict,
    late: int,
    troubles: Mapping[str, Counter[str]],
) -> dict[str, Any]:
    """The figures, as the last line shows them. ``troubles``: what was done of each further kind, by the kind."""
    comparison, convergence = verdict.comparison, verdict.convergence
    hits = {
        "takeovers": verdict.attempts["takeovers"],
        "unknown": verdict.attempts["unknown"],
        "late": late,
        "in_flight_kills": record.in_flight_kills.total(),
    }
    mild = [name for name, count in least(options.seconds).items() if hits[name] < count]
    mild += [kind for kind, done in troubles.items() if done.total() < _least_of(kind, options.seconds)]
    mild += [
        f"{kind} {word}"
        for kind, (word, each_minute) in MEANT.items()
        if kind in troubles and _of(troubles[kind], word) < int(each_minute * options.seconds / 60)
    ]
    broken = {name: len(complaints) for name, complaints in verdict.broken.items()}
    level = comparison.equal and not any(broken.values())
    return {
        **asked(options),
        **_done(tally, record),
        "owed_checks": tally.owed_checks,
        **hits,
        "attempts": verdict.attempts["attempts"],
        "troubles": {kind: dict(done) for kind, done in troubles.items()},
        **differences(comparison),
        "buried": dict(convergence.buried),
        "invariants": broken,
        "converge_seconds": round(convergence.seconds, 1),
        "converge_bound_seconds": options.converge_bound_seconds,
        "void": len(verdict.void),
        "mild": bool(mild),
        "too_few": mild,
        "ok": level and not mild and not verdict.void,
    }


def baseline_figures(
    options: Options, tally: Tally, record: Record, comparison: Comparison, told: dict[str, Any]
) -> dict[str, Any]:
    """The same of the textbook application, which has no rows that could tell more; ``told`` is by the ledger."""
    return {
        **asked(options),
        "baseline": True,
        "signals_only": options.signals_only,
        **_done(tally, record),
        "in_flight_kills": record.in_flight_kills.total(),
        **told,
        **differences(comparison),
        "ok": comparison.equal,
    }


def _done(tally: Tally, record: Record) -> dict[str, Any]:
    return {
        "writes": tally.operations.total(),
        "rows_written": tally.rows.total(),
        "writes_failed": tally.failures.total(),
        "kills": dict(record.kills),
        "freezes": dict(record.freezes),
        "deaths": dict(record.deaths),
    }


def asked(options: Options) -> dict[str, Any]:
    return {
        "seconds": options.seconds,
        "seed": options.seed,
        "pair": options.pair,
        "capabilities": list(options.world.capabilities),
        "unique_usernames": options.world.unique_usernames,
        "targets": {
            name: [*world.capabilities, *([] if world.unique_usernames else ["usernames shared"])]
            for name, world in options.targets.items()
        },
        "window_seconds": options.window_seconds,
        "bug": options.bug,
    }


def differences(comparison: Comparison) -> dict[str, Any]:
    return {
        "local": comparison.local,
        "remote": comparison.remote,
        "lost": len(comparison.lost),
        "doubled": len(comparison.doubled),
        "differing": len(comparison.differing),
        "extra": len(comparison.left_over),
    }


def summed(counter: Counter[str], most: int = 6) -> str:
    """The most frequent of them in words."""
    return ", ".join(f"{count} {name}" for name, count in counter.most_common(most)) or "none"

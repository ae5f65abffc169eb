"""A run in figures, and whether it was hard enough to count. Pure."""

from __future__ import annotations

from collections import Counter
from typing import Any

from syncproject.demo.comparison import Comparison
from tests.chaos.run import hardness
from tests.chaos.run.adversary import Record
from tests.chaos.run.hardness import Hits
from tests.chaos.run.options import Options
from tests.chaos.run.tally import Tally
from tests.chaos.run.verdict import Verdict


def figures(
    options: Options,
    tally: Tally,
    record: Record,
    verdict: Verdict,
    hits: Hits,
    lasted_seconds: float,
) -> dict[str, Any]:
    """The figures, as the last line shows them. ``lasted_seconds``: of chaos, as long as it took to be hard enough."""
    comparison, convergence = verdict.comparison, verdict.convergence
    mild = hardness.too_few(options, hits)
    broken = {name: len(complaints) for name, complaints in verdict.broken.items()}
    level = comparison.equal and not any(broken.values())
    return {
        **asked(options),
        **_done(tally, record),
        "owed_checks": tally.owed_checks,
        "lasted_seconds": round(lasted_seconds, 1),
        "takeovers": hits.takeovers,
        "unknown": hits.unknown.total(),
        "late": hits.late,
        "in_flight_kills": hits.in_flight_kills,
        "attempts": verdict.attempts,
        "troubles": {kind: dict(done) for kind, done in hits.troubles.items()},
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

"""Whether a run was hard enough to count, by what happened in it: how long that takes is the machine's. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from tests.chaos.run.options import Options

AT_MOST = 4.0
"""So many times as long as was asked for a run goes on, where it has not been hard enough."""
WRITES_SHARE = 0.25
"""Of the writes that were asked for, so many have to be done."""
PER_TEN_MINUTES = {"takeovers": 30, "unknown": 100, "late": 20, "in_flight_kills": 60}
PER_TARGET = 0.1
"""Of the unanswered requests, each target has to have had so many: one alone is no run of several targets."""
PER_MINUTE = {
    "clocks": 1,
    "decisions": 8,
    "drift": 6,
    "ids": 1,
    "imports": 1,
    "keys": 2,
    "migrations": 2,
    "pauses": 3,
    "restores": 1,
    "retire": 0.3,
    "strangers": 1,
    "strict": 10,
    "targets": 0.5,
    "transactions": 4,
    "upgrade": 0.4,
}
"""How much of each kind of trouble, where a run has it. Those that deploy go one after the other, each for up to a minute."""
MEANT = {"strict": ("accepted", 1), "drift": ("audited", 0.5), "upgrade": ("on trial", 0.2)}
"""What some of a kind have to be, and how many in a minute: the promise is made of those."""
_ENDS_AUDITS = frozenset(("retire", "targets", "upgrade"))
"""With these, hardly an audit is finished while there is chaos; the one at the end always is."""


@dataclass(frozen=True, slots=True)
class Hits:
    """What happened. ``unknown``: requests without an answer, by target. ``troubles``: what was done of each further kind, by
    the kind.
    """

    writes: int
    takeovers: int
    unknown: Counter[str]
    late: int
    in_flight_kills: int
    troubles: Mapping[str, Counter[str]]


def least(seconds: float) -> dict[str, int]:
    """How often each must have happened where so many seconds of chaos were asked for."""
    return {name: max(1, round(count * seconds / 600)) for name, count in PER_TEN_MINUTES.items()}


def too_few(options: Options, hits: Hits) -> list[str]:
    """What there was too little of; a run without any of it would show nothing."""
    wanted = least(options.seconds)
    happened = {
        "takeovers": hits.takeovers,
        "unknown": hits.unknown.total(),
        "late": hits.late,
        "in_flight_kills": hits.in_flight_kills,
    }
    each = max(1, round(wanted["unknown"] * PER_TARGET))
    counts = {"writes": (hits.writes, options.writes * WRITES_SHARE)}
    counts |= {name: (happened[name], count) for name, count in wanted.items()}
    counts |= {f"unknown at {name}": (hits.unknown[name], each) for name in options.targets}
    counts |= {kind: (done.total(), _least_of(kind, options.seconds)) for kind, done in hits.troubles.items()}
    counts |= {
        f"{kind} {word}": (_of(hits.troubles[kind], word), int(each_minute * options.seconds / 60))
        for kind, (word, each_minute) in MEANT.items()
        if kind in hits.troubles and not (kind == "drift" and _ENDS_AUDITS & hits.troubles.keys())
    }
    return [f"{name} ({count} of {least:g})" for name, (count, least) in counts.items() if count < least]


def _least_of(kind: str, seconds: float) -> int:
    return max(1, round(PER_MINUTE[kind] * seconds / 60))


def _of(done: Counter[str], word: str) -> int:
    return sum(count for name, count in done.items() if word in name)

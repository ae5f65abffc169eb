"""The ways in which the third party lies, as switches for `/_sandbox/faults`.

None makes a request take effect later than the third party says it may: latency, a freeze of the sandbox
and the late application together stay below the window that begins with the call's time-out.
"""

from __future__ import annotations

import random
from typing import Any

from tests.chaos.run.options import Options, World

LONGEST_SANDBOX_FREEZE_SECONDS = 1.0
_LATENCY_SECONDS = 0.4
_SLACK_SECONDS = 1.2
"""For a sandbox that gets no processor at once, or has just been killed and starts anew."""

PARKING = ("http_400", "http_409", "http_413", "http_415", "http_422", "invalid", "unknown_status")
"""Reasons with which the product may rightly park a record: the third party refused it for good."""

_MOODS: dict[str, dict[str, Any]] = {
    "well": {},
    "answers lost": {
        "apply_then_500": 0.15,
        "apply_then_hang": 0.1,
        "apply_then_cut": 0.15,
        "apply_then_cut_body": 0.1,
    },
    "late": {"late_apply": 0.4},
    "late and lossy": {"late_apply": 0.2, "apply_then_hang": 0.1, "apply_then_cut": 0.2, "hang": 0.05, "cut": 0.1},
    "overloaded": {"429": 0.25, "503": 0.15, "425": 0.05, "busy": 0.2, "retry_after": 0.5},
    "breaking": {"500": 0.1, "502": 0.1, "504": 0.1, "408": 0.1, "cut": 0.1, "503": 0.1},
    "talking nonsense": {
        "bad_json": 0.1,
        "wrong_shape": 0.1,
        "missing_data": 0.1,
        "html": 0.1,
        "slow_headers": 0.03,
        "slow_body": 0.03,
        "giant_body": 0.01,
        "gzip_bomb": 0.03,
        "apply_before_garbage": 0.6,
        "giant_bytes": 5_000_000,
    },
    "refusing half": {"refuse": 0.5},
    "away": {"refuse": 1},
    "hanging": {"hang": 0.5, "apply_then_hang": 0.2},
    "forgetful": {"user_exists_without_id": 0.5, "apply_then_cut": 0.3},
    "rejecting": {"400": 0.02, "409": 0.02, "422": 0.03, "invalid": 0.03, "unknown_status": 0.02, "502": 0.05},
}
_NEEDS_QUERY = ("forgetful",)
"""Without look-up, `user_exists` without an id leaves nobody any means to tell whose record it is."""
_BADLY = ("late", "late and lossy", "answers lost")


class Moods:
    """A shuffled deck of moods; the worst lie thrice in it, since those are what promises are made for."""

    def __init__(self, options: Options, world: World, chance: random.Random) -> None:
        self._chance = chance
        self._window_seconds = options.window_seconds
        known = [name for name in _MOODS if world.offers_query or name not in _NEEDS_QUERY]
        names = known + 2 * list(_BADLY)
        self._names = [name for name in names if not options.moods or any(word in name for word in options.moods)]
        self._deck: list[str] = []

    def next(self) -> tuple[str, dict[str, Any]]:
        """The next mood and its switches."""
        if not self._deck:
            self._deck = self._chance.sample(self._names, len(self._names))
        name = self._deck.pop()
        switches = dict(_MOODS[name])
        most = self._window_seconds - _LATENCY_SECONDS - LONGEST_SANDBOX_FREEZE_SECONDS - _SLACK_SECONDS
        late = {
            "late_seconds": round(self._chance.uniform(0.3 * most, most), 2),
            "late_answer": self._chance.choice(("hang", "504")),
        }
        switches |= {
            "latency_seconds": round(self._chance.uniform(0.02, 0.1), 3),
            "latency_jitter_seconds": round(self._chance.uniform(0.05, _LATENCY_SECONDS - 0.1), 3),
            "seed": self._chance.randrange(2**32),
        }
        if "late_apply" in switches:
            switches |= late
        return name, switches

"""The faults that make the sandbox misbehave, and the draw that decides about one request.

Every fault is a rate from 0 to 1; ``true`` means 1. One request meets at most one of them, with exactly these
probabilities as long as they add up to no more than 1, else in their proportion.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from thirdparty.sandbox.manner import Manner

HTTP_STATUSES = ("400", "401", "403", "404", "405", "408", "409", "413", "415", "422", "423", "425", "429")
SERVER_ERRORS = ("500", "502", "503", "504")
BUSINESS_STATUSES = ("busy", "invalid", "unknown_status")
GARBAGE = ("bad_json", "wrong_shape", "missing_data", "html", "slow_headers", "slow_body", "giant_body", "gzip_bomb")
GROUPS = {"5xx": SERVER_ERRORS, "slow_drip": ("slow_headers", "slow_body")}
APPLY_THEN = ("apply_then_500", "apply_then_hang", "apply_then_cut", "apply_then_cut_body")
EXCLUSIVE = (
    *HTTP_STATUSES,
    *SERVER_ERRORS,
    *BUSINESS_STATUSES,
    *APPLY_THEN,
    *GARBAGE,
    *GROUPS,
    "late_apply",
    "hang",
    "cut",
    "redirect",
)
RATES = (*EXCLUSIVE, "refuse", "user_exists_without_id")


@dataclass(frozen=True, slots=True)
class Only:
    """Which requests the faults (and the latency) are for; empty means all.

    ``first``: after so many matching requests everything is well again.
    """

    calls: tuple[str, ...] = ()
    usernames: tuple[str, ...] = ()
    first: int | None = None

    def matches(self, call: str, username: str | None) -> bool:
        """Whether a request is of the chosen ones, were there no ``first``."""
        return (not self.calls or call in self.calls) and (not self.usernames or username in self.usernames)


@dataclass(frozen=True, slots=True)
class Hit:
    """What happens to one request: a single fault or none, after a delay."""

    fault: str | None = None
    delay_seconds: float = 0.0
    apply_before_garbage: bool = True
    hide_existing_id: bool = False


@dataclass(frozen=True, slots=True)
class Faults:
    """All switches. The same seed and the same order of matching requests give the same hits.

    ``late_seconds``: when `late_apply` takes effect, counted from the arrival. ``drip_seconds``: pause before each
    byte of a slow answer. ``retry_after``: sent with 423, 425, 429 and 503, in seconds or as an HTTP date. ``manner``: of
    all answers, whatever ``only`` chooses.
    """

    rates: Mapping[str, float] = field(default_factory=dict)
    latency_seconds: float = 0.0
    latency_jitter_seconds: float = 0.0
    retry_after: float | str | None = None
    late_seconds: float = 2.0
    late_answer: str = "hang"
    drip_seconds: float = 0.1
    giant_bytes: int = 64 * 1024 * 1024
    redirect_status: int = 302
    apply_before_garbage: float = 1.0
    only: Only = field(default_factory=Only)
    manner: Manner = field(default_factory=Manner)
    seed: int = 0

    @property
    def idle(self) -> bool:
        """Whether no request can meet anything."""
        return not (self.rates or self.latency_seconds or self.latency_jitter_seconds)

    def draw(self, nth: int) -> Hit:
        """What the ``nth`` matching request, from 1, meets."""
        if self.only.first is not None and nth > self.only.first:
            return Hit()
        # One generator per request: neither a restart nor another request's needs can shift the draws.
        chance = random.Random((self.seed << 64) + nth)  # noqa: S311 - no secret
        point = chance.random() * max(1.0, sum(self.rates.get(name, 0.0) for name in EXCLUSIVE))
        fault = None
        for name in EXCLUSIVE:
            point -= self.rates.get(name, 0.0)
            if point < 0:
                fault = chance.choice(GROUPS[name]) if name in GROUPS else name
                break
        return Hit(
            fault,
            self.latency_seconds + chance.random() * self.latency_jitter_seconds,
            chance.random() < self.apply_before_garbage,
            chance.random() < self.rates.get("user_exists_without_id", 0.0),
        )

    def as_json(self) -> dict[str, Any]:
        """The switches in the form that `thirdparty.sandbox.switches.parse` reads."""
        return asdict(self)

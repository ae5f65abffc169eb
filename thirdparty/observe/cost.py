"""How long calls to a target take at the rate that is allowed there."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from thirdparty import protect, targets
from thirdparty.declaration.registry import declared_for
from thirdparty.models import Target

CALLS_OF_AN_ADD = 1


@dataclass(frozen=True, slots=True)
class Adds:
    """What so many new objects are for one target that takes their kind. ``seconds`` is None without a rate."""

    target: str
    records: int
    calls: int
    rate_per_second: float | None
    seconds: float | None

    def as_json(self) -> dict[str, Any]:
        """The same as plain values, for JSON."""
        return asdict(self)


def adds(kind: str, count: int) -> list[Adds]:
    """What it would take to add so many new objects of this kind, at each target that takes them."""
    takers = [name for name in targets.names() if kind in {each.kind for each in declared_for(name)}]
    calls = count * CALLS_OF_AN_ADD
    return [Adds(name, count, calls, *at_the_allowed_rate(name, calls)) for name in takers]


def at_the_allowed_rate(target: str, calls: int) -> tuple[float | None, float | None]:
    """Calls a second, and how many seconds so many take; None and None where there is no rate."""
    row = Target.objects.filter(name=target).first() or Target(name=target)
    rate = protect.summary(row)["rate_per_second"]
    return rate, None if rate is None else calls / rate

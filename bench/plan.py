"""How much is measured: in full on a quiet machine, or quickly anywhere."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """``rounds``: how often each pair of designs takes turns. Counts are users, calls or saves of one measurement.

    ``drained`` is for what does thousands a second, ``one_by_one`` for what takes a message for each user.
    """

    rounds: int
    drained: int
    one_by_one: int
    latencies_seconds: tuple[float, ...]
    saves: int
    latency_saves: int
    bulk: int
    recovered: int
    reconciled: tuple[int, int]
    paged: int
    pushes: tuple[int, int]
    rivals: bool


FULL = Plan(
    rounds=3,
    drained=20_000,
    one_by_one=1_000,
    latencies_seconds=(0.0, 0.02, 0.1),
    saves=2_000,
    latency_saves=100,
    bulk=100_000,
    recovered=50_000,
    reconciled=(1_000_000, 10_000_000),
    paged=1_000_000,
    pushes=(20_000, 200_000),
    rivals=True,
)
QUICK = Plan(
    rounds=1,
    drained=1_500,
    one_by_one=100,
    latencies_seconds=(0.02,),
    saves=200,
    latency_saves=10,
    bulk=5_000,
    recovered=2_000,
    reconciled=(50_000, 200_000),
    paged=20_000,
    pushes=(1_000, 5_000),
    rivals=False,
)

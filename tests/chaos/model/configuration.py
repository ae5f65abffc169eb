"""What one exploration is about: the third party's offers and what may go wrong how often."""

from __future__ import annotations

from dataclasses import dataclass

from tests.chaos.model.state import Budget
from tests.chaos.model.target import STRANGER, Offers, Record


@dataclass(frozen=True, slots=True)
class Configuration:
    """``frozen_senders``: a worker frozen after its lease check may send its request at any later time
    (PROTOCOL 5's exception). ``stranger``: somebody's record of our username was there before.
    """

    name: str
    offers: Offers
    budget: Budget
    adopt: str = "match"
    frozen_senders: bool = False
    stranger: bool = False

    @property
    def records(self) -> tuple[Record, ...]:
        """What the third party holds at the beginning."""
        return (Record(1, STRANGER, 0, 0, foreign=True),) if self.stranger else ()

    @property
    def unique_records(self) -> bool:
        """Whether promise 2 can be kept at all (CONTRACT A)."""
        return self.offers.query or self.offers.idempotency or self.offers.unique

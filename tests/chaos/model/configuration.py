"""What one exploration is about: the third party's offers and what may go wrong how often."""

from __future__ import annotations

from dataclasses import dataclass

from tests.chaos.model.state import Budget
from tests.chaos.model.target import Offers, Record
from thirdparty.connectors.leaving import Leaving


@dataclass(frozen=True, slots=True)
class Configuration:
    """``frozen_senders``: a worker frozen after its lease check may send its request at any later time
    (PROTOCOL 5's exception). ``stranger``: whose external id a record of our username has that was there before us,
    `target.STRANGER` or `target.NOBODY`; 0 where there was none. Where each user has a username of their own, so has the
    stranger, who comes right after a restore. ``restored_at_rest``: a restore comes while nothing is owed. ``backed_up``: the
    user and their record have been there since before the backup. ``refers``: whom each user may refer to, and does at the
    beginning, -1 for nobody; as many users are there then. ``leaving``: what becomes of the record of whoever leaves.
    ``apart``: something may come between a claim and its attempt; else they are one move, which leaves far fewer states.
    ``replaces``: a record is deleted and added anew where its user has another username; where the target ``renames``, an
    update gives it that one; else it keeps the old one. ``usernames``: so many there are.
    ``rewrites``: each update is one that the brake is asked about.
    """

    name: str
    offers: Offers
    budget: Budget
    adopt: str = "match"
    frozen_senders: bool = False
    stranger: int = 0
    restored_at_rest: bool = False
    backed_up: bool = False
    refers: tuple[int, ...] = ()
    leaving: Leaving = Leaving()  # noqa: RUF009  # it is frozen
    apart: bool = False
    replaces: bool = False
    usernames: int = 2
    rewrites: bool = False

    @property
    def records(self) -> tuple[Record, ...]:
        """What the third party holds at the beginning."""
        if self.backed_up:
            return (Record(1, 0, 0, 0),)
        return (Record(1, self.stranger, 0, 0, foreign=True),) if self._was_there else ()

    @property
    def newcomers(self) -> tuple[Record, ...]:
        """Who comes to the third party right after a restore, under no id yet."""
        return (
            (Record(0, self.stranger, 0, 0, foreign=True, login=2),) if self.stranger and not self._was_there else ()
        )

    @property
    def _was_there(self) -> bool:
        return bool(self.stranger) and not self.offers.distinct

    @property
    def renames(self) -> bool:
        """Whether users have other usernames."""
        return bool(self.budget.renames)

    @property
    def unique_records(self) -> bool:
        """Whether promise 2 can be kept at all (CONTRACT A)."""
        return self.offers.query or self.offers.idempotency or self.offers.unique

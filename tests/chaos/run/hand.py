"""What all ways of writing share."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from uuid import UUID

from django.db.models import F

from tests.chaos.run.population import Person, Population, chosen
from tests.chaos.run.roster import Roster
from tests.chaos.run.tally import Tally
from thirdparty.models import Record, Target
from users.models import User

Ways = Mapping[Callable[[], int], int]
"""Writes with their weights; each returns how many people it changed."""


@dataclass(frozen=True)
class Hand:
    """Whose hand writes, and what it writes with.

    ``check_owed``: whether to look, in the transaction of every write, if the change is owed (I1).
    """

    chance: random.Random
    population: Population
    tally: Tally
    roster: Roster
    check_owed: bool
    over: threading.Event

    def pause(self, seconds: float) -> None:
        """Wait so long, unless the run is over."""
        self.over.wait(seconds)

    def some(self, most: int = 1) -> list[User]:
        users = chosen(self.chance, most)
        if not users:
            raise LookupError("nobody is left")
        return users

    def second_life(self, person: Person) -> User:
        email = self.population.new_email()
        return User.objects.create(name=person.name, phone=person.phone, email=email, password="!")

    def owed(self, uuids: Iterable[UUID], *, targets: Collection[str] = ()) -> int:
        """I1: the change is owed in its own transaction, to every target unless these are given. Returns how many."""
        wanted = set(uuids)
        if self.check_owed:
            known = self.roster.owed()
            rows = Record.objects.filter(
                object_id__in=[uuid.hex for uuid in wanted], generation__gt=F("synced_generation")
            )
            owed = {(UUID(object_id), target) for object_id, target in rows.values_list("object_id", "target")}
            missed = set(product(wanted, known & set(targets or known))) - owed
            missed -= self._to_come(missed)
            self.tally.checked_owed([f"{uuid} is not owed to {target}" for uuid, target in missed])
        return len(wanted)

    def _to_come(self, missed: Collection[tuple[UUID, str]]) -> set[tuple[UUID, str]]:
        """Those without a record, at targets that are still given the records of all: they get theirs by that, as they are then."""
        if not missed:
            return set()
        behind = set(Target.objects.filter(behind_since__isnull=False).values_list("name", flat=True))
        rows = Record.objects.filter(object_id__in=[uuid.hex for uuid, _ in missed])
        there = {(UUID(object_id), target) for object_id, target in rows.values_list("object_id", "target")}
        return {(uuid, target) for uuid, target in missed if target in behind} - there


def first_life(user: User) -> Person:
    return Person(int(user.phone.removeprefix("138")))

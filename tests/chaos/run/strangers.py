"""Records that the third party has from elsewhere: some bear the username that one of our people is going to have."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from tests.chaos.run.options import POPULATION
from tests.chaos.run.population import Person
from thirdparty.sandbox.client import SandboxControl
from users import username

_EVERY = 9
"""Of so many people to come, one meets a stranger, and another a record that the policy lets us take."""
_COMING = 400
_BYSTANDERS = 5
_NOBODY = UUID(int=0)


@dataclass(slots=True)
class Strangers:
    """``records``: by their id at the third party, as they are to stay. ``adoptable``: usernames of records with no
    external id and our person's own phone, which `TARGET_X_ADOPT=match` takes.
    """

    records: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    adoptable: set[str] = field(default_factory=set)

    def are_ours(self, called: str, phone: str) -> None:
        """Those of this username and phone may be taken from now on."""
        for remote_id, record in list(self.records.items()):
            if (record["username"], record["phone"]) == (called, phone):
                del self.records[remote_id]
                self.adoptable.add(called)

    @property
    def usernames(self) -> set[str]:
        return {record["username"] for record in self.records.values()}


def planted(control: SandboxControl, chance: random.Random) -> Strangers:
    """Put some into an empty third party, for people who are yet to come."""
    strangers = Strangers()
    for person, adoptable in _met(chance):
        called = username.base(person.name, person.phone, _NOBODY)
        phone = person.phone if adoptable else f"177{person.number:08d}"
        record = control.create(username=called, name=f"stranger {person.number}", phone=phone, email="")
        if adoptable:
            strangers.adoptable.add(called)
        else:
            strangers.records[record["userId"]] = record
    for number in range(_BYSTANDERS):
        record = control.create(username=f"bystander{number}", name=f"bystander {number}", externalId=f"x{number}")
        strangers.records[record["userId"]] = record
    return strangers


def _met(chance: random.Random) -> Iterator[tuple[Person, bool]]:
    first = POPULATION * 2 // 3 + 1
    for start in range(first, first + _COMING, _EVERY):
        one, two = chance.sample(range(start, start + _EVERY), 2)
        yield from zip((Person(one), Person(two)), itertools.cycle((False, True)), strict=False)

"""Somebody at the third party who changes its records by hand: values, removals, additions, and what was there long ago."""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from tests.chaos.run.findings import DIFFERING, EXTRA, EXTRA_USERNAME, MISSING, Drift
from tests.chaos.run.population import Population
from tests.chaos.run.side import is_person
from thirdparty.sandbox.client import SandboxControl

FIELDS = {"name": "name", "phone": "phone", "email": "email", "roleIds": "role_ids"}
"""What is compared of a record: in the third party's words, and in ours."""

Values = Mapping[str, Any]


class Meddler:
    """At one third party. Every value is one that nobody had before, but for those put back; and none is put back twice."""

    def __init__(self, chance: random.Random, population: Population) -> None:
        self._chance = chance
        self._population = population
        self._held: dict[str, list[Values]] = defaultdict(list)
        self._ways: dict[str, Callable[[SandboxControl, Sequence[Values]], Drift | None]] = {
            "edited": self._edit,
            "put back": self._put_back,
            "deleted": self._delete,
            "added": self._add,
        }

    def act(self, control: SandboxControl, way: str, *, among: Collection[str] | None = None) -> Drift | None:
        """What was done; None where there was nothing to do it to. ``among``: external ids, instead of all people's."""
        records = [record for record in control.users() if _is_persons(record)]
        for record in records:
            self._remember(record)
        if among is not None:
            records = [record for record in records if record["externalId"] in among]
        return self._ways[way](control, records)

    def _edit(self, control: SandboxControl, records: Sequence[Values]) -> Drift | None:
        edition = self._population.edition()
        values = {
            "name": f"meddled no. {edition}",
            "phone": f"1389{edition:07d}",
            "email": f"meddled{edition}@example.com",
            "roleIds": [f"meddled-{edition}"],
        }
        some = self._chance.sample(list(values), self._chance.randint(1, 2))
        return self._change(control, records, {name: values[name] for name in some})

    def _put_back(self, control: SandboxControl, records: Sequence[Values]) -> Drift | None:
        possible = [record for record in records if self._older(record)]
        if not possible:
            return None
        record = self._chance.choice(possible)
        old = self._chance.choice(self._older(record))
        self._held[record["externalId"]].remove(old)
        return self._change(control, [record], old)

    def _delete(self, control: SandboxControl, records: Sequence[Values]) -> Drift | None:
        if not records:
            return None
        record, at = self._chance.choice(records), time.time()
        control.delete(record["userId"])
        return Drift(record["externalId"], record["userId"], MISSING, at)

    def _add(self, control: SandboxControl, _: Sequence[Values]) -> Drift:
        edition, at = self._population.edition(), time.time()
        external_id = self._chance.choice(("", f"beside{edition}", str(UUID(int=self._chance.getrandbits(128)))))
        added = control.create(
            username=f"{EXTRA_USERNAME}{edition}", name=f"extra {edition}", email="", externalId=external_id
        )
        return Drift("", added["userId"], EXTRA, at)

    def _change(self, control: SandboxControl, records: Sequence[Values], values: Values) -> Drift | None:
        if not records:
            return None
        record, at = self._chance.choice(records), time.time()
        fields = frozenset(FIELDS[name] for name, value in values.items() if record[name] != value)
        control.edit(record["userId"], **values)
        return Drift(record["externalId"], record["userId"], DIFFERING, at, fields)

    def _remember(self, record: Values) -> None:
        held = self._held[record["externalId"]]
        if (now := _content(record)) not in held and not str(record["name"]).startswith("meddled"):
            held.append(now)

    def _older(self, record: Values) -> list[Values]:
        return [held for held in self._held[record["externalId"]] if held != _content(record)]


def _content(record: Values) -> Values:
    return {name: record[name] for name in FIELDS}


def _is_persons(record: Values) -> bool:
    """Whether it is of one of ours: strangers' and extra ones stay as they are."""
    return is_person(record["externalId"]) and not record["username"].startswith(EXTRA_USERNAME)

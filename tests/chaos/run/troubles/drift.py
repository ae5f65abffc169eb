"""What the third party's own people do to records behind our back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any
from uuid import UUID

from django.db import Error

from tests.chaos.run import findings, verdict
from tests.chaos.run.expectation import wanted_at
from tests.chaos.run.findings import DIFFERING, EXTRA, MISSING
from tests.chaos.run.meddler import FIELDS, Meddler
from tests.chaos.run.side import Side
from tests.chaos.run.troubles.trouble import Stage, Trouble
from thirdparty.models import Audit, Record
from thirdparty.models.record import State

_WAYS = {"edited": 4, "put back": 3, "deleted": 2, "added": 1}
_LAST = ("edited", "edited", "put back", "put back", "deleted", "deleted", "added")


class Drift(Trouble):
    """I15, I16. Meanwhile the policy has mended what audits find; once everything is at rest, `sync audit --apply` has.

    Only at those who can be asked: of another's listing nothing can be confirmed.
    """

    kind = "drift"
    pauses = (0.4, 1.6)

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self._sides = [side for side in stage.sides.values() if side.party.world.offers_query]
        self._meddlers = {side.name: Meddler(self.chance, stage.population) for side in self._sides}
        self._audited: set[int] = set()

    def strike(self) -> None:
        side = self.chance.choice(self._sides)
        (way,) = self.chance.choices(list(_WAYS), list(_WAYS.values()))
        with side.records_lock, side.party.control() as control:
            done = self._meddlers[side.name].act(control, way)
        if done is not None:
            self.did(way)
        with suppress(Error):
            self._count_audits()

    def act_last(self) -> None:
        """Once more, now that everything is at rest: each is to be found by the audit that follows."""
        verdict.converge(self.stage.options, self.stage.sides, self.stage.say)
        self._count_audits()
        drifts = {side.name: [*_standing(side), *self._at_rest(side)] for side in self._sides}
        for side in self._sides:
            self.manage("sync", "audit", "--target", side.name, "--apply")
        found = verdict.found()
        for name, done in drifts.items():
            of_side = [each for (target, _), some in found.items() if target == name for each in some]
            given_again = findings.given_again(self.stage.sides[name].entries())
            for line in findings.unnamed(done, of_side, given_again):
                self.complain("I15", f"{name}:{line}")

    def _count_audits(self) -> None:
        # A target that is retired takes its audits along.
        finished = set(Audit.objects.filter(finished_at__isnull=False, failure="").values_list("pk", flat=True))
        for _ in finished - self._audited:
            self.did("audited")
        self._audited |= finished

    def _at_rest(self, side: Side) -> Iterator[findings.Drift]:
        """What is done to people whose records are as they are to be."""
        left = {each.external_id for each in _standing(side)} | _restless(side)
        spared = {one["externalId"] for one in wanted_at(side)} - left
        for way in _LAST:
            done = self._meddlers[side.name].act(side.control, way, among=spared)
            if done is not None:
                spared.discard(done.external_id)
                self.did(way)
                yield done


def _standing(side: Side) -> list[findings.Drift]:
    """What others did while there was chaos, and nothing has mended yet."""
    effects, restless = side.ledger().effects, _restless(side)
    held: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for record in side.control.users():
        held[record["externalId"]].append(record)
    found = []
    for wanted in wanted_at(side):
        external_id = wanted["externalId"]
        there, done = held[external_id], effects.get(external_id, ())
        if external_id in restless or len(there) > 1 or not done or not done[-1].is_foreign:
            continue
        fields = frozenset(ours for name, ours in FIELDS.items() if there and there[0][name] != wanted[name])
        if fields or not there:
            what = DIFFERING if there else MISSING
            found.append(findings.Drift(external_id, done[-1].user_id, what, done[-1].at, fields))
    return found + [findings.Drift("", user_id, EXTRA, 0.0) for user_id in findings.extras(side.entries())]


def _restless(side: Side) -> set[str]:
    """External ids of those about whom an audit concludes nothing."""
    rows = Record.objects.filter(target=side.name).exclude(state=State.SYNCED)
    return {str(UUID(object_id)) for object_id in rows.values_list("object_id", flat=True)}

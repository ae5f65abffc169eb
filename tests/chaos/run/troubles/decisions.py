"""What people decide by hand about records that do not come right by themselves."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Any
from uuid import UUID

from django.db import Error, connection

from tests.chaos.run import witness
from tests.chaos.run.ledger import Effect
from tests.chaos.run.troubles.trouble import Stage, Trouble
from thirdparty.connectors.base import fields_of
from thirdparty.decisions import compensation
from thirdparty.decisions.compensation import OPEN, CannotCompensate, Deed
from thirdparty.models import Record
from thirdparty.models.record import State
from thirdparty.run.payloads import read_wanted
from thirdparty.sandbox.client import SandboxControl
from users.models import User

_REASON = "chaos"
_OUTDATED_SECONDS = (0.0, 1.5)
_MEANWHILE_SECONDS = (0.0, 0.3)
_LOOKED_AT = 200
_LEVEL_SHARE = 0.5
_DEEDS = {Deed.RETRY: 2, Deed.OVERWRITE: 2, Deed.ADOPT: 3, Deed.ACCEPT: 3, Deed.SETTLE: 4}


class Decisions(Trouble):
    """Each holds for the record as the person saw it, and for nothing that came after (I10)."""

    kind = "decisions"
    pauses = (0.2, 1.0)

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self._account = User.objects.get(username=stage.account.username)
        self._accepted: list[tuple[str, int, float]] = []

    def strike(self) -> None:
        with self.stage.gate.passing():
            self._decide()

    def _decide(self) -> None:
        (deed,) = self.chance.choices(list(_DEEDS), list(_DEEDS.values()))
        row = self._chosen(deed)
        if row is None:
            return
        with self.stage.sides[row.target].party.control() as control:
            options = self._prepared(deed, row, control)
        if options is None:
            return
        self.stopped.wait(self.chance.choice((0.0, 0.0, self.chance.uniform(*_OUTDATED_SECONDS))))
        meanwhile = threading.Timer(self.chance.uniform(*_MEANWHILE_SECONDS), self._edit, args=(row.object_id,))
        if deed is Deed.ACCEPT:
            meanwhile.start()
        now = Record.objects.filter(key=row.key).values_list("generation", flat=True).first()
        try:
            compensation.compensate(
                row.key, deed, account=self._account, seen=row.generation, reason=_REASON, **options
            )
        except CannotCompensate:
            self.did(f"{deed} refused")
            return
        finally:
            if deed is Deed.ACCEPT:
                meanwhile.join()
        self.did(f"{deed} of a level record" if row.state == State.SYNCED else deed)
        if now != row.generation:
            self.complain("I10", f"{row.key}: {deed} of generation {row.generation} was done at {now}")
        if deed is Deed.ACCEPT:
            self._accepted.append((row.key, row.generation, time.time()))
            self._took_over(row.object_id)

    def undo(self) -> None:
        evidence = witness.evidence_by_key()
        ledgers = {name: side.ledger() for name, side in self.stage.sides.items()}
        for key, seen, at in self._accepted:
            target, _, of = key.partition(":")
            if at < self.stage.sides[target].dropped_at:
                continue  # the generations that it was about are no more
            theirs = ledgers[target].effects.get(str(UUID(of.rpartition(":")[2])), ())
            for line in _overwritten(evidence[key], seen, theirs):
                self.complain("I10", f"{key}: {line}")

    def _took_over(self, object_id: str) -> None:
        """A person who has a stranger's name and phone by now, since somebody took them over, is that stranger to any policy."""
        user = User.objects.filter(uuid=object_id).first()
        for side in self.stage.sides.values() if user is not None else ():
            side.strangers.are_ours(user.username, user.phone)

    def _chosen(self, deed: Deed) -> Record | None:
        """One that is open for a decision; to settle, rather one that is in doubt or has no remote id; to accept, also a level
        one that somebody at the third party has edited.
        """
        if deed is Deed.ACCEPT and self.chance.random() < _LEVEL_SHARE:
            return self._edited_there()
        rows = list(Record.objects.filter(state__in=OPEN, target__in=self.stage.sides).order_by("key")[:_LOOKED_AT])
        if deed is Deed.SETTLE:
            rows = [row for row in rows if row.unknown_until is not None or row.remote_id is None] or rows
        return self.chance.choice(rows) if rows else None

    def _edited_there(self) -> Record | None:
        """A record that is called synced while the third party holds another e-mail."""
        side = self.stage.sides[self.chance.choice(sorted(self.stage.sides))]
        with side.party.control() as control:
            held = {record["externalId"]: record["email"] for record in control.users()}
        emails = User.objects.values_list("uuid", "email")
        edited = [uuid.hex for uuid, email in emails if held.get(str(uuid), email) != email]
        rows = list(Record.objects.filter(target=side.name, object_id__in=edited, state=State.SYNCED).order_by("key"))
        return self.chance.choice(rows) if rows else None

    def _edit(self, object_id: str) -> None:
        """Somebody else changes the person while the target is asked what it holds."""
        with suppress(Error):
            User.objects.filter(uuid=object_id).update(email=self.stage.population.new_email())
        connection.close()

    def _prepared(self, deed: Deed, row: Record, control: SandboxControl) -> dict[str, Any] | None:
        """What the decision needs beside the record; None where this person would not take it."""
        if deed is Deed.ADOPT:
            ids = [record["userId"] for record in control.users() if record["externalId"] == str(UUID(row.object_id))]
            return {"remote_id": ids[0]} if ids else None
        if deed is Deed.SETTLE:
            return self._brought_right(row, control)
        return {}

    def _brought_right(self, row: Record, control: SandboxControl) -> dict[str, Any] | None:
        """Do at the third party by hand what is owed, and name the record. None where a person could not."""
        wanted = read_wanted(row.ref, row.target, row.natural_key)
        held = [record for record in control.users() if record["externalId"] == str(UUID(row.object_id))]
        if wanted is None:
            for record in held:
                control.delete(record["userId"])
            return {}
        if len(held) != 1:
            return None
        values = fields_of(wanted.payload)
        control.edit(held[0]["userId"], roleIds=values.pop("role_ids"), **values)
        return {"remote_id": held[0]["userId"]} if row.remote_id is None else {}


def _overwritten(evidence: witness.Evidence, seen: int, effects: Iterable[Effect] = ()) -> list[str]:
    """I10: what a person accepts does not go over an edit that they had not seen.

    Every edit bears a value that nobody had before; what is accepted was held before. ``effects``: at the third party, whose
    own people may have given the record values that nobody had here.
    """
    known = {
        (each.content.name, each.content.email) for each in effects if each.is_foreign and each.content is not None
    }
    for item in evidence.generations:
        if item.content is None:
            continue
        values = (item.content.name, item.content.email)
        if item.number == seen + 1 and values not in known:
            after = [later.content for later in evidence.generations if later.number > item.number]
            reverted = any(content and (content.name, content.email) in known for content in after)
            return [f"generation {item.number} was overwritten by what was accepted at {seen}"] if reverted else []
        known.add(values)
    return []

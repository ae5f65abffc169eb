"""Strict writes through the API: every target accepts, or nothing stays."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

import requests
from django.db import connection

from tests.chaos.run import witness
from tests.chaos.run.clients import Api, Refused
from tests.chaos.run.ledger import Ledger
from tests.chaos.run.population import chosen, crowded, scarce
from tests.chaos.run.side import Side
from tests.chaos.run.troubles.trouble import Stage, Trouble
from thirdparty.models import Record, Target
from thirdparty.models.record import State
from users.models import User

_HANDS = 2
_TIMEOUT_SECONDS = 30.0
_REFUSALS = (400, 409, 424)
_LAG_SECONDS = 0.05
_CALM_EVERY_SECONDS = 7.0
_CALM_WRITES = 6
_CALM_SECONDS = 5.0
_SOOTHED_SECONDS = 0.7
_LAST_ACCEPTED = 5
_LAST_SECONDS = 20.0
_LAST_PAUSE_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class _Told:
    """What the API said of a write: ``accepted`` at ``at``, or refused.

    ``email``: one that nobody had before, empty for a delete. ``uuid``: empty for a create. ``present``: whether it means
    a record at every target.
    """

    uuid: str
    email: str
    present: bool
    accepted: bool
    at: float


class Strict(Trouble):
    """I11: what was accepted had been applied at every target by then; what was refused never shows here.

    Third parties in their moods refuse nearly all. So now and then all are well for some seconds, and people whose records
    are level are written to; and some more in the end, when everybody is well and what was left behind is brought level.
    """

    kind = "strict"
    keeps_truce = False
    pauses = (0.1, 0.8)

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self._told: list[_Told] = []
        self._helpers = [threading.Thread(target=super(Strict, self).run, daemon=True) for _ in range(_HANDS - 1)]
        self._calm = threading.Lock()
        self._next_calm = time.monotonic() + _CALM_EVERY_SECONDS

    def run(self) -> None:
        for helper in self._helpers:
            helper.start()
        super().run()
        for helper in self._helpers:
            helper.join(_TIMEOUT_SECONDS)

    def strike(self) -> None:
        if not self._is_time_for_calm() or not self._calm.acquire(blocking=False):
            self._write()
            return
        try:
            self._write_in_calm()
            self._next_calm = time.monotonic() + _CALM_EVERY_SECONDS
        finally:
            self._calm.release()

    def undo(self) -> None:
        self._write_last()
        seen = self._seen()
        ledgers = {name: self.stage.sides[name].ledger() for name in self.stage.system.roster.steady()}
        applied = {name: _first_applied(ledger) for name, ledger in ledgers.items()}
        for told in self._told:
            if not told.accepted:
                if told.email and told.email in seen:
                    self.complain("I11", f"{told.email}: was refused, and is here")
                continue
            if told.present and told.email not in seen:
                self.complain("I11", f"{told.email}: was accepted, and never was here")
            for name, ledger in ledgers.items():
                if told.present:
                    late = applied[name].get(told.email, float("inf")) > told.at + _LAG_SECONDS
                else:
                    late = not _restored(self.stage.sides[name], told.at) and _lived(ledger, told.uuid, told.at)
                if late:
                    self.complain("I11", f"{told.uuid} {told.email}: was accepted at {told.at:.3f}, not so at {name}")

    def _write_last(self) -> None:
        deadline = time.monotonic() + _LAST_SECONDS
        before = len(self._told)
        while time.monotonic() < deadline and sum(told.accepted for told in self._told[before:]) < _LAST_ACCEPTED:
            self._write(level=True)
            time.sleep(_LAST_PAUSE_SECONDS)

    def _is_time_for_calm(self) -> bool:
        """When no target is away or paused: whoever is, refuses whatever the third party would say."""
        if time.monotonic() < self._next_calm:
            return False
        return Target.objects.filter(enabled=True, paused=False).count() == len(self.stage.sides)

    def _write_in_calm(self) -> None:
        with self.stage.system.truce.kept():
            self.stage.soothe()
            self.stopped.wait(_SOOTHED_SECONDS)
            until = time.monotonic() + _CALM_SECONDS
            for _ in range(_CALM_WRITES):
                if time.monotonic() < until and not self.stopped.is_set():
                    self._write(level=True)

    def _write(self, *, level: bool = False) -> None:
        """``level``: to somebody whose records are."""
        api = Api(
            self.stage.system.stack.url("web"), self.stage.account, strict=True, timeout_seconds=_TIMEOUT_SECONDS
        )
        kind = self.chance.choices(("create", "update", "activity", "delete"), (3, 6, 2, 1))[0]
        kind = "delete" if kind == "create" and crowded() else "create" if kind == "delete" and scarce() else kind
        user = self._somebody(active=kind == "update", level=level) if kind != "create" else None
        if kind != "create" and user is None:
            return
        present = kind != "delete" and (kind != "activity" or (user is not None and not user.is_active))
        email = self.stage.population.new_email() if kind != "delete" else ""
        self.stage.candidates.update([email] if email else [], [] if present or user is None else [str(user.uuid)])
        with self.stage.gate.passing():
            accepted = self._asked(api, kind, user, is_active=present, email=email)
            at = time.time()
        connection.close()
        if accepted is None:
            self.did(f"{kind} unheard")
            return
        self.did(f"{kind} {'accepted' if accepted else 'refused'}")
        self._told.append(_Told(str(user.uuid) if user is not None else "", email, present, accepted, at))

    def _somebody(self, *, active: bool, level: bool) -> User | None:
        users = [user for user in chosen(self.chance, 20, least=20) if user.is_active or not active]
        if level:
            moving = Record.objects.exclude(state__in=(State.SYNCED, State.DELETED))
            unsettled = set(
                moving.filter(object_id__in=[user.uuid.hex for user in users]).values_list("object_id", flat=True)
            )
            users = [user for user in users if user.uuid.hex not in unsettled]
        return self.chance.choice(users) if users else None

    def _asked(self, api: Api, kind: str, user: User | None, *, is_active: bool, email: str) -> bool | None:
        """Whether it was accepted; None where nobody knows."""
        try:
            if user is None:
                (person,) = self.stage.population.newcomers(1)
                api.create(name=person.name, phone=person.phone, email=email)
            elif kind == "delete":
                api.delete(user.uuid)
            else:
                api.change(user.uuid, is_active=is_active, email=email)
        except Refused as refused:
            return False if refused.status in _REFUSALS else None
        except requests.RequestException:
            return None
        return True

    def _seen(self) -> set[str]:
        """Every address that anybody here ever had."""
        contents = [item.content for seen in witness.evidence_by_key().values() for item in seen.generations]
        now = set(User.objects.values_list("email", flat=True))
        return now | {content.email for content in contents if content is not None}


def _first_applied(ledger: Ledger) -> dict[str, float]:
    """When each address was first applied."""
    found: dict[str, float] = {}
    for effect in (each for some in ledger.effects.values() for each in some):
        if effect.content is not None:
            found[effect.content.email] = min(found.get(effect.content.email, float("inf")), effect.at)
    return found


def _lived(ledger: Ledger, external_id: str, at: float) -> bool:
    """Whether a record of this person was there at that time."""
    living = {
        effect.user_id: effect.content is not None
        for effect in ledger.effects.get(external_id, ())
        if effect.at <= at + _LAG_SECONDS
    }
    return any(living.values())


def _restored(side: Side, at: float) -> bool:
    """Whether a restore may have brought back what had been deleted for this write."""
    return any(at - _TIMEOUT_SECONDS < restore.at <= at + _LAG_SECONDS for restore in side.archive.restores)

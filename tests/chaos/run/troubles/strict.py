"""Strict writes through the API: every target accepts, or nothing stays."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

import requests
from django.db import connection

from tests.chaos.run import witness
from tests.chaos.run.clients import Api, Refused
from tests.chaos.run.population import chosen, crowded, scarce
from tests.chaos.run.troubles.trouble import Stage, Trouble
from users.models import User

_HANDS = 2
_TIMEOUT_SECONDS = 30.0
_REFUSALS = (400, 409, 424)
_LAG_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class _Told:
    """What the API said of a write that bears this address: ``accepted`` at ``at``, or refused."""

    email: str
    accepted: bool
    at: float
    present: bool


class Strict(Trouble):
    """I11: what was accepted had been applied at every target by then; what was refused never shows here."""

    kind = "strict"
    pauses = (0.1, 0.8)

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self._told: list[_Told] = []
        self._helpers = [threading.Thread(target=super(Strict, self).run, daemon=True) for _ in range(_HANDS - 1)]

    def run(self) -> None:
        for helper in self._helpers:
            helper.start()
        super().run()
        for helper in self._helpers:
            helper.join(_TIMEOUT_SECONDS)

    def strike(self) -> None:
        api = Api(
            self.stage.system.stack.url("web"), self.stage.account, strict=True, timeout_seconds=_TIMEOUT_SECONDS
        )
        kind = self.chance.choices(("create", "update", "activity", "delete"), (3, 6, 2, 1))[0]
        kind = "delete" if kind == "create" and crowded() else "create" if kind == "delete" and scarce() else kind
        email = self.stage.population.new_email()
        with self.stage.gate.passing():
            accepted = self._asked(api, kind, email)
        connection.close()
        if accepted is None:
            self.did(f"{kind} unheard")
            return
        self.did(f"{kind} {'accepted' if accepted else 'refused'}")
        if kind != "delete":
            self._told.append(_Told(email, accepted, time.time(), present=kind != "activity"))

    def undo(self) -> None:
        seen = self._seen()
        applied = self._applied()
        for told in self._told:
            if not told.accepted and told.email in seen:
                self.complain("I11", f"{told.email}: was refused, and is here")
            if told.accepted and told.email not in seen:
                self.complain("I11", f"{told.email}: was accepted, and never was here")
            if told.accepted and told.present:
                for target, first in applied.items():
                    if first.get(told.email, float("inf")) > told.at + _LAG_SECONDS:
                        self.complain("I11", f"{told.email}: was accepted at {told.at:.3f}, and {target} had it not")

    def _asked(self, api: Api, kind: str, email: str) -> bool | None:
        """Whether it was accepted; None where nobody knows."""
        users = [user for user in chosen(self.chance, 1) if kind != "update" or user.is_active]
        try:
            if kind == "create":
                (person,) = self.stage.population.newcomers(1)
                api.create(name=person.name, phone=person.phone, email=email)
            elif not users:
                return None
            elif kind == "delete":
                api.delete(users[0].uuid)
            elif kind == "activity":
                api.change(users[0].uuid, is_active=not users[0].is_active, email=email)
            else:
                api.change(users[0].uuid, is_active=True, email=email)
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

    def _applied(self) -> dict[str, dict[str, float]]:
        """When each address was first applied, by the targets that were in use all the time."""
        found: dict[str, dict[str, float]] = {}
        for name in self.stage.system.roster.steady():
            effects = self.stage.sides[name].ledger().effects.values()
            found[name] = {}
            for effect in (each for some in effects for each in some):
                if effect.content is not None:
                    at = found[name].get(effect.content.email, float("inf"))
                    found[name][effect.content.email] = min(at, effect.at)
        return found

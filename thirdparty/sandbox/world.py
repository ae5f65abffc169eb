"""Everything the sandbox knows. Each step is in the journal before anybody is told of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from thirdparty.sandbox.faults import Faults, Hit
from thirdparty.sandbox.journal import Journal, encode
from thirdparty.sandbox.ledger import Ledger
from thirdparty.sandbox.record import Record
from thirdparty.sandbox.store import Answer, Backup, Call, Effect, Rules, Store
from thirdparty.sandbox.switches import parse


@dataclass(frozen=True, slots=True)
class Late:
    """A call that was received and will be applied at ``due_at`` (unix seconds), answered or not."""

    call: Call
    due_at: float


class World:
    """Records, ledger, faults and late calls, as the journal and what happened since make them.

    Methods note what they change; `commit` writes it as one step and must come before any answer goes out.
    ``rules`` hold until a switch changes them. ``clock`` gives unix seconds. Raises `JournalError`.
    """

    def __init__(self, journal: Journal, rules: Rules, *, clock: Callable[[], float] = time.time) -> None:
        self._journal = journal
        self._first_rules = rules
        self._noted: list[bytes] = []
        self.clock = clock
        self._start()
        for event in journal.replay():
            self._restore(event)

    def _start(self) -> None:
        self.store = Store(self._first_rules)
        self._backup = Backup()
        self.ledger = Ledger()
        self.faults = Faults()
        self.matched = 0
        self.late: dict[int, Late] = {}
        self.late_done = 0

    def request(self, **seen: Any) -> dict[str, Any]:
        """A new ledger entry for a request that just arrived; not noted yet."""
        return {
            "seq": self.ledger.reserve(),
            "at": self.clock(),
            "kind": "request",
            **seen,
            "status": None,
            "http": None,
            "fault": None,
            "answered_at": None,
        }

    def note_request(self, entry: Mapping[str, Any]) -> None:
        """Put a request's entry, as it is now, into ledger and journal."""
        self._noted.append(self.ledger.put(entry))

    def draw(self, call: str, username: str | None) -> Hit:
        """What a request that just arrived meets."""
        if self.faults.idle or not self.faults.only.matches(call, username):
            return Hit()
        self.matched += 1
        return self.faults.draw(self.matched)

    def apply(self, call: Call, *, request: int) -> Answer:
        """Let a call take effect now; ``request`` is the ``seq`` under which it arrived."""
        now = self.clock()
        outcome = self.store.perform(call, now=now)
        if outcome.effect:
            self._note_effect(outcome.effect, call=call.name, request=request, key=call.key)
        if outcome.kept:
            kept = outcome.answer
            self._note("kept", key=call.key, at=now, status=kept.status, data=kept.data, message=kept.message)
        return outcome.answer

    def postpone(self, call: Call, *, request: int) -> None:
        """Promise to apply the call later, even if this process is killed meanwhile."""
        due_at = self.clock() + self.faults.late_seconds
        self.late[request] = Late(call, due_at)
        fields = {word: value for word, value in call.fields.items() if word != "password"}
        self._note("late", request=request, call=call.name, fields=fields, key=call.key, due_at=due_at)

    def apply_late(self, request: int) -> None:
        """Keep the promise made for this request."""
        self.apply(self.late.pop(request).call, request=request)
        self.late_done += 1
        self._note("late_done", request=request)

    def operate(self, change: Callable[[Store], Effect]) -> Record:
        """Let the operator change a record behind everybody's back."""
        effect = change(self.store)
        self._note_effect(effect, call="operator", request=None, key=None)
        return effect.record

    def back_up(self) -> None:
        """Keep what is held now, for `restore`; an earlier backup is replaced."""
        self._backup = self.store.backup()
        self._note("backup")

    def restore(self) -> None:
        """Hold what was held when `back_up` was called last, or nothing: records and the counter of ids go back.

        The ledger tells what happened and stays; what was received and is yet to be applied is applied to the old state.
        """
        self.store = Store(self.store.rules, self._backup)
        self._note("restore")

    def switch(self, body: object) -> None:
        """Replace all faults; what is set here outlives a restart. Raises `BadSwitch` and changes nothing then."""
        self.faults, self.store.rules = parse(body, self.store.rules)
        self.matched = 0
        self._note("faults", switches=self.switches())

    def switches(self) -> dict[str, Any]:
        """The present switches, in a form that `switch` takes."""
        rules = self.store.rules
        return {
            **self.faults.as_json(),
            "capabilities": sorted(rules.capabilities),
            "unique_usernames": rules.unique_usernames,
            "reuse_ids": rules.reuse_ids,
            "alters_values": rules.alters_values,
        }

    def stats(self) -> dict[str, Any]:
        """Counts since the last reset."""
        return {
            "records": len(self.store),
            "requests": dict(self.ledger.requests),
            "effects": dict(self.ledger.effects),
            "faults": dict(self.ledger.faults),
            "matched": self.matched,
            "late": {"pending": len(self.late), "done": self.late_done},
        }

    def reset(self) -> None:
        """Be as after a first start."""
        self._journal.clear()
        self._noted.clear()
        self._start()

    def commit(self) -> None:
        """Write what was noted as one step."""
        if self._noted:
            self._journal.append(self._noted)
            self._noted.clear()

    def _note(self, kind: str, **event: Any) -> None:
        self._noted.append(encode({"kind": kind, **event}))

    def _note_effect(self, effect: Effect, *, call: str, request: int | None, key: str | None) -> None:
        record = effect.record
        entry = {
            "seq": self.ledger.reserve(),
            "at": self.clock(),
            "kind": "effect",
            "effect": effect.kind,
            "request": request,
            "call": call,
            "user_id": record.user_id,
            "username": record.username,
            "external_id": record.external_id,
            "version": record.version,
            "idempotency_key": key,
            "record": record.wire(),
        }
        self._noted.append(self.ledger.put(entry))

    def _restore(self, event: dict[str, Any]) -> None:
        match event["kind"]:
            case "request":
                new = self.ledger.restore(event)
                call = event["call"]
                if new and call and not self.faults.idle and self.faults.only.matches(call, event["username"]):
                    self.matched += 1
            case "effect":
                self.ledger.restore(event)
                wire = event["record"]
                self.store.put(Effect(event["effect"], Record(wire["userId"], "").changed(wire)))
            case "kept":
                self.store.keep(event["key"], Answer(event["status"], event["data"], event["message"]), at=event["at"])
            case "late":
                call = Call(event["call"], event["fields"], event["key"])
                self.late[event["request"]] = Late(call, event["due_at"])
            case "late_done":
                del self.late[event["request"]]
                self.late_done += 1
            case "backup":
                self._backup = self.store.backup()
            case "restore":
                self.store = Store(self.store.rules, self._backup)
            case "faults":
                self.faults, self.store.rules = parse(event["switches"], self.store.rules)
                self.matched = 0

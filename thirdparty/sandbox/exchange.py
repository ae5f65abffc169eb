"""One business request from its arrival to its answer, through whatever fault it meets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from thirdparty.sandbox import landcloud
from thirdparty.sandbox.connection import Connection
from thirdparty.sandbox.faults import APPLY_THEN, BUSINESS_STATUSES, HTTP_STATUSES, SERVER_ERRORS, Hit
from thirdparty.sandbox.reply import Reply, business, drip, garbled, giant, redirect, refusal
from thirdparty.sandbox.store import Answer, Call
from thirdparty.sandbox.wire import Request
from thirdparty.sandbox.world import World

TRAP_PATH = "/redirected"
_STATUS_FAULTS = frozenset((*HTTP_STATUSES, *SERVER_ERRORS))


@dataclass(frozen=True, slots=True)
class _Turn:
    """A request that was taken on; ``entry`` is its ledger entry."""

    connection: Connection
    request: Request
    body: object
    entry: dict[str, Any]
    hit: Hit


class Exchange:
    """Answers business requests. ``token``: what the header ``authToken`` has to be.

    A request whose client has gone away is applied all the same, as servers do.
    """

    def __init__(self, world: World, token: str) -> None:
        self._world = world
        self._token = token
        self._timers: dict[int, asyncio.TimerHandle] = {}

    def receive(self, connection: Connection, request: Request) -> None:
        """Take a complete request on."""
        name = landcloud.PATHS.get(request.path)
        body = landcloud.parse(request.body)
        entry = self._entry(name, request, body)
        hit = self._world.draw(name, entry["username"]) if name else Hit()
        entry["fault"] = hit.fault
        turn = _Turn(connection, request, body, entry, hit)
        if hit.delay_seconds:
            self._world.note_request(entry)
            self._world.commit()
            self._after(hit.delay_seconds, entry["seq"], lambda: self._conclude(turn))
        else:
            self._conclude(turn)

    def resume(self) -> None:
        """Schedule the late calls that the journal brought back."""
        for request in self._world.late:
            self._schedule_late(request)

    def forget(self) -> None:
        """Drop everything that is under way."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _entry(self, name: str | None, request: Request, body: object) -> dict[str, Any]:
        fields = body if isinstance(body, dict) else {}
        user_id = fields.get("userId")
        record = self._world.store.get(user_id) if isinstance(user_id, str) else None
        # Whatever looks like a password never reaches the ledger.
        shown = {word: value for word, value in fields.items() if "password" not in word.lower()}
        return self._world.request(
            call=name,
            method=request.method,
            path=request.path,
            token_ok=request.token == self._token,
            password_sent=len(shown) < len(fields),
            user_id=user_id,
            username=fields.get("username", record.username if record else None),
            external_id=fields.get("externalId", record.external_id if record else None),
            version=fields.get("version"),
            idempotency_key=request.idempotency_key,
            body=shown if isinstance(body, dict) else None,
        )

    def _conclude(self, turn: _Turn) -> None:
        fault = turn.hit.fault
        if fault is None:
            self._answer(turn, self._reply(turn))
        elif fault in _STATUS_FAULTS:
            self._answer(turn, refusal(int(fault), retry_after=self._world.faults.retry_after))
        elif fault in BUSINESS_STATUSES:
            self._answer(turn, business(Answer(fault, None, "as the sandbox was told")))
        elif fault in APPLY_THEN:
            self._apply_then(fault.removeprefix("apply_then_"), turn)
        elif fault == "redirect":
            self._answer(turn, redirect(self._world.faults.redirect_status, TRAP_PATH))
        elif fault == "late_apply":
            self._postpone(turn)
        elif fault in ("hang", "cut"):
            self._leave_unanswered(turn, cut=fault == "cut")
        else:
            self._garble(fault, turn)

    def _call(self, turn: _Turn) -> Call | Reply:
        """What is asked for, or the answer to a request that the contract does not allow."""
        if turn.request.path == TRAP_PATH:
            return business(Answer("ok", "r0", "a redirect was followed"))
        try:
            return landcloud.read(turn.request, turn.body, token=self._token, rules=self._world.store.rules)
        except landcloud.TurnedAway as away:
            return refusal(away.http, away.reason)
        except landcloud.Invalid as invalid:
            return business(Answer("invalid", None, str(invalid)))

    def _reply(self, turn: _Turn) -> Reply:
        """Let the request take effect, if it may, and give the true answer."""
        call = self._call(turn)
        if isinstance(call, Reply):
            return call
        answer = self._world.apply(call, request=turn.entry["seq"])
        if answer.status == "user_exists" and turn.hit.hide_existing_id:
            turn.entry["fault"] = turn.entry["fault"] or "user_exists_without_id"
            answer = Answer(answer.status, None, answer.message)
        return business(answer)

    def _apply_then(self, then: str, turn: _Turn) -> None:
        reply = self._reply(turn)
        if then == "500":
            self._answer(turn, refusal(500))
        elif then == "cut_body":
            self._note(turn, http=reply.http)
            turn.connection.cut(reply.whole[:-10])
        else:
            self._leave_unanswered(turn, cut=then == "cut")

    def _postpone(self, turn: _Turn) -> None:
        call = self._call(turn)
        if isinstance(call, Reply):
            self._answer(turn, call)
            return
        self._world.postpone(call, request=turn.entry["seq"])
        if self._world.faults.late_answer == "504":
            self._answer(turn, refusal(504))
        else:
            self._leave_unanswered(turn, cut=False)
        self._schedule_late(turn.entry["seq"])

    def _garble(self, fault: str, turn: _Turn) -> None:
        faults = self._world.faults
        reply = self._reply(turn) if turn.hit.apply_before_garbage else business(Answer("busy"))
        if reply.answer is None:
            self._answer(turn, reply)
        elif fault == "giant_body":
            self._note_reply(turn, reply)
            turn.connection.stream(giant(reply.answer, faults.giant_bytes), pause_seconds=0)
        elif fault in ("slow_headers", "slow_body"):
            self._note_reply(turn, reply)
            pieces = drip(reply.whole, from_body=fault == "slow_body")
            turn.connection.stream(pieces, pause_seconds=faults.drip_seconds)
        else:
            self._answer(turn, garbled(fault, reply.answer))

    def _answer(self, turn: _Turn, reply: Reply) -> None:
        self._note_reply(turn, reply)
        manner = self._world.faults.manner
        turn.connection.send(manner.dress(reply, now=self._world.clock()), closes=manner.closes)

    def _leave_unanswered(self, turn: _Turn, *, cut: bool) -> None:
        self._note(turn)
        if cut:
            turn.connection.cut()

    def _note_reply(self, turn: _Turn, reply: Reply) -> None:
        self._note(turn, http=reply.http, status=reply.answer.status if reply.answer else None)

    def _note(self, turn: _Turn, *, http: int | None = None, status: str | None = None) -> None:
        """Put the turn's entry into the ledger, with what is about to be answered if anybody still listens."""
        if http and not turn.connection.lost:
            turn.entry.update(status=status, http=http, answered_at=self._world.clock())
        self._world.note_request(turn.entry)
        self._world.commit()

    def _schedule_late(self, request: int) -> None:
        def apply() -> None:
            self._world.apply_late(request)
            self._world.commit()

        self._after(self._world.late[request].due_at - self._world.clock(), request, apply)

    def _after(self, seconds: float, request: int, step: Callable[[], None]) -> None:
        def run() -> None:
            del self._timers[request]
            step()

        self._timers[request] = asyncio.get_running_loop().call_later(seconds, run)

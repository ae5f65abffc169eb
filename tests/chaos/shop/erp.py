"""The shop's ERP, with faults aimed at single records and a note of every request: ``python -m tests.chaos.shop.erp``.

Beside the ERP's own ``/_control``: ``GET /_control/notes|stats``, ``POST /_control/aim``. Notes have the form of the
sandbox's ledger, so that one verdict reads both.
"""

from __future__ import annotations

import argparse
import threading
import time
from itertools import count
from typing import Any

from erp.books import Books, Kept, Refused
from erp.catalogue import Collection
from erp.server import Handler, Server

from tests.chaos.shop import bare

CALLS = {"POST": "add", "PUT": "update", "DELETE": "delete"}
EFFECTS = {"created": "created", "replaced": "updated", "removed": "deleted"}


class Unanswered(Exception):
    """The connection is closed without a word."""


class Notes:
    """Requests and what took effect, in the order in which they came."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._entries: list[dict[str, Any]] = []
        self._lock = threading.Lock()

    def add(self, kind: str, **facts: Any) -> None:
        with self._lock:
            self._entries.append({"seq": next(self._numbers), "kind": kind, "at": time.time(), **facts})

    def all(self) -> list[dict[str, Any]]:
        with self._lock:
            return list(self._entries)


class NotedBooks(Books):
    def __init__(self, notes: Notes) -> None:
        super().__init__()
        self.notes = notes

    def _enter(self, did: str, collection: Collection, kept: Kept) -> None:
        super()._enter(did, collection, kept)
        self.notes.add(
            "effect",
            effect=EFFECTS[did],
            user_id=kept.id,
            external_id=bare(kept.body.get("external_id", "")),
            body=dict(kept.body),
        )


class AimedServer(Server):
    """``aim``: the fault, the external ids that it is for (all, where empty), and the seconds of a late one."""

    def __init__(self, address: tuple[str, int], *, token: str, seed: int = 0) -> None:
        super().__init__(address, token=token, seed=seed)
        self.RequestHandlerClass = AimedHandler
        self.notes = Notes()
        self.books = NotedBooks(self.notes)
        self.aim: dict[str, Any] = {}
        self.busy = {"in_flight": 0, "late": 0}
        self.counting = threading.Lock()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who asked may have been killed meanwhile."""

    def note_busy(self, what: str, by: int) -> None:
        with self.counting:
            self.busy[what] += by


class AimedHandler(Handler):
    server: AimedServer

    def _serve(self) -> None:
        self.server.note_busy("in_flight", 1)
        try:
            super()._serve()
        except Unanswered:
            self.close_connection = True
        finally:
            self.server.note_busy("in_flight", -1)

    def _control(self, what: str, body: Any) -> None:
        match self.command, what:
            case "GET", "notes":
                self._answer(200, self.server.notes.all(), {})
            case "GET", "stats":
                # This question is in flight, too.
                busy = self.server.busy
                self._answer(200, {"in_flight": busy["in_flight"] - 1, "late": {"pending": busy["late"]}}, {})
            case "POST", "aim":
                self.server.aim = self._object(body)
                self._answer(204, None, {})
            case _:
                super()._control(what, body)

    def _do(self, path: str, body: Any) -> tuple[int, Any, dict[str, str]]:
        call = CALLS.get(self.command)
        if call is None:
            return super()._do(path, body)
        external_id = self._external_id(path, body)
        self.server.notes.add("request", call=call, external_id=external_id, user_id=path.strip("/").partition("/")[2])
        return self._do_under_fire(path, body, self._fault_for(external_id))

    def _do_under_fire(self, path: str, body: Any, fault: str) -> tuple[int, Any, dict[str, str]]:
        match fault:
            case "503":
                raise Refused(503, "not now")
            case "cut":
                raise Unanswered
            case "apply_then_cut":
                super()._do(path, body)
                raise Unanswered
            case "apply_then_500":
                super()._do(path, body)
                raise Refused(500, "something went wrong")
            case "late_apply":
                self.server.note_busy("late", 1)
                self.close_connection = True  # nothing else comes over it, so the late one finds all as it is now
                threading.Timer(self.server.aim["late_seconds"], self._late, (path, body)).start()
                raise Refused(504, "it takes longer")
            case _:
                return super()._do(path, body)

    def _late(self, path: str, body: Any) -> None:
        try:
            super()._do(path, body)
        except Refused:
            pass  # nobody is there to hear it
        finally:
            self.server.note_busy("late", -1)

    def _fault_for(self, external_id: str) -> str:
        aim = self.server.aim
        aimed = not aim.get("external_ids") or external_id in aim["external_ids"]
        return aim.get("fault", "") if aimed else ""

    def _external_id(self, path: str, body: Any) -> str:
        if isinstance(body, dict):
            return bare(str(body.get("external_id", "")))
        name, _, record_id = path.strip("/").partition("/")
        for kept in self.server.books.content().get(name, ()):
            if kept["id"] == record_id:
                return bare(str(kept.get("external_id", "")))
        return ""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.shop.erp")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--token", required=True)
    parser.add_argument("--seed", type=int, default=0)
    told = parser.parse_args()
    server = AimedServer(("127.0.0.1", told.port), token=told.token, seed=told.seed)
    print("The ERP listens", flush=True)  # noqa: T201  # for who started it
    server.serve_forever()


if __name__ == "__main__":
    main()

"""The control calls under ``/_sandbox/``, for the test or the person who steers the sandbox.

====================  =========================================================================
``GET  /``            a page for people
``GET  /users``       ``{"users": [record …]}``; ``/users/{id}`` one record
``POST /users``       create behind everybody's back; ``/users/{id}`` edit; ``DELETE`` removes
``GET  /ledger``      ``{"last": seq, "entries": […]}``, with ``?after=SEQ`` the later ones only
``GET  /stats``       counts of requests, effects, faults, requests in flight, late applications
``GET  /faults``      the switches; ``POST`` replaces them, ``{}`` heals (`thirdparty.sandbox.switches`)
``POST /backup``      keep all records and the counter of ids as they are now, in place of an earlier backup
``POST /restore``     go back to the backup (to nothing, without one): ids given out since are given out again
``POST /reset``       clear records, ledger and faults; drop the requests in flight
====================  =========================================================================
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qs

from thirdparty.sandbox import wire
from thirdparty.sandbox.journal import encode
from thirdparty.sandbox.landcloud import RECORD_FIELDS, Invalid, check_fields, parse
from thirdparty.sandbox.page import render
from thirdparty.sandbox.record import Record
from thirdparty.sandbox.store import Effect, Store, UsernameUsed
from thirdparty.sandbox.switches import BadSwitch
from thirdparty.sandbox.wire import Request
from thirdparty.sandbox.world import World

PREFIX = "/_sandbox"


class _Missing(Exception):
    """There is no such path or record; the message says which."""


@dataclass(frozen=True, slots=True)
class Hooks:
    """What only the server can do: count requests in flight, obey new switches, drop what is under way."""

    in_flight: Callable[[], int]
    switched: Callable[[], None]
    drop: Callable[[], None]


class Control:
    """Answers control calls; a wrong one gets 400, 404, 405 or 409 with ``{"error": why}``."""

    def __init__(self, world: World, hooks: Hooks) -> None:
        self._world = world
        self._hooks = hooks

    def answer(self, request: Request) -> bytes:
        """The answer to one control call."""
        noun, _, user_id = request.path.removeprefix(PREFIX).strip("/").partition("/")
        try:
            if request.method == "GET":
                return self._show(request, noun, user_id)
            return self._steer(request, noun, user_id)
        except (BadSwitch, Invalid) as problem:
            return _error(400, str(problem))
        except UsernameUsed as problem:
            return _error(409, str(problem))
        except _Missing as problem:
            return _error(404, str(problem))
        finally:
            self._world.commit()

    def _show(self, request: Request, noun: str, user_id: str) -> bytes:
        world = self._world
        match noun, user_id:
            case "", "":
                return wire.response(200, render(world).encode(), content_type=wire.HTML)
            case "users", "":
                return _json({"users": [record.wire() for record in world.store]})
            case "users", _:
                return _json(self._record(user_id).wire())
            case "ledger", "":
                entries = world.ledger.after(_after(request.query))
                return wire.response(200, b'{"last":%d,"entries":%b}' % (world.ledger.last, entries))
            case "stats", "":
                return _json({**world.stats(), "in_flight": self._hooks.in_flight()})
            case "faults", "":
                return _json(world.switches())
        raise _no_such(request)

    def _steer(self, request: Request, noun: str, user_id: str) -> bytes:
        world = self._world
        match request.method, noun, user_id:
            case "POST", "faults", "":
                world.switch(parse(request.body or b"{}"))
                self._hooks.switched()
                return _json(world.switches())
            case "POST", "backup", "":
                world.back_up()
                return _json({"records": len(world.store)})
            case "POST", "restore", "":
                world.restore()
                return _json({"records": len(world.store)})
            case "POST", "reset", "":
                self._hooks.drop()
                world.reset()
                self._hooks.switched()
                return _json({})
            case "POST", "users", "":
                fields = _fields(request)
                if "username" not in fields:
                    raise Invalid("username is missing")
                return self._operate(lambda store: store.create(fields))
            case "POST", "users", _:
                record, fields = self._record(user_id), _fields(request)
                return self._operate(lambda store: store.edit(record, fields))
            case "DELETE", "users", _:
                record = self._record(user_id)
                return self._operate(lambda store: store.remove(record))
        raise _no_such(request)

    def _operate(self, change: Callable[[Store], Effect]) -> bytes:
        return _json(self._world.operate(change).wire())

    def _record(self, user_id: str) -> Record:
        record = self._world.store.get(user_id)
        if record is None:
            raise _Missing(f"there is no user {user_id!r}")
        return record


def _no_such(request: Request) -> _Missing:
    return _Missing(f"there is no {request.method} {request.path}")


def _fields(request: Request) -> dict[str, object]:
    fields = parse(request.body)
    if not isinstance(fields, dict):
        raise Invalid("the body must be a JSON object")
    check_fields(fields, RECORD_FIELDS)
    return fields


def _after(query: str) -> int:
    try:
        return int(parse_qs(query).get("after", ["0"])[-1])
    except ValueError:
        raise Invalid("after must be a whole number") from None


def _json(value: object) -> bytes:
    return wire.response(200, encode(value))


def _error(http: int, why: str) -> bytes:
    return wire.response(http, encode({"error": why}))

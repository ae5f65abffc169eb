"""The third party: what it holds and what a write does to it. Pure. Everybody here has one username, or each their own."""

from __future__ import annotations

from typing import NamedTuple

STRANGER = 9
"""The owner of a record that was there before us."""
NOBODY = 8
"""The owner of one without an external id."""
BARE = -1
"""The content of an add that was sent only to learn an id."""
FRESH = 999
"""The number of a new id or key, until `canonical` numbers it."""


class Record(NamedTuple):
    """``owner``: the row whose user's ``externalId`` it carries. ``seq``: which edit's content.

    ``foreign``: it was there before us, whoever's id it carries now. ``login``: whose username it has. ``refers``: the id of
    another record that its content names; 0 for none.
    """

    id: int
    owner: int
    seq: int
    version: int
    foreign: bool = False
    login: int = 0
    refers: int = 0


class Request(NamedTuple):
    """A write on its way. ``covered``: by the windows of which rows, as bits: sent before they were opened, it lands before
    one of them ends. ``refers``, ``login``: as those of `Record`.
    """

    row: int
    call: str
    seq: int
    generation: int
    remote_id: int
    key: int
    covered: int = 0
    refers: int = 0
    login: int = 0


class World(NamedTuple):
    """``kept``: the first answer given under each idempotency key. ``again``: ids that are given out again, since the
    third party was restored from a backup. ``restored``: it was, and nobody has owed everything anew yet.
    """

    records: tuple[Record, ...] = ()
    kept: tuple[tuple[int, tuple[str, int]], ...] = ()
    again: tuple[int, ...] = ()
    restored: bool = False


class Offers(NamedTuple):
    """What the target honours (CONTRACT A), and whether its usernames are unique.

    ``renames``: an update gives a record the username that it is sent under.
    ``distinct``: each user has a username of their own. ``checks``: a record that names one which is not there is refused,
    and so is the deletion of one that another names.
    """

    query: bool = False
    versions: bool = False
    idempotency: bool = False
    unique: bool = True
    distinct: bool = False
    checks: bool = False
    renames: bool = False


def perform(world: World, request: Request, offers: Offers) -> tuple[World, tuple[str, int]]:
    """Apply one write: the world after it, and the answer with the id that it names."""
    if request.call == "add" and offers.idempotency:
        for key, answer in world.kept:
            if key == request.key:
                return world, answer
    records, answer = _write(world, request, offers)
    kept = world.kept
    if request.call == "add" and offers.idempotency:
        kept = (*kept, (request.key, answer))
    again = world.again[1:] if request.call == "add" and answer[0] == "ok" else world.again
    return World(records, kept, again, world.restored), answer


def restored(records: tuple[Record, ...], newcomers: tuple[Record, ...], given_out: set[int]) -> World:
    """The world after a restore to these records: the ids that were given out since are given out again, to the
    newcomers first.
    """
    ids = sorted(given_out - {0} - {record.id for record in records})
    new = tuple(record._replace(id=new_id) for record, new_id in zip(newcomers, ids, strict=False))
    return World((*records, *new), (), tuple(ids[len(new) :]), restored=True)


def login_of(row: int, offers: Offers, login: int = 0) -> int:
    """Which username this row has: ``login``, or each its own."""
    return row if offers.distinct else login


def _write(world: World, request: Request, offers: Offers) -> tuple[tuple[Record, ...], tuple[str, int]]:
    records = world.records
    version = request.generation if offers.versions else 0
    if offers.checks and _is_refused(request, records):
        return records, ("refused", 0)
    if request.call == "add":
        login = login_of(request.row, offers, request.login)
        rival = next((record for record in records if record.login == login), None)
        if offers.unique and rival is not None:
            return records, ("exists", rival.id)
        new_id = world.again[0] if world.again else FRESH
        new = Record(new_id, request.row, request.seq, version, login=login, refers=request.refers)
        return tuple(sorted((*records, new))), ("ok", new_id)
    held = next((record for record in records if record.id == request.remote_id), None)
    if held is None:
        return records, ("missing", 0)
    others = tuple(record for record in records if record is not held)
    if request.call == "delete":
        return others, ("ok", held.id)
    if offers.versions and held.version and version <= held.version:
        return records, ("stale", 0)
    if request.call == "deactivate":
        return tuple(sorted((*others, held._replace(seq=request.seq, version=version)))), ("ok", held.id)
    return _updated(held, others, request, offers, version)


def _updated(
    held: Record, others: tuple[Record, ...], request: Request, offers: Offers, version: int
) -> tuple[tuple[Record, ...], tuple[str, int]]:
    login = request.login if offers.renames else held.login
    rival = next((record for record in others if record.login == login), None) if offers.renames else None
    if offers.unique and rival is not None:
        return tuple(sorted((*others, held))), ("exists", rival.id)
    updated = held._replace(owner=request.row, seq=request.seq, version=version, login=login, refers=request.refers)
    return tuple(sorted((*others, updated))), ("ok", held.id)


def _is_refused(request: Request, records: tuple[Record, ...]) -> bool:
    if request.call == "delete":
        return any(record.refers == request.remote_id for record in records)
    there = request.call == "add" or any(record.id == request.remote_id for record in records)
    return there and bool(request.refers) and all(record.id != request.refers for record in records)

"""The third party: what it holds and what a write does to it. Pure. Everybody here has one username."""

from __future__ import annotations

from typing import NamedTuple

STRANGER = 9
"""The owner of a record that was there before us."""
BARE = -1
"""The content of an add that was sent only to learn an id."""
FRESH = 999
"""The number of a new id or key, until `canonical` numbers it."""


class Record(NamedTuple):
    """``owner``: the row whose user's ``externalId`` it carries. ``seq``: which edit's content.

    ``foreign``: it was there before us, whoever's id it carries now.
    """

    id: int
    owner: int
    seq: int
    version: int
    foreign: bool = False


class Request(NamedTuple):
    """A write on its way. ``covered``: sent before the present window was opened, so it lands before that ends."""

    row: int
    call: str
    seq: int
    generation: int
    remote_id: int
    key: int
    covered: bool = False


class World(NamedTuple):
    """``kept``: the first answer given under each idempotency key."""

    records: tuple[Record, ...] = ()
    kept: tuple[tuple[int, tuple[str, int]], ...] = ()


class Offers(NamedTuple):
    """What the target honours (CONTRACT A), and whether its usernames are unique."""

    query: bool = False
    versions: bool = False
    idempotency: bool = False
    unique: bool = True


def perform(world: World, request: Request, offers: Offers) -> tuple[World, tuple[str, int]]:
    """Apply one write: the world after it, and the answer with the id that it names."""
    if request.call == "add" and offers.idempotency:
        for key, answer in world.kept:
            if key == request.key:
                return world, answer
    records, answer = _write(world.records, request, offers)
    kept = world.kept
    if request.call == "add" and offers.idempotency:
        kept = (*kept, (request.key, answer))
    return World(records, kept), answer


def _write(
    records: tuple[Record, ...], request: Request, offers: Offers
) -> tuple[tuple[Record, ...], tuple[str, int]]:
    version = request.generation if offers.versions else 0
    if request.call == "add":
        if offers.unique and records:
            return records, ("exists", records[0].id)
        return (*records, Record(FRESH, request.row, request.seq, version)), ("ok", FRESH)
    held = next((record for record in records if record.id == request.remote_id), None)
    if held is None:
        return records, ("missing", 0)
    others = tuple(record for record in records if record is not held)
    if request.call == "delete":
        return others, ("ok", held.id)
    if offers.versions and held.version and version <= held.version:
        return records, ("stale", 0)
    updated = held._replace(owner=request.row, seq=request.seq, version=version)
    return tuple(sorted((*others, updated))), ("ok", held.id)


def find(records: tuple[Record, ...], *, owner: int, remote_id: int = 0) -> Record | None:
    """Look up by id (unless 0), then by external id, then by username: who had it first answers for it."""
    for record in records:
        if remote_id and record.id == remote_id:
            return record
    for record in records:
        if record.owner == owner:
            return record
    return records[0] if records else None

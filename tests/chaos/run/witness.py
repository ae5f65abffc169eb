"""Triggers of the test's own, which write down what each generation stood for and when it was acknowledged.

They watch the sync rows, not the users, so they know no more than the product's own rows say; and the
database writes them in the very transaction, so they miss nothing and invent nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import permutations
from typing import Any
from uuid import UUID

from django.db import connection

from tests.chaos.run.upgraded import mapping
from thirdparty.store.dialect import dialect
from thirdparty.store.tables import DECLARATIONS

_COLUMNS = "key, at, generation, present, name, phone, email, roles, username"
_TABLES = (
    """CREATE TABLE chaos_generation (key text, generation bigint, at {time}, present integer, name text, phone text,
    email text, roles text, username text)""",
    "CREATE TABLE chaos_born (key text, at {time})",
    "CREATE TABLE chaos_acknowledged (key text, generation bigint, at {time})",
    "CREATE TABLE chaos_frozen (key text, username text, at {time})",
    "CREATE TABLE chaos_caused (key text, generation bigint, cause text, at {time})",
    "CREATE TABLE chaos_linked (key text, remote_id text, at {time})",
    "CREATE TABLE chaos_attempt (id bigint PRIMARY KEY, began {time}, ended {time})",
    "CREATE TABLE chaos_finding (id bigint PRIMARY KEY, at {time})",
)
_CONTENT = """
    SELECT NEW.key, NEW.generation, {clock}, CASE WHEN u.id IS NULL THEN 0 ELSE 1 END, u.name, u.phone, u.email,
        {roles},
        (SELECT w.username FROM users_user w WHERE w.uuid = {uuid})
    FROM (SELECT 1 AS one) o LEFT JOIN users_user u
    ON u.uuid = {uuid} AND u.is_active AND NOT u.is_superuser
"""
_ROLES = """(SELECT {joined} FROM users_user_groups g JOIN users_rolemapping r
    ON r.group_id = g.group_id AND r.target = NEW.target WHERE g.user_id = u.id)"""
_ROLES_AND_VERSION = f"""COALESCE({_ROLES} || ',', '') ||
    (SELECT '{mapping.NAME}-' || d.version FROM {DECLARATIONS} d WHERE d.kind = NEW.kind)"""
"""What a generation stands for is what is sent of it by the version that the database has then, or by a later one."""
SQLITE_CLOCK = "strftime('%Y-%m-%d %H:%M:%f', 'now')"
_UUID = {"sqlite": "NEW.object_id", "postgresql": "NEW.object_id::uuid"}
_JOINED = {"sqlite": "group_concat(r.remote_role_id)", "postgresql": "string_agg(r.remote_role_id, ',')"}
_BORN = "INSERT INTO chaos_born VALUES (NEW.key, {clock})"
_ACKNOWLEDGED = "INSERT INTO chaos_acknowledged VALUES (NEW.key, NEW.synced_generation, {clock})"
_FROZEN = "INSERT INTO chaos_frozen VALUES (NEW.key, NEW.natural_key, {clock})"
_CAUSED = "INSERT INTO chaos_caused VALUES (NEW.key, NEW.generation, NEW.caused_by, {clock})"
_LINKED = "INSERT INTO chaos_linked VALUES (NEW.key, NEW.remote_id, {clock})"
_BEGAN = "INSERT INTO chaos_attempt VALUES (NEW.id, {clock}, NULL)"
_ENDED = "UPDATE chaos_attempt SET ended = {clock} WHERE id = NEW.id"
_FOUND = "INSERT INTO chaos_finding VALUES (NEW.id, {clock}) ON CONFLICT (id) DO UPDATE SET at = EXCLUDED.at"
_ONE_INSTANT_SECONDS = 0.01
"""What one statement caused may be told by so much earlier or later: its triggers run in no order."""


@dataclass(frozen=True, slots=True)
class Content:
    """What the third party can be told of a person, but for the username."""

    name: str
    phone: str
    email: str
    roles: tuple[str, ...]

    def is_as_new_as(self, seen: Content) -> bool:
        """The same, or the same with roles that have been called otherwise since.

        Who joins a group while its role changes is owed once, for both: the change that commits first is seen by the
        push, and was not yet seen by the trigger of the join. A role's id ends with the number of its edition.
        """
        return self.has_fields_of(seen) and self.has_roles_of(seen)

    def has_fields_of(self, seen: Content) -> bool:
        """Whether what stands in the person's own row is the same."""
        return (self.name, self.phone, self.email) == (seen.name, seen.phone, seen.email)

    def has_roles_of(self, seen: Content) -> bool:
        """Whether the roles are the same, or called otherwise since."""
        mine, theirs = _editions(self.roles), _editions(seen.roles)
        return mine.keys() == theirs.keys() and all(mine[role] >= theirs[role] for role in mine)

    @property
    def bare(self) -> bool:
        """Whether nothing is told of the person: an add repeated for somebody gone, to learn the record's id."""
        return not (self.phone or self.email or self.roles)


def _editions(roles: tuple[str, ...]) -> dict[str, int]:
    named = [role.rpartition("-") for role in roles]
    return {name: int(edition) for name, _, edition in named}


@dataclass(frozen=True, slots=True)
class Generation:
    """``content``: None where no record was wanted. ``at``: unix seconds. ``username``: of the person, here."""

    number: int
    at: float
    content: Content | None
    username: str | None = None


@dataclass(slots=True)
class Evidence:
    """What the witness saw of one record since its row was made last, oldest first.

    ``frozen``: by what name the target was to know it; ``earlier``: the rows before this one, where a record may still be by it. ``linked``: under which remote id, None for none, from when on.
    ``causes``: why a generation is owed, where the statement that raised it said so. One that settles an answer does not: the row
    keeps what it was caused by before.
    """

    generations: list[Generation] = field(default_factory=list)
    acknowledged: list[tuple[int, float]] = field(default_factory=list)
    frozen: list[str] = field(default_factory=list)
    earlier: set[str] = field(default_factory=set)
    linked: list[tuple[str | None, float]] = field(default_factory=list)
    causes: dict[int, str] = field(default_factory=dict)

    @property
    def was_wanted(self) -> bool:
        """Whether a record was wanted at any time."""
        return any(item.content is not None for item in self.generations)

    def has_linked(self, remote_id: str, at: float) -> bool:
        """Whether the record was linked to this id at that moment."""
        known = [link for link, since in self.linked if since <= at]
        return bool(known) and known[-1] == remote_id


def install(clock: str = "clock_timestamp()") -> None:
    """Begin to watch. ``clock``: by which, on PostgreSQL."""
    with connection.cursor() as cursor:
        for statement in _postgresql(clock) if connection.vendor == "postgresql" else _sqlite():
            cursor.execute(statement)


def forget() -> None:
    """Whatever was seen so far."""
    with connection.cursor() as cursor:
        for table in _TABLES:
            cursor.execute(f"DELETE FROM {table.removeprefix('CREATE TABLE ').partition(' ')[0]}")


def note(uuids: Collection[UUID]) -> None:
    """These people were changed while nobody recorded it: what they are now counts as of their present generation."""
    told = dialect(connection)
    clock = "clock_timestamp()" if told.vendor == "postgresql" else SQLITE_CLOCK
    content = _content(told.vendor, clock).replace("(SELECT 1 AS one) o", "thirdparty_record new")
    values = [uuid.hex for uuid in uuids]
    with connection.cursor() as cursor:
        marks = ", ".join(["%s"] * len(values))
        sql = f"INSERT INTO chaos_generation {content.replace('%', '%%')} WHERE new.object_id IN ({marks})"
        cursor.execute(sql, values)


def born_beside(uuids: Iterable[UUID]) -> bool:
    """Whether one of these people came while another of them was here with just the same values."""
    lives: dict[str, dict[str, list[Generation]]] = defaultdict(dict)
    for key, seen in evidence_by_key().items():
        target, _, of = key.partition(":")
        lives[target][of.rpartition(":")[2]] = seen.generations
    return any(
        _same_at(life[0], other)
        for of_target in lives.values()
        for life, other in permutations([of_target[uuid.hex] for uuid in uuids if uuid.hex in of_target], 2)
    )


def _same_at(born: Generation, other: list[Generation]) -> bool:
    before = [item for item in other if item.at < born.at]
    return bool(before) and before[-1].content == born.content and born.content is not None


def evidence_by_key() -> dict[str, Evidence]:
    """All that was seen, by the record's key. A row that was dropped and made anew has only what came since."""
    seen: dict[str, Evidence] = defaultdict(Evidence)
    with connection.cursor() as cursor:
        cursor.execute("SELECT key, MAX(at) FROM chaos_born GROUP BY key")
        born = {key: seconds(at) - _ONE_INSTANT_SECONDS for key, at in cursor.fetchall()}

        def told(sql: str) -> Iterator[tuple[Evidence, float, list[Any]]]:
            cursor.execute(sql)
            for key, at, *values in cursor.fetchall():
                if (when := seconds(at)) >= born.get(key, 0.0):
                    yield seen[key], when, values

        for of, at, (number, present, name, phone, email, roles, username) in told(
            f"SELECT {_COLUMNS} FROM chaos_generation ORDER BY generation"
        ):
            content = (
                Content(name, phone, email, tuple(sorted(filter(None, (roles or "").split(","))))) if present else None
            )
            of.generations.append(Generation(number, at, content, username))
        for of, at, (number,) in told("SELECT key, at, generation FROM chaos_acknowledged ORDER BY generation"):
            of.acknowledged.append((number, at))
        for of, _, (number, cause) in told("SELECT key, at, generation, cause FROM chaos_caused"):
            of.causes[number] = cause
        for of, _, (username,) in told("SELECT key, at, username FROM chaos_frozen ORDER BY at"):
            of.frozen.append(username)
        for of, at, (remote_id,) in told("SELECT key, at, remote_id FROM chaos_linked ORDER BY at"):
            of.linked.append((remote_id, at))
    earlier = _of_earlier_rows(born)
    for key in earlier.keys() & seen.keys():
        seen[key].earlier |= earlier[key]
    return dict(seen)


def _of_earlier_rows(born: Mapping[str, float]) -> dict[str, set[str]]:
    """By what names the target was to know records before their rows were made last."""
    names: dict[str, set[str]] = defaultdict(set)
    with connection.cursor() as cursor:
        cursor.execute("SELECT key, at, username FROM chaos_frozen")
        for key, at, username in cursor.fetchall():
            if seconds(at) < born.get(key, 0.0):
                names[key].add(username)
    return names


def called_ever() -> dict[str, set[str]]:
    """By what names targets were to know each record, in all its rows' lives."""
    names: dict[str, set[str]] = defaultdict(set)
    with connection.cursor() as cursor:
        cursor.execute("SELECT key, username FROM chaos_frozen")
        for key, username in cursor.fetchall():
            names[key].add(username)
    return names


def finding_times() -> dict[int, float]:
    """When each finding of an audit was written down or confirmed, by its id, and by a clock that nobody sets."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, at FROM chaos_finding")
        return {number: seconds(at) for number, at in cursor.fetchall()}


def attempt_times() -> dict[int, tuple[float, float | None]]:
    """When each attempt began and ended, by its id, and by a clock that nobody sets."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, began, ended FROM chaos_attempt")
        return {
            number: (seconds(began), seconds(ended) if ended is not None else None)
            for number, began, ended in cursor.fetchall()
        }


def _sqlite() -> Iterator[str]:
    clock = SQLITE_CLOCK
    yield from (table.format(time="text") for table in _TABLES)
    content = f"INSERT INTO chaos_generation {_content('sqlite', clock)}"
    first = f"{_BORN.format(clock=clock)}; {content}"
    yield f"CREATE TRIGGER chaos_born AFTER INSERT ON thirdparty_record BEGIN {first}; END"
    moved = "AFTER UPDATE ON thirdparty_record WHEN NEW.{0} <> OLD.{0}"
    yield f"CREATE TRIGGER chaos_moved {moved.format('generation')} BEGIN {content}; END"
    acknowledged = _ACKNOWLEDGED.format(clock=clock)
    yield f"CREATE TRIGGER chaos_acknowledged {moved.format('synced_generation')} BEGIN {acknowledged}; END"
    caused = "AFTER UPDATE OF caused_by ON thirdparty_record WHEN NEW.generation <> OLD.generation"
    settled = "NEW.lease_token IS OLD.lease_token"
    yield f"CREATE TRIGGER chaos_caused {caused} AND {settled} BEGIN {_CAUSED.format(clock=clock)}; END"
    frozen = _FROZEN.format(clock=clock)
    yield f"CREATE TRIGGER chaos_frozen_at_birth AFTER INSERT ON thirdparty_record BEGIN {frozen}; END"
    yield f"CREATE TRIGGER chaos_frozen {moved.format('natural_key')} BEGIN {frozen}; END"
    relinked = "AFTER UPDATE ON thirdparty_record WHEN NEW.remote_id IS NOT OLD.remote_id"
    yield f"CREATE TRIGGER chaos_linked {relinked} BEGIN {_LINKED.format(clock=clock)}; END"
    began, ended = _BEGAN.format(clock=clock), _ENDED.format(clock=clock)
    yield f"CREATE TRIGGER chaos_began AFTER INSERT ON thirdparty_attempt BEGIN {began}; END"
    closed = "WHEN OLD.finished_at IS NULL AND NEW.finished_at IS NOT NULL"
    yield f"CREATE TRIGGER chaos_ended AFTER UPDATE ON thirdparty_attempt {closed} BEGIN {ended}; END"
    found = _FOUND.format(clock=clock)
    yield f"CREATE TRIGGER chaos_found AFTER INSERT ON thirdparty_finding BEGIN {found}; END"
    confirmed = "WHEN NEW.confirmed_at IS NOT OLD.confirmed_at"
    yield f"CREATE TRIGGER chaos_confirmed AFTER UPDATE ON thirdparty_finding {confirmed} BEGIN {found}; END"


def _postgresql(clock: str) -> Iterator[str]:
    yield from (table.format(time="timestamptz") for table in _TABLES)
    content = f"INSERT INTO chaos_generation {_content('postgresql', clock)}"
    bodies = {
        "content": content,
        "born": f"{_BORN.format(clock=clock)}; {content}",
        "acknowledged": _ACKNOWLEDGED.format(clock=clock),
        "caused": _CAUSED.format(clock=clock),
        "frozen": _FROZEN.format(clock=clock),
        "linked": _LINKED.format(clock=clock),
        "began": _BEGAN.format(clock=clock),
        "ended": _ENDED.format(clock=clock),
        "found": _FOUND.format(clock=clock),
    }
    for name, body in bodies.items():
        yield (
            f"CREATE FUNCTION chaos_{name}() RETURNS trigger LANGUAGE plpgsql AS "
            f"$body$BEGIN {body}; RETURN NULL; END$body$"
        )
    run = "FOR EACH ROW {} EXECUTE FUNCTION chaos_{}()"
    moved = "WHEN (NEW.{0} <> OLD.{0})"
    yield f"CREATE TRIGGER chaos_born AFTER INSERT ON thirdparty_record {run.format('', 'born')}"
    generation = run.format(moved.format("generation"), "content")
    yield f"CREATE TRIGGER chaos_moved AFTER UPDATE ON thirdparty_record {generation}"
    caused = "NEW.generation <> OLD.generation AND NEW.lease_token IS NOT DISTINCT FROM OLD.lease_token"
    caused = run.format(f"WHEN ({caused})", "caused")
    yield f"CREATE TRIGGER chaos_caused AFTER UPDATE OF caused_by ON thirdparty_record {caused}"
    synced = run.format(moved.format("synced_generation"), "acknowledged")
    yield f"CREATE TRIGGER chaos_acknowledged AFTER UPDATE ON thirdparty_record {synced}"
    yield f"CREATE TRIGGER chaos_frozen_at_birth AFTER INSERT ON thirdparty_record {run.format('', 'frozen')}"
    frozen = run.format(moved.format("natural_key"), "frozen")
    yield f"CREATE TRIGGER chaos_frozen AFTER UPDATE ON thirdparty_record {frozen}"
    linked = run.format("WHEN (NEW.remote_id IS DISTINCT FROM OLD.remote_id)", "linked")
    yield f"CREATE TRIGGER chaos_linked AFTER UPDATE ON thirdparty_record {linked}"
    yield f"CREATE TRIGGER chaos_began AFTER INSERT ON thirdparty_attempt {run.format('', 'began')}"
    ended = run.format("WHEN (OLD.finished_at IS NULL AND NEW.finished_at IS NOT NULL)", "ended")
    yield f"CREATE TRIGGER chaos_ended AFTER UPDATE ON thirdparty_attempt {ended}"
    yield f"CREATE TRIGGER chaos_found AFTER INSERT ON thirdparty_finding {run.format('', 'found')}"
    confirmed = run.format("WHEN (NEW.confirmed_at IS DISTINCT FROM OLD.confirmed_at)", "found")
    yield f"CREATE TRIGGER chaos_confirmed AFTER UPDATE ON thirdparty_finding {confirmed}"


def _content(vendor: str, clock: str) -> str:
    """What is wanted of the record ``NEW`` at this moment, as a row of ``chaos_generation``."""
    roles = (_ROLES_AND_VERSION if mapping.version() else _ROLES).format(joined=_JOINED[vendor])
    return _CONTENT.format(clock=clock, roles=roles, uuid=_UUID[vendor])


def seconds(at: datetime | str) -> float:
    """A moment that a trigger wrote down, in unix seconds."""
    if isinstance(at, str):
        return datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp()
    return at.timestamp()

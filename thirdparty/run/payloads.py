"""Reads what the targets are to hold, for some records at once."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from django.db import connection

from thirdparty.connectors.base import RemoteObject
from thirdparty.decide.lease import Lease
from thirdparty.decide.mapping import Unmappable, wanted
from thirdparty.models import Ref
from thirdparty.store.dialect import dialect

logger = logging.getLogger(__name__)

SYNCED_COLUMNS = ("uuid", "username", "name", "phone", "email", "is_active", "is_superuser")
USERS, MEMBERSHIP, ROLES, GROUPS = "users_user", "users_user_groups", "users_rolemapping", "auth_group"


@dataclass(frozen=True, slots=True)
class Desired:
    """``user``: what the target is to hold, None for no record.

    ``obstacle``: why that cannot be said: the user is unmappable, or the name of an error of our own code.
    """

    user: RemoteObject | None = None
    obstacle: Unmappable | str | None = None


def desired(target: str, leases: Sequence[Lease]) -> Mapping[str, Desired]:
    """What this target is to hold for the users of these leases as they are now, by the record's key."""
    people = _read(target, [UUID(lease.object_id) for lease in leases])
    return {lease.key: _desired(lease, people.get(UUID(lease.object_id), _NOBODY)) for lease in leases}


def read_wanted(ref: Ref, target: str, natural_key: str) -> RemoteObject | None:
    """What the target is to hold for one user as they are now. Raises `Unmappable`."""
    uuid = UUID(ref.object_id)
    return _wanted(_read(target, [uuid]).get(uuid, _NOBODY), natural_key)


def prepared(key: str, read: Callable[[], RemoteObject | None]) -> Desired:
    """What ``read`` gives, or why it gives nothing: whatever a record does to our code, it ends in its row."""
    try:
        return Desired(read())
    except Unmappable as unmappable:
        return Desired(obstacle=unmappable)
    except Exception as error:  # the promise above
        logger.exception("%s: cannot be prepared", key)
        return Desired(obstacle=type(error).__name__)


class _Values(NamedTuple):
    """`SYNCED_COLUMNS` of one user."""

    uuid: UUID
    username: str
    name: str
    phone: str
    email: str
    is_active: bool
    is_superuser: bool


@dataclass(frozen=True, slots=True)
class _Person:
    """``roles``: the names of the user's groups, with the target's role id of each, None where unmapped."""

    values: _Values | None
    roles: dict[str, str | None] = field(default_factory=dict)


_NOBODY = _Person(None)


def _desired(lease: Lease, person: _Person) -> Desired:
    return prepared(lease.key, lambda: _wanted(person, lease.natural_key))


def _wanted(person: _Person, natural_key: str) -> RemoteObject | None:
    values = person.values
    return wanted(values, natural_key=natural_key or (values.username if values else ""), roles=person.roles)


def _read(target: str, uuids: Collection[UUID]) -> Mapping[UUID, _Person]:
    columns = ", ".join(f"u.{column}" for column in SYNCED_COLUMNS)
    with connection.cursor() as cursor:
        # One statement: the ORM's three for each handful were a tenth of what a drain costs.
        cursor.execute(
            f"WITH g AS ({dialect(connection).given(user_uuid='uuid')}) "
            f"SELECT {columns}, r.name, mapped.remote_role_id FROM g JOIN {USERS} u ON u.uuid = g.user_uuid "
            f"LEFT JOIN {MEMBERSHIP} m ON m.user_id = u.id LEFT JOIN {GROUPS} r ON r.id = m.group_id "
            f"LEFT JOIN {ROLES} mapped ON mapped.group_id = r.id AND mapped.target = %s",
            [json.dumps([{"user_uuid": uuid.hex} for uuid in uuids]), target],
        )
        rows = cursor.fetchall()
    people: dict[UUID, _Person] = {}
    for uuid, username, name, phone, email, is_active, is_superuser, group, role_id in rows:
        key = uuid if isinstance(uuid, UUID) else UUID(uuid)  # SQLite has text
        values = _Values(key, username, name, phone, email, bool(is_active), bool(is_superuser))
        person = people.setdefault(key, _Person(values))
        if group is not None:
            person.roles[group] = role_id
    return people

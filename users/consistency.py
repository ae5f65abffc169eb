"""How long a write waits for the targets: not at all, for a while, or until they have accepted it (docs/consistency.md).

``by``: the account that acts, as in `users.services`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum
from math import inf
from uuid import UUID

from django.db import DatabaseError, IntegrityError, transaction

from thirdparty.consistency import strict
from thirdparty.consistency.patience import retrying
from thirdparty.consistency.wait import follow
from thirdparty.models import Record, Ref
from thirdparty.models.strict_write import Action
from thirdparty.notify import hints
from users import permissions, services
from users.models import User
from users.permissions import OPERATOR, Account, Right
from users.services import PersonValues
from users.synced import person

logger = logging.getLogger(__name__)


class Mode(StrEnum):
    """``eventual``: saved and answered. ``wait``: pushed before the answer. ``strict``: accepted before it is saved."""

    EVENTUAL = "eventual"
    WAIT = "wait"
    STRICT = "strict"


@dataclass(frozen=True, slots=True)
class Consistency:
    """The choice of one write; ``wait_seconds`` with ``wait`` only."""

    mode: Mode = Mode.EVENTUAL
    wait_seconds: float = 0.0


EVENTUAL = Consistency()
_OPENINGS = 10


@dataclass(frozen=True, slots=True)
class Written:
    """``user`` is None once deleted. ``level``: False where the caller waited and some target has not followed."""

    user_uuid: UUID
    user: User | None
    level: bool = True


Kept = Callable[[User | None], None]
"""Called in the transaction of the write itself, after it: what it saves is saved with the write or not at all."""


def _nothing(_user: User | None) -> None:
    pass


def create(
    values: PersonValues, *, consistency: Consistency = EVENTUAL, kept: Kept = _nothing, by: Account = OPERATOR
) -> Written:
    """A new person. Raises as `users.services.create_user`, and for strict as `thirdparty.consistency.strict.carry_out`."""
    if consistency.mode is Mode.STRICT:
        user, groups = User(), []

        def opened() -> tuple[Action, User, list[str], str]:
            nonlocal user, groups
            permissions.require(by, Right.ADD)
            user = services.new_person()
            groups = services.fill(user, values, by=by) or []
            user.username = user.username or user.free_username()
            return Action.CREATE, user, [group.name for group in groups], ""

        return _strictly(opened, lambda: services.save(user, groups), kept)
    newcomer = services.new_person()
    return _write(newcomer.uuid, lambda: services.create_user(newcomer, by=by, **values), consistency, kept)


def update(  # noqa: PLR0913  # all but the first two are named, each a choice of its own
    user_uuid: UUID,
    changes: PersonValues,
    *,
    seen: Collection[str] = (),
    consistency: Consistency = EVENTUAL,
    kept: Kept = _nothing,
    by: Account = OPERATOR,
) -> Written:
    """Changes to a person. Raises as `users.services.update_user`, and for strict as `carry_out`."""
    if consistency.mode is Mode.STRICT:

        def opened() -> tuple[Action, User, list[str], str]:
            user = services.locked(user_uuid, Right.CHANGE, seen=seen, by=by)
            base = user.fingerprint()
            groups = services.fill(user, changes, by=by)
            names = user.groups.all() if groups is None else groups
            return Action.UPDATE, user, [group.name for group in names], base

        def write() -> User:
            user = services.people().get(uuid=user_uuid)
            return services.save(user, services.fill(user, changes, by=by))

        return _strictly(opened, write, kept)
    return _write(user_uuid, lambda: services.update_user(user_uuid, seen=seen, by=by, **changes), consistency, kept)


def delete(
    user_uuid: UUID,
    *,
    seen: Collection[str] = (),
    consistency: Consistency = EVENTUAL,
    kept: Kept = _nothing,
    by: Account = OPERATOR,
) -> Written:
    """Delete a person. Raises as `users.services.delete_user`, and for strict as `carry_out`.

    A strict delete that one target has done and another refuses cannot be taken back: the record is
    added anew, under a new remote id, and what the target kept with the old one is gone.
    """
    if consistency.mode is Mode.STRICT:

        def opened() -> tuple[Action, User, list[str], str]:
            user = services.locked(user_uuid, Right.DELETE, seen=seen, by=by)
            return Action.DELETE, user, [], user.fingerprint()

        def write() -> None:
            services.people().get(uuid=user_uuid).delete()

        return _strictly(opened, write, kept)
    return _write(user_uuid, lambda: services.delete_user(user_uuid, seen=seen, by=by), consistency, kept)


def _write(user_uuid: UUID, write: Callable[[], User | None], consistency: Consistency, kept: Kept) -> Written:
    waits = consistency.mode is Mode.WAIT
    if waits:
        strict.require_no_transaction()
    with hints.quiet(when=waits), transaction.atomic():
        user = write()
        kept(user)
    level = follow(person(user_uuid), within_seconds=consistency.wait_seconds) if waits else True
    return Written(user_uuid, user, level)


_Opening = Callable[[], tuple[Action, User, list[str], str]]


def _strictly(opening: _Opening, write: Callable[[], User | None], kept: Kept) -> Written:
    strict.require_no_transaction()
    opened = _opened(opening)
    ref = opened.strict_write.ref
    written: list[User | None] = []

    try:
        with hints.quiet():
            course = strict.Course(
                base=lambda: _locked_fingerprint(UUID(ref.object_id)),
                write=lambda: written.append(write()),
                kept=lambda: kept(written[0]),
            )
            strict.carry_out(opened, course)
    finally:
        _wake_what_is_owed(ref)
    return Written(UUID(ref.object_id), written[0])


def _opened(opening: _Opening) -> strict.Opened:
    """Raises `NotAccepted` where not all targets can be asked, not even after a few tries."""

    def once() -> strict.Opened | strict.NotAccepted:
        try:
            return _opened_once(opening)
        except strict.NotAccepted as refused:
            if not refused.passes:
                raise
            return refused

    opened = retrying(lambda last: isinstance(last, strict.NotAccepted), within_seconds=inf)(once)
    if isinstance(opened, strict.NotAccepted):
        raise opened
    return opened


def _opened_once(opening: _Opening) -> strict.Opened:
    for _ in range(_OPENINGS):
        try:
            with transaction.atomic():
                return strict.open_write(_candidate(*opening()))
        except IntegrityError:
            continue  # another strict write took the username in the same instant: choose again
    raise strict.Underway(1.0)


def _candidate(action: Action, user: User, groups: list[str], base: str) -> strict.Candidate:
    values = {name: getattr(user, name) for name in ("username", "name", "phone", "email", "is_active")}
    leaves = action == Action.DELETE or not user.is_active
    return strict.Candidate(person(user.uuid), action, {**values, "groups": groups}, user.username, base, leaves)


def _locked_fingerprint(user_uuid: UUID) -> str:
    user = User.objects.select_for_update().filter(uuid=user_uuid).first()
    return user.fingerprint() if user is not None else ""


def _wake_what_is_owed(ref: Ref) -> None:
    """Raises nothing: the write has ended one way or the other, and what is owed is found by the next tick as well."""
    try:
        for row in Record.objects.of(ref).filter(owed_since__isnull=False):
            hints.push_record(row.target, row.key)
    except DatabaseError:
        logger.exception("what is owed for %s is left to the reconciler", ref)

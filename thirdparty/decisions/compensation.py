"""What a person does about a record that does not come right by itself. Each deed says who, what and why."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from functools import partial

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Model
from django.utils.translation import gettext_lazy as _

from thirdparty import audit_log, permissions, targets
from thirdparty.audit.digest import digest_of
from thirdparty.consistency.strict import Underway, require_none
from thirdparty.decisions.linkage import CannotCompensate, Link, Linkage
from thirdparty.declaration import is_declared, objects
from thirdparty.declaration.accepting import CannotAccept, accepting
from thirdparty.models import Record
from thirdparty.models.record import State
from thirdparty.notify import hints
from thirdparty.observe.differing import found_otherwise
from thirdparty.permissions import Account, Right
from thirdparty.run import payloads
from thirdparty.store import manual

__all__ = [
    "ACCEPTING", "MEANINGS", "OPEN", "CannotCompensate", "Deed", "as_seen", "compensate", "digest_of_held", "link_to_accept", "offered", "open_row",
    "refusals", "write_here",
]  # fmt: skip


class Deed(StrEnum):
    """The ways out, for a record that is parked, held, rejected, unknown or pending. Accept: of a level one, too, that differs."""

    RETRY = "retry"
    OVERWRITE = "overwrite"
    ADOPT = "adopt"
    ACCEPT = "accept"
    SETTLE = "settle"


MEANINGS = {
    Deed.RETRY: _("look at it now, parked or not"),
    Deed.OVERWRITE: _("push what we hold once more, whatever the target holds"),
    Deed.ADOPT: _("the remote record of this id is this object's: link it, then bring it to our values"),
    Deed.ACCEPT: _("what the target holds is right: write it here"),
    Deed.SETTLE: _("it was brought right by hand: nothing is owed any more"),
}
OPEN = (State.PARKED, State.HELD, State.REJECTED, State.UNKNOWN, State.PENDING)
ACCEPTING = (*OPEN, State.SYNCED)
"""What the target's own people edited is level as far as its row knows: theirs may be taken all the same, where they differ."""
_FACTS = (
    "generation", "synced_generation", "deleted", "lease_token", "unknown_until", "remote_id", "natural_key", "former_key", "adopted",
    "add_key", "parked", "look_first",
)  # fmt: skip
_CHANGED = "The record has changed meanwhile, or a worker is busy with it. Look again."


def offered(kind: str) -> list[Deed]:
    """What can be decided about records of objects of this kind."""
    return [deed for deed in Deed if deed is not Deed.ACCEPT or accepting(kind) is not None]


def compensate(  # noqa: PLR0913  # who, what, on which grounds and why: all by name
    key: str, deed: Deed, *, account: Account, seen: int, reason: str, remote_id: str = "", held: str = ""
) -> None:
    """Do it, and note who did it and why.

    ``seen``: the generation of the record that they looked at; what they decide holds for that one only. ``remote_id``:
    with ``adopt``, and with ``settle`` where the record has none yet. ``held``: with ``accept``, what they saw the target
    hold (`AcceptPreview.held`); empty for whatever it holds now. Not to be used inside a transaction.
    Raises `CannotCompensate`, or `thirdparty.permissions.NotAllowed`, having changed nothing.
    """
    permissions.require(account, Right.DECIDE)
    reason = reason.strip()
    if not reason:
        raise CannotCompensate("Say why: the reason is kept with the record.")
    row = open_row(key, deed, seen=seen)
    link = _link(row, deed, remote_id)  # before the transaction: no lock is held while a target is asked
    if held and held != digest_of_held(row, link):
        raise CannotCompensate("The target holds something else by now than you saw. Look again.")
    with refusals(), transaction.atomic():
        instance, locked = as_seen(row)
        _do(locked, deed, link, instance, account)
        audit_log.record(account, row, audit_log.CHANGE, _note(deed, remote_id, reason))
        hints.record_on_commit(row.target, key)


def open_row(key: str, deed: Deed, *, seen: int) -> Record:
    """The record, about which this may be decided. Raises `CannotCompensate`."""
    row = Record.objects.filter(key=key).first()
    if row is None:
        raise CannotCompensate("There is no such record any more.")
    if not is_declared(row.kind):
        raise CannotCompensate(f"Nothing of the kind {row.kind} is declared any more.")
    states = ACCEPTING if deed is Deed.ACCEPT else OPEN
    if row.state not in states:
        raise CannotCompensate(f"The record is {row.state}; this is for those that are {', '.join(states)}.")
    if row.target not in targets.names():
        raise CannotCompensate(f"Target {row.target} is not configured; name it in SYNC_TARGETS first.")
    if row.generation != seen:
        raise CannotCompensate(
            f"The record has changed since you looked: it is at generation {row.generation}, not {seen}. Look again."
        )
    return row


def as_seen(row: Record) -> tuple[Model | None, Record]:
    """The object and the record, locked until the transaction ends. Raises `CannotCompensate` where either has moved on.

    What the target was asked for is this row: an edit, a step, anything that came between decides anew.
    """
    instance = objects.locked(row.ref)
    require_none(row.ref)
    locked = Record.objects.select_for_update().filter(key=row.key).first()
    if locked is None or any(getattr(locked, name) != getattr(row, name) for name in _FACTS):
        raise CannotCompensate(_CHANGED)
    return instance, locked


@contextmanager
def refusals() -> Iterator[None]:
    """What stands in the way of a decision, as `CannotCompensate`."""
    try:
        yield
    except IntegrityError:
        raise CannotCompensate("Another object is linked to this remote record, or holds its natural key.") from None
    except ValidationError as problem:
        raise CannotCompensate(f"The target's values do not fit here: {'; '.join(problem.messages)}") from None
    except CannotAccept as problem:
        raise CannotCompensate(str(problem)) from None
    except Underway:
        raise CannotCompensate("A strict write of this object is under way. Try again in a minute.") from None


def _note(deed: Deed, remote_id: str, reason: str) -> str:
    which = f" {remote_id}" if remote_id and deed in (Deed.ADOPT, Deed.SETTLE) else ""
    return f"{deed}{which}: {reason}"


def _link(row: Record, deed: Deed, remote_id: str) -> Link:
    """Which remote record the deed leaves the row with."""
    linkage = Linkage(row)
    match deed:
        case Deed.ADOPT:
            return linkage.by_word(remote_id)
        case Deed.ACCEPT:
            return link_to_accept(row)
        case Deed.SETTLE:
            return linkage.for_settling(remote_id)
        case _:
            return linkage.of_row()


def link_to_accept(row: Record) -> Link:
    """The record at the target whose values are to be written here. Raises `CannotCompensate`, also where a level record does not differ."""
    if row.deleted:
        raise CannotCompensate("The object is gone, so nothing can be written here. Create it anew, or adopt.")
    if accepting(row.kind) is None:
        raise CannotCompensate(f"What a target holds of objects of the kind {row.kind} cannot be written here.")
    link = Linkage(row).by_look_up()
    if row.state == State.SYNCED and not _differs(row, link):
        raise CannotCompensate("The target holds what is wanted here: there is nothing to take.")
    return link


def digest_of_held(row: Record, link: Link) -> str:
    """A digest of what the target was found to hold; empty where it was not asked."""
    if link.found is None:
        return ""
    return digest_of(link.found, targets.connector(row.target, row.kind).comparable)


def _differs(row: Record, link: Link) -> bool:
    desired = payloads.prepared(row.key, partial(payloads.read_wanted, row.ref, row.target, row.natural_key))
    if desired.obj is None and desired.obstacle is None:
        raise CannotCompensate("No record of this object is wanted at the target, so nothing is taken from it.")
    return desired.obj is None or bool(found_otherwise(row, desired.obj, link.found))


def _do(row: Record, deed: Deed, link: Link, instance: Model | None, account: Account) -> None:
    match deed:
        case Deed.RETRY:
            done = manual.retry(row.key, seen=row.generation)
        case Deed.OVERWRITE:
            done = manual.overwrite(row.key, seen=row.generation)
        case Deed.ADOPT:
            done = manual.adopt(row.key, link, seen=row.generation)
        case Deed.ACCEPT:
            write_here(row, link, instance, account)
            done = manual.adopt(row.key, link, seen=Record.objects.get(key=row.key).generation)
        case Deed.SETTLE:
            done = manual.settle(row.key, link, seen=row.generation)
    if not done:
        raise CannotCompensate(_CHANGED)


def write_here(row: Record, link: Link, instance: Model | None, account: Account) -> None:
    """Write what was found to the object, as its application does. Raises as it does."""
    accept = accepting(row.kind)
    assert link.found is not None  # noqa: S101  # for the type checker: such a link was looked up
    if instance is None or accept is None:
        raise CannotCompensate(_CHANGED)
    accept(instance, row.target, link.found, by=account)

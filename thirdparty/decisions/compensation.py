"""What a person does about a record that does not come right by itself. Each deed says who, what and why."""

from __future__ import annotations

from enum import StrEnum

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Model
from django.utils.translation import gettext_lazy as _

from thirdparty import audit_log, permissions, targets
from thirdparty.consistency.strict import Underway, require_none
from thirdparty.decisions.linkage import CannotCompensate, Link, Linkage
from thirdparty.declaration import is_declared, objects
from thirdparty.declaration.accepting import CannotAccept, accepting
from thirdparty.models import Record
from thirdparty.models.record import State
from thirdparty.notify import hints
from thirdparty.permissions import Account, Right
from thirdparty.store import manual

__all__ = ["MEANINGS", "OPEN", "CannotCompensate", "Deed", "compensate", "offered"]


class Deed(StrEnum):
    """The ways out, for a record that is parked, held, rejected, unknown or pending."""

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
_FACTS = (
    "generation", "synced_generation", "deleted", "lease_token", "unknown_until", "remote_id", "natural_key", "adopted",
    "add_key", "parked", "look_first",
)  # fmt: skip
_CHANGED = "The record has changed meanwhile, or a worker is busy with it. Look again."


def offered(kind: str) -> list[Deed]:
    """What can be decided about records of objects of this kind."""
    return [deed for deed in Deed if deed is not Deed.ACCEPT or accepting(kind) is not None]


def compensate(  # noqa: PLR0913  # who, what, on which grounds and why: all by name
    key: str, deed: Deed, *, account: Account, seen: int, reason: str, remote_id: str = ""
) -> None:
    """Do it, and note who did it and why.

    ``seen``: the generation of the record that they looked at; what they decide holds for that one only. ``remote_id``:
    with ``adopt``, and with ``settle`` where the record has none yet. Not to be used inside a transaction.
    Raises `CannotCompensate`, or `thirdparty.permissions.NotAllowed`, having changed nothing.
    """
    permissions.require(account, Right.DECIDE)
    reason = reason.strip()
    if not reason:
        raise CannotCompensate("Say why: the reason is kept with the record.")
    row = Record.objects.filter(key=key).first()
    if row is None:
        raise CannotCompensate("There is no such record any more.")
    if not is_declared(row.kind):
        raise CannotCompensate(f"Nothing of the kind {row.kind} is declared any more.")
    _require_open(row, seen)
    link = _link(row, deed, remote_id)  # before the transaction: no lock is held while a target is asked
    try:
        with transaction.atomic():
            instance = objects.locked(row.ref)
            require_none(row.ref)
            # What the target was asked for is this row: an edit, a step, anything that came between decides anew.
            held = Record.objects.select_for_update().filter(key=key).first()
            if held is None or any(getattr(held, name) != getattr(row, name) for name in _FACTS):
                raise CannotCompensate(_CHANGED)
            _do(held, deed, link, instance, account)
            audit_log.record(account, row, audit_log.CHANGE, _note(deed, remote_id, reason))
            hints.record_on_commit(row.target, key)
    except IntegrityError:
        raise CannotCompensate("Another object is linked to this remote record, or holds its natural key.") from None
    except ValidationError as problem:
        raise CannotCompensate(f"The target's values do not fit here: {'; '.join(problem.messages)}") from None
    except CannotAccept as problem:
        raise CannotCompensate(str(problem)) from None
    except Underway:
        raise CannotCompensate("A strict write of this object is under way. Try again in a minute.") from None


def _require_open(row: Record, seen: int) -> None:
    if row.state not in OPEN:
        raise CannotCompensate(f"The record is {row.state}; this is for those that are {', '.join(OPEN)}.")
    if row.target not in targets.names():
        raise CannotCompensate(f"Target {row.target} is not configured; name it in SYNC_TARGETS first.")
    if row.generation != seen:
        raise CannotCompensate(
            f"The record has changed since you looked: it is at generation {row.generation}, not {seen}. Look again."
        )


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
            if row.deleted:
                raise CannotCompensate("The object is gone, so nothing can be written here. Create it anew, or adopt.")
            if accepting(row.kind) is None:
                raise CannotCompensate(
                    f"What a target holds of objects of the kind {row.kind} cannot be written here."
                )
            return linkage.by_look_up()
        case Deed.SETTLE:
            return linkage.for_settling(remote_id)
        case _:
            return linkage.of_row()


def _do(row: Record, deed: Deed, link: Link, instance: Model | None, account: Account) -> None:
    match deed:
        case Deed.RETRY:
            done = manual.retry(row.key, seen=row.generation)
        case Deed.OVERWRITE:
            done = manual.overwrite(row.key, seen=row.generation)
        case Deed.ADOPT:
            done = manual.adopt(row.key, link, seen=row.generation)
        case Deed.ACCEPT:
            _accept(row, link, instance, account)
            done = manual.adopt(row.key, link, seen=Record.objects.get(key=row.key).generation)
        case Deed.SETTLE:
            done = manual.settle(row.key, link, seen=row.generation)
    if not done:
        raise CannotCompensate(_CHANGED)


def _accept(row: Record, link: Link, instance: Model | None, account: Account) -> None:
    accept = accepting(row.kind)
    assert link.found is not None  # noqa: S101  # for the type checker: such a link was looked up
    if instance is None or accept is None:
        raise CannotCompensate(_CHANGED)
    accept(instance, row.target, link.found, by=account)

"""Two rows meet on one remote id: partners give ids out again, so one of the two links is out of date."""

from __future__ import annotations

from dataclasses import replace

from django.db import OperationalError, connection, transaction
from django.db.models import Q, QuerySet

from thirdparty.connectors.identity import same_external_id
from thirdparty.decide.lease import Lease
from thirdparty.decide.ownership import TRUST
from thirdparty.decide.progress import HONEST_STEPS, NO_PROGRESS_LIMIT
from thirdparty.decide.result import IDENTITY_CONFLICT, Doubt, FinishedStep, Next, Outcome, StepResult
from thirdparty.declaration import KeyChanges, of_kind
from thirdparty.models import Record, Ref
from thirdparty.models.record import AT_REST
from thirdparty.store.contention import is_contention, wait_briefly
from thirdparty.store.dialect import dialect
from thirdparty.store.tables import RECORDS
from thirdparty.store.unparking import unless_rejected

_TAKEN = "another object is linked to this remote record"


def whose(ended: FinishedStep) -> FinishedStep:
    """The step, settled for the object whose record it found: ours, or another one of ours.

    A record with our external id and another object's natural key is that one's if it is linked to it, and our update went
    astray; else it may as well be ours, with the name that somebody gone has left. One that we added, with our natural key and
    another object's external id, is ours, and the other's did.
    """
    lease, result = ended.lease, ended.settlement
    if result.parked == IDENTITY_CONFLICT and result.external_id:
        return _named_as_ours(ended)
    if result.instead is None:
        return ended
    if same_external_id(result.external_id, lease.external_id):
        other = _others(lease).filter(_known_by(result.natural_key), remote_id=result.found_id).first()
    else:
        other = _of_external_id(ended).exclude(_known_by(result.natural_key)).first()
        other = None if other is not None and _had_the_key(result, other) else other
    return replace(ended, settlement=result.instead) if other is not None else ended


def _known_by(natural_key: str) -> Q:
    return Q(natural_key=natural_key) | Q(former_key=natural_key)


def _others(lease: Lease) -> QuerySet[Record]:
    return Record.objects.filter(target=lease.target, kind=lease.kind).exclude(key=lease.key)


def _of_external_id(ended: FinishedStep) -> QuerySet[Record]:
    object_id = of_kind(ended.lease.kind).object_id(ended.settlement.external_id)
    if object_id is None:
        return Record.objects.none()
    return _others(ended.lease).filter(key=Ref(ended.lease.kind, object_id).key(ended.lease.target))


def _named_as_ours(ended: FinishedStep) -> FinishedStep:
    """The step that met a record of our natural key with another object's external id.

    Where that other one has let go of it, it is settled with what we may make of the record. Where it may take the record away, or
    may be linked to it, the step is settled for later: a restore brings back whoever was gone. They look first.
    """
    lease, result = ended.lease, ended.settlement
    other = _of_external_id(ended).filter(parked="").first()
    at_rest = other is not None and other.state in AT_REST
    stays_theirs = other is not None and _had_the_key(result, other)
    if other is not None and at_rest and not stays_theirs:
        instead = _left_to_us(result, other, _others(lease).filter(deleted=True, wanted_key=lease.natural_key))
        if instead is not None:
            return replace(ended, settlement=instead)
    left = at_rest and other is not None and other.remote_id is not None and not stays_theirs
    if other is None or left or lease.no_progress + 1 >= NO_PROGRESS_LIMIT:
        return ended
    if at_rest:
        _have_look(other.key)
    later = _later(result, lease, "another object of ours has the natural key at the target, and is looked at first")
    return replace(ended, settlement=replace(later, parked="", no_progress=lease.no_progress + 1))


def _had_the_key(result: StepResult, other: Record) -> bool:
    """Whether the record found is the other object's, which has been given another key since: a restore took that back.

    An update of the other's that went astray would have given the record its own key.
    """
    renamed = of_kind(other.kind).key_changes is KeyChanges.RENAMED
    return renamed and other.remote_id == result.found_id and other.natural_key != result.natural_key


def _left_to_us(result: StepResult, other: Record, gone: QuerySet[Record]) -> StepResult | None:
    """What to settle where the record found is the other object's no more; None where it is. ``gone``: who had our natural key."""
    if other.remote_id is None:
        # Taken on trust, and unlinked when it was not wanted any more: such a record is the target's own again.
        return result.let_go if other.adopted == TRUST else None
    astray = other.remote_id == result.found_id and other.natural_key != result.natural_key
    if other.remote_id != result.found_id or (astray and gone.exclude(key=other.key).exists()):
        # An update of theirs went astray to a record that a restore had brought back.
        return result.instead
    return None


def _have_look(key: str) -> None:
    """Owe this record, which looks first. One that somebody holds is left to the next time: nobody is waited for."""
    try:
        with transaction.atomic():
            wait_briefly(connection)
            _owe(key, "look_first = TRUE")
    except OperationalError as error:
        if not is_contention(error):
            raise


def meet(ended: FinishedStep, *, waits: bool) -> StepResult:
    """What the step is to be settled with, now that another row holds its remote id; changes that row accordingly.

    Where the target showed that the record is this step's, the other row loses its link, and looks before it writes.
    Where the link was taken from this row meanwhile, it is this one that does.
    Where neither is shown, the other row looks first and this one tries again later.
    A target that gives one id to two would set them against each other for ever: each meeting counts as a step without
    progress, for both. Call in the transaction of the settlement. Unless it ``waits``, raises `OperationalError` where
    somebody else is writing one of the rows.
    """
    lease, result = ended.lease, ended.settlement
    rows = _both(ended, waits=waits)
    holder = next((row for row in rows if row.key != lease.key and row.remote_id == result.remote_id), None)
    if holder is None or lease.token not in {row.lease_token for row in rows}:
        return result
    result = replace(result, no_progress=lease.no_progress + 1)
    if result.remote_id == lease.remote_id:
        _owe(holder.key)
        return replace(_again(result), remote_id=None, look_first=True, acknowledged=False)
    if result.no_progress >= NO_PROGRESS_LIMIT:
        return _parked(result, lease)
    if result.shown:
        _owe(holder.key, "remote_id = NULL, sent = NULL, look_first = TRUE")
        found = replace(_again(result), raise_above=result.raise_above or 0)
        late = holder.lease_token is not None or holder.unknown_until is not None
        # Under the id that it had, the holder may yet overwrite the record, or take it away, so that others are given the id.
        return replace(found, doubt=Doubt.OPEN, look_first=True, next=Next.AT_RECHECK) if late else found
    _owe(holder.key, "look_first = TRUE")
    return _later(result, lease, f"{_TAKEN}, who is looked at first")


def _both(ended: FinishedStep, *, waits: bool) -> list[Record]:
    """Both rows, locked in the order in which everybody locks rows."""
    target, remote_id = ended.lease.target, ended.settlement.remote_id
    holders = Record.objects.filter(target=target, kind=ended.lease.kind, remote_id=remote_id).values_list(
        "key", flat=True
    )
    locked = Record.objects.select_for_update(nowait=not waits)
    return list(locked.filter(key__in={ended.lease.key, *holders}).order_by("key"))


def _again(result: StepResult) -> StepResult:
    later = result.next is Next.LATER or result.no_progress > HONEST_STEPS
    return replace(result, parked="", next=Next.LATER if later else Next.NOW)


def _later(result: StepResult, lease: Lease, message: str) -> StepResult:
    return replace(
        result,
        outcome=Outcome.TRANSIENT,
        remote_id=lease.remote_id,
        adopted=lease.adopted,
        sent=lease.sent,
        acknowledged=False,
        next=Next.LATER,
        reason=IDENTITY_CONFLICT,
        message=message,
    )


def _parked(result: StepResult, lease: Lease) -> StepResult:
    return replace(
        result,
        outcome=Outcome.REJECTED,
        remote_id=lease.remote_id,
        adopted=lease.adopted,
        sent=lease.sent,
        acknowledged=False,
        next=Next.AT_RECHECK,
        parked=IDENTITY_CONFLICT,
        reason=IDENTITY_CONFLICT,
        message=_TAKEN,
    )


def _owe(key: str, changes: str = "") -> None:
    """Have the row looked at again, but one whose change a person rejected: that may lose its link, and stays as it is."""
    db = dialect(connection)
    owed = unless_rejected(due_at=db.clock, owed_since=f"COALESCE(owed_since, {db.clock})", parked="''")
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {RECORDS} SET {changes}{', ' if changes else ''}generation = generation + 1, "
            "no_progress = 1 + CASE WHEN no_progress_generation = generation THEN no_progress ELSE 0 END, "
            f"no_progress_generation = generation + 1, {owed} WHERE key = %s",
            [key],
        )

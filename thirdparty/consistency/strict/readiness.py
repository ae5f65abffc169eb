"""Which targets a strict write has to ask, in which order, and whether all of them are open for it."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models.functions import Now

from thirdparty import protect, store, targets
from thirdparty.capture import versions
from thirdparty.consistency.strict.errors import NOT_ASKED, NotAccepted, TargetsDiffer, Verdict
from thirdparty.decide.brake import HELD_BY_BRAKE
from thirdparty.decide.ownership import TRUST
from thirdparty.decide.plan import Call, parting
from thirdparty.models import Record, Ref, Target
from thirdparty.models.record import State
from thirdparty.protect import Openness, brake

BUSY = "busy"
KEY_HELD = "key_held"
OTHER_VERSION = "other_version"


@dataclass(frozen=True, slots=True)
class _Place:
    """One target with the object's row there, None where there is none yet."""

    name: str
    row: Record | None
    openness: Openness


def enabled() -> set[str]:
    """The targets that the database says are in use, whatever this process knows of them."""
    return set(Target.objects.filter(enabled=True).values_list("name", flat=True))


def require_known() -> list[str]:
    """The targets in the order of the settings. Raises `TargetsDiffer` where database and settings differ."""
    named, present = targets.names(), enabled()
    unknown, not_enabled = sorted(present - set(named)), [name for name in named if name not in present]
    if unknown or not_enabled:
        raise TargetsDiffer(unknown=unknown, not_enabled=not_enabled)
    return named


def in_order(ref: Ref, username: str, *, leaves: bool) -> list[str]:
    """Every target, the one that is least certain to accept first, so that least has to be undone.

    ``username``: what a record that is new would have. ``leaves``: no record is wanted any more; what cannot be taken
    back, the deletion of one that we made, comes last. Raises `NotAccepted`, with nobody asked, where a target is not
    open, or the object's record not free; and as `require_known`.
    """
    names = require_known()
    rows = {row.target: row for row in Record.objects.of(ref)}
    places = [_Place(name, rows.get(name), protect.openness(name)) for name in names]
    obstacles = {place.name: found for place in places if (found := _obstacle(place, ref, username, leaves=leaves))}
    if obstacles:
        verdicts = [obstacles.get(name) or not_asked(name, "another target is not open for it") for name in names]
        passes = all(verdict.reason in (BUSY, KEY_HELD) for verdict in obstacles.values())
        raise NotAccepted(verdicts, asked=False, passes=passes)
    return [place.name for place in sorted(places, key=lambda place: _certainty(place, leaves=leaves))]


def obstacle(name: str, ref: Ref, username: str) -> Verdict | None:
    """Why this target cannot be asked at present; None where it can."""
    row = Record.objects.filter(key=ref.key(name)).first()
    return _obstacle(_Place(name, row, protect.openness(name)), ref, username)


def _obstacle(place: _Place, ref: Ref, username: str, *, leaves: bool = False) -> Verdict | None:
    name, row, target = place.name, place.row, place.openness
    if (differing := versions.difference_of(ref.kind)) is not None:
        return Verdict(name, accepted=False, reason=OTHER_VERSION, message=str(differing))
    if target.obstacle:
        return Verdict(name, accepted=False, reason=target.obstacle, message=target.message)
    if row is not None and (braked := _braked(row, leaves=leaves)):
        return Verdict(name, accepted=False, reason=HELD_BY_BRAKE, message=braked)
    if row is not None and Record.objects.filter(key=row.key, leased_until__gt=Now()).exists():
        return Verdict(name, accepted=False, reason=BUSY, message="a worker is busy with this record")
    natural_key = (row.natural_key if row is not None else "") or username
    if natural_key and store.other_holder(ref.key(name), name, ref.kind, natural_key) is not None:
        message = "another record still holds the natural key at the target"
        return Verdict(name, accepted=False, reason=KEY_HELD, message=message)
    return None


def _braked(row: Record, *, leaves: bool) -> str:
    """Why the brake lets no strict write of this record begin; empty where it does."""
    if row.state == State.HELD:
        return "the target's brake holds an earlier change of this record: a person has to decide about it first"
    if row.state == State.REJECTED:
        return "a person rejected an earlier change of this record: edit it without strict consistency"
    parts = leaves and row.remote_id is not None and row.adopted != TRUST
    if not parts or parting(targets.config(row.target).leaving, days_over=False) is Call.LEAVE:
        return ""
    return "the target's brake is on: nothing is deleted there" if brake.latched(row.target) else ""


def _certainty(place: _Place, *, leaves: bool) -> tuple[object, ...]:
    """The smaller, the less certain. Equal ones stay in the order of the settings."""
    row, rate = place.row, place.openness.calls_per_second
    failed = row is not None and bool(row.failed_tries or row.crashes or row.parked)
    in_doubt = row is not None and (row.unknown_until is not None or row.add_key is not None)
    lasting = leaves and row is not None and row.may_exist and row.adopted != TRUST
    return (
        lasting,
        not failed,
        not in_doubt,
        not place.openness.troubled,
        targets.config(place.name).capabilities.query,
        rate if rate is not None else float("inf"),
    )


def not_asked(name: str, message: str) -> Verdict:
    """The verdict on a target that was spared the question."""
    return Verdict(name, accepted=False, reason=NOT_ASKED, message=message)

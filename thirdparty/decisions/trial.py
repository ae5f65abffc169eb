"""A new version of a declaration that is tried on a sample of the records: how that stands, and letting the others follow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from thirdparty import audit_log, permissions, targets
from thirdparty.decide.sample import in_sample
from thirdparty.models import Record, Target
from thirdparty.notify import hints
from thirdparty.permissions import OPERATOR, Account, Right


class NothingOnTrial(Exception):
    """There is nothing to decide about; the message says why."""


@dataclass(frozen=True, slots=True)
class Trial:
    """``percent`` of the records of these ``kinds`` are tried. ``owing``: not all of them are owed yet.

    ``sample``: how many records it has, by their state; ``parked``: those of them that need somebody, by the reason. ``others``: how
    many records of these kinds are not in it.
    """

    target: str
    percent: float
    since: datetime | None
    kinds: tuple[str, ...]
    owing: bool
    sample: Mapping[str, int]
    parked: Mapping[str, int]
    others: int

    def as_json(self) -> dict[str, Any]:
        """The same as plain values, for JSON."""
        return asdict(self)


def standing(name: str) -> Trial:
    """How the trial at this target stands. Reads the key and state of every record of the kinds. Raises `NothingOnTrial`."""
    target = _on_trial(name)
    sample, parked, others = Counter[str](), Counter[str](), 0
    percent = target.trial_percent or 0.0
    kinds = targets.on_trial(target)
    rows = Record.objects.filter(target=name, kind__in=kinds).order_by()
    for key, state, why in rows.values_list("key", "state", "parked").iterator():
        if in_sample(key, percent):
            sample[state] += 1
            parked.update([why] if why else [])
        else:
            others += 1
    owing = target.owing_to is not None or bool(target.owing_left)
    return Trial(name, percent, target.trial_since, kinds, owing, dict(sample), dict(parked), others)


def follow(name: str, *, reason: str, by: Account = OPERATOR) -> None:
    """Let the other records follow: they are owed in batches, behind people's edits. Who and why is kept.

    Raises `NothingOnTrial`, and `thirdparty.permissions.NotAllowed`.
    """
    permissions.require(by, Right.DECIDE)
    with transaction.atomic():
        kinds = targets.on_trial(_on_trial(name, lock=True))
        targets.end_trial(name)
        audit_log.record_at_target(by, name, f"the rest of {', '.join(kinds)} follows the trial", reason)
        transaction.on_commit(hints.start_reconcile, robust=True)


def _on_trial(name: str, *, lock: bool = False) -> Target:
    rows = Target.objects.select_for_update() if lock else Target.objects
    target = rows.filter(name=name).first()
    if target is None or not targets.on_trial(target):
        raise NothingOnTrial(f"at {name}, no new version is tried on a sample")
    return target

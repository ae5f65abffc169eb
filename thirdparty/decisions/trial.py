"""A new version of a declaration that is tried on a sample of the records: how that stands, and letting the others follow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from thirdparty import audit_log, permissions, targets
from thirdparty.decide.sample import is_chosen
from thirdparty.models import Record, Target
from thirdparty.notify import hints
from thirdparty.permissions import OPERATOR, Account, Right

_NOTHING = "at {name}, no new version is tried on a sample"


class NothingOnTrial(Exception):
    """There is nothing to decide about; the message says why."""


@dataclass(frozen=True, slots=True)
class Trial:
    """Of these ``kinds``, so many per cent of the records are tried. ``owing``: not all of them are owed yet.

    ``sample``: how many records it has, by their state; ``parked``: those of them that need somebody, by the reason. ``others``: how
    many records of these kinds are not in it.
    """

    target: str
    kinds: Mapping[str, float]
    since: datetime | None
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
    kinds = targets.on_trial(target)
    rows = Record.objects.filter(target=name, kind__in=kinds).order_by()
    for key, kind, state, why in rows.values_list("key", "kind", "state", "parked").iterator():
        if is_chosen(key, kind, kinds):
            sample[state] += 1
            parked.update([why] if why else [])
        else:
            others += 1
    owing = target.owing_to is not None or bool(target.owing_left)
    return Trial(name, kinds, target.trial_since, owing, dict(sample), dict(parked), others)


def follow(name: str, *, reason: str, by: Account = OPERATOR) -> None:
    """Let the other records follow: they are owed in batches, behind people's edits. Who and why is kept.

    Raises `NothingOnTrial`, and `thirdparty.permissions.NotAllowed`.
    """
    permissions.require(by, Right.DECIDE)
    with transaction.atomic():
        kinds = targets.on_trial(_on_trial(name))
        if not targets.end_trial(name):
            raise NothingOnTrial(_NOTHING.format(name=name))
        audit_log.record_at_target(by, name, f"the rest of {', '.join(kinds)} follows the trial", reason)
        transaction.on_commit(hints.start_reconcile, robust=True)


def _on_trial(name: str) -> Target:
    target = Target.objects.filter(name=name).first()
    if target is None or not targets.on_trial(target):
        raise NothingOnTrial(_NOTHING.format(name=name))
    return target

"""How many records there are, and since when something is owed: read once, all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Case, Count, DateTimeField, Min, Q, Value, When

from thirdparty.models import Declaration, Record
from thirdparty.models.record import State

_AT_REST = (State.PARKED, State.DELETED)
"""Records in these states wait for no version: a person, or nobody, has to do something about them."""


@dataclass(slots=True)
class OfTarget:
    """Of one target's records. ``outdated``: acknowledged last before their declaration had its version."""

    by_state: dict[str, int] = field(default_factory=dict)
    outdated: int = 0
    oldest: datetime | None = None


@dataclass(slots=True)
class Counts:
    """``undeclared``: records of what the database has no declaration of, by their kind; no target counts them."""

    of_targets: dict[str, OfTarget]
    undeclared: dict[str, int] = field(default_factory=dict)

    def left_over(self) -> Iterator[str]:
        """The undeclared ones in words, a sentence for each kind."""
        for kind, number in sorted(self.undeclared.items()):
            yield f"{kind} is declared no more: its {number} records are kept as they are, not counted and not sent"


def counted(names: Sequence[str]) -> Counts:
    """The records of these targets, counted now."""
    since = dict(Declaration.objects.values_list("kind", "since"))
    counts = Counts({name: OfTarget() for name in names})
    got_at = Case(*(When(kind=kind, then=Value(at)) for kind, at in since.items()), output_field=DateTimeField())
    groups = Record.objects.filter(target__in=names).order_by().values("target", "kind", "state")
    for group in groups.annotate(
        number=Count("key"),
        oldest=Min("owed_since"),
        outdated=Count("key", filter=Q(synced_at__lt=got_at) & ~Q(state__in=_AT_REST)),
    ):
        kind, state = group["kind"], group["state"]
        if kind not in since:
            counts.undeclared[kind] = counts.undeclared.get(kind, 0) + group["number"]
            continue
        of_target = counts.of_targets[group["target"]]
        of_target.by_state[state] = of_target.by_state.get(state, 0) + group["number"]
        of_target.outdated += group["outdated"]
        of_target.oldest = min(filter(None, (of_target.oldest, group["oldest"])), default=None)
    return counts

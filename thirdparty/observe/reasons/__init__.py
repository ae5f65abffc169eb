"""Why the whole is not well: the one list that admin, API, command line, metrics and readiness show.

One more reason is one more function here, and its row in docs/operations.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from thirdparty.observe.reasons import of_audits, of_objectives, of_records, of_service, of_targets
from thirdparty.observe.reasons.reason import Link, Reason, Severity
from thirdparty.observe.reasons.seen import Seen

__all__ = [
    "CAUSES",
    "OF_RECORDS",
    "OF_SERVICE",
    "OF_TARGETS",
    "Link",
    "Reason",
    "Seen",
    "Severity",
    "of_the_service",
    "reasons",
]

Source = Callable[[Seen], Iterable[Reason]]

OF_SERVICE: list[Source] = [
    of_service.triggers_missing,
    of_service.declaration_unknown,
    of_service.declaration_outdated,
    of_service.standing,
    of_service.broker_unreachable,
    of_service.no_worker,
    of_service.beat_silent,
    of_service.tick_late,
    of_service.alerts_not_told,
]
"""Cheap, and without a word that a person has typed: readiness shows them to everybody."""
OF_TARGETS: list[Source] = [
    of_targets.another_database,
    of_targets.turned_away,
    of_targets.paused,
    of_targets.breaker_open,
    of_targets.half_open,
    of_targets.silence,
    of_targets.capability_off,
    of_targets.slowed,
]
CAUSES: list[Source] = [of_records.parked, of_records.failing]
"""Each of their reasons is about the records of one cause."""
OF_RECORDS: list[Source] = [
    of_targets.brake_on,
    of_targets.on_trial,
    of_records.behind,
    of_objectives.objective_missed,
    *CAUSES,
    of_audits.drift,
    of_audits.altered,
    of_audits.audit_unfinished,
    of_audits.audit_overdue,
    of_records.new_version,
    of_records.left_over,
    of_records.catching_up,
    of_records.figures_old,
]
"""These count records."""

_ORDER = list(Severity)


def reasons(seen: Seen | None = None) -> list[Reason]:
    """All there are now: what somebody must act on first, of the service before the targets'.

    ``seen``: where it has been read already.
    """
    return _ordered((*OF_SERVICE, *OF_TARGETS, *OF_RECORDS), seen or Seen())


def of_the_service(seen: Seen | None = None) -> list[Reason]:
    """Those of the service alone."""
    return _ordered(OF_SERVICE, seen or Seen())


def _ordered(sources: Iterable[Source], seen: Seen) -> list[Reason]:
    found: Iterator[Reason] = (reason for source in sources for reason in source(seen))
    return sorted(found, key=lambda reason: _ORDER.index(reason.severity))

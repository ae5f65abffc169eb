"""How the whole stands. The one structure that command line, API, metrics and admin show.

One more figure of a target is one more line in `FIGURES`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from thirdparty.models.record import State
from thirdparty.models.target import Standing
from thirdparty.observe import counting
from thirdparty.observe.figure import Figure, Kind, Reading
from thirdparty.observe.headline import headline
from thirdparty.observe.lately import of_span
from thirdparty.observe.left_behind import is_left_behind
from thirdparty.observe.numbers import grouped
from thirdparty.observe.reasons import Reason, Seen, Severity, reasons, words
from thirdparty.observe.recent import Span
from thirdparty.observe.tally import waiting_since
from thirdparty.run.tick import LastTick

BREAKER_CLOSED = "closed"
OLDEST = "oldest_unsynced_seconds"


def _guards(name: str, kind: Kind, meaning: str, **metric: Any) -> Figure:
    return Figure(name, kind, meaning, lambda read: read.guard[name], **metric)


def _state(state: State) -> Figure:
    return Figure(
        state.value,
        Kind.COUNT,
        f"records that are {state.label.lower()}",
        lambda read: sum(tally.count for tally in read.tallies if tally.state == state),
    )


def _waited_seconds(read: Reading) -> float | None:
    oldest = waiting_since(read.tallies)
    return max((read.now - oldest).total_seconds(), 0.0) if oldest is not None else None


FIGURES = [
    *map(_state, State),
    Figure(
        "outdated",
        Kind.COUNT,
        "records that the target holds as an older version of their declaration made them",
        lambda read: sum(tally.outdated for tally in read.tallies),
    ),
    Figure(
        OLDEST,
        Kind.SECONDS,
        "how long the oldest change has been owed that nobody has to do anything for; null where nothing is",
        _waited_seconds,
    ),
    Figure(
        "oldest_unsynced_record",
        Kind.TEXT,
        "the key of the record that it is owed for; empty where nothing is, or the reconciler has to count anew to know it",
        lambda read: read.oldest,
    ),
    Figure(
        "at_least",
        Kind.WORDS,
        "the states above in which there are more records than it says: how many has still to be counted",
        lambda read: [
            state.value for state in State if any(tally.state == state and tally.at_least for tally in read.tallies)
        ],
    ),
    Figure(
        "standing",
        Kind.TEXT,
        "active, away (owed, not sent) or retired (nothing is owed)",
        lambda read: read.row.standing.value if read.row is not None else Standing.RETIRED.value,
    ),
    Figure(
        "behind_since",
        Kind.MOMENT,
        "records may have lacked a change since then, for longer than they should",
        lambda read: read.row.behind_since if read.row is not None and is_left_behind(read.row) else None,
    ),
    _guards(
        "breaker",
        Kind.TEXT,
        "closed, open or half_open",
        metric="breaker_open",
        number=lambda breaker: float(breaker != BREAKER_CLOSED),
    ),
    _guards("breaker_reason", Kind.TEXT, "why it is not closed"),
    _guards("paused", Kind.FLAG, "nothing is sent until a person resumes it"),
    _guards("paused_reason", Kind.TEXT, "why it is paused"),
    _guards("blocked_until", Kind.MOMENT, "nothing is sent before"),
    _guards(
        "next_probe_at",
        Kind.MOMENT,
        "in trouble, the target is tried then, or as soon as anybody can; null where it is well, or a person has paused it",
    ),
    _guards("rate_per_second", Kind.RATE, "calls a second that are allowed now; null without a limit"),
    _guards("capabilities_off", Kind.WORDS, "what the target turned out not to offer"),
    Figure(
        "brake_latched_since",
        Kind.MOMENT,
        "since then nothing is deleted or rewritten there, until a person releases it; null while the brake is off",
        lambda read: read.brake.latched_at,
        metric="brake_latched",
        number=lambda time: float(time is not None),
    ),
    Figure("brake_reason", Kind.TEXT, "why the brake is on", lambda read: read.brake.reason),
    Figure(
        "drift",
        Kind.COUNT,
        "records that the last audits found missing, differing, extra or altered, and that nobody has had mended",
        lambda read: sum(read.audits.drift.values()),
    ),
    Figure(
        "drift_by_verdict",
        Kind.WORDS,
        "the same, by verdict",
        lambda read: [f"{count} {verdict}" for verdict, count in sorted(read.audits.drift.items())],
    ),
    Figure(
        "audit_age_seconds",
        Kind.SECONDS,
        "since the last finished audit began that compared anything, of the kind that it is longest ago of; null where a kind has "
        "none yet",
        lambda read: max((read.now - read.audits.since).total_seconds(), 0.0) if read.audits.since else None,
    ),
    Figure(
        "audit_failure",
        Kind.TEXT,
        "why the last audit could not be finished",
        lambda read: read.audits.failure,
    ),
    *(figure for span in Span for figure in of_span(span)),
]
"""In the order in which they are shown."""


@dataclass(frozen=True, slots=True)
class Status:
    """``targets``: by name, the value of each of `FIGURES` by its name. ``headlines``: by name, how each stands in one line.
    ``figures_age_seconds``: since the reconciler counted those states that hold many records; None where none does.

    ``healthy``: there is no reason that somebody must act on. Targets that this process does not know are not looked at.
    """

    healthy: bool
    reasons: tuple[Reason, ...]
    headlines: dict[str, str]
    reconciler: LastTick
    triggers_missing: list[str]
    figures_age_seconds: float | None
    targets: dict[str, dict[str, Any]]

    @property
    def figures_age(self) -> str:
        """How long ago many were counted, as a sentence; empty where all were counted now."""
        if self.figures_age_seconds is None:
            return ""
        given = {"many": grouped(counting.AT_ONCE), "long": words.duration(self.figures_age_seconds)}
        return _("Numbers of %(many)s and more were counted %(long)s ago.") % given

    def as_json(self) -> dict[str, Any]:
        """The same as plain values, times among them."""
        ticked = self.reconciler
        return {
            "healthy": self.healthy,
            "reasons": [reason.as_json() for reason in self.reasons],
            "headlines": self.headlines,
            "reconciler": {"last_tick_at": ticked.at, "seconds": ticked.seconds, "late": ticked.late},
            "triggers_missing": self.triggers_missing,
            "figures_age_seconds": self.figures_age_seconds,
            "targets": self.targets,
        }


def status(seen: Seen | None = None) -> Status:
    """How the whole stands. Takes no longer for more records (`thirdparty.observe.kept_figures`).

    ``seen``: where it has been read already.
    """
    seen = seen or Seen()
    found = reasons(seen)
    counted_at = seen.figures.counted_at
    return Status(
        healthy=all(reason.severity is not Severity.ACT for reason in found),
        reasons=tuple(found),
        headlines={name: headline(name, seen, found) for name in seen.rows},
        reconciler=seen.tick,
        triggers_missing=seen.triggers_missing,
        # Counted in the future: as far in the past, for all that can be said.
        figures_age_seconds=abs((seen.now - counted_at).total_seconds()) if counted_at is not None else None,
        targets={name: _figures(name, seen) for name in seen.rows},
    )


def _figures(name: str, seen: Seen) -> dict[str, Any]:
    read = Reading(
        row=seen.rows[name],
        tallies=tuple(seen.of(name)),
        guard=seen.guards[name],
        brake=seen.brakes[name],
        audits=seen.audits[name],
        totals=seen.totals[name],
        oldest=seen.oldest[name],
        now=seen.now,
    )
    return {figure.name: figure.of(read) for figure in FIGURES}

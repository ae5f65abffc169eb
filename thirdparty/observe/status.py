"""How the whole stands. The one structure that command line, API, metrics and admin show.

One more figure of a target is one more line in `FIGURES`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Min

from thirdparty import protect, targets
from thirdparty.capture import triggers
from thirdparty.models import Record, Target
from thirdparty.models.record import State
from thirdparty.models.target import Standing
from thirdparty.observe.audits import LastAudits, last_audits
from thirdparty.observe.figure import Figure, Kind, Reading
from thirdparty.protect import brake
from thirdparty.protect.brake import BrakeStanding
from thirdparty.run import tick
from thirdparty.run.tick import LastTick
from thirdparty.settings import settings

BREAKER_CLOSED = "closed"


def _guards(name: str, kind: Kind, meaning: str, remark: Callable[[Any], str], **metric: Any) -> Figure:
    return Figure(name, kind, meaning, lambda read: read.guard[name], remark, **metric)


def _state(state: State) -> Figure:
    return Figure(
        state.value, Kind.COUNT, f"records that are {state.label.lower()}", lambda read: read.counts.get(state, 0)
    )


_STANDING: dict[str, str] = {
    Standing.ACTIVE: "",
    Standing.AWAY: "away: owed, not sent; restart a worker that names it, or run manage.py migrate",
    Standing.RETIRED: "nothing is recorded for it; run manage.py migrate",
}
FIGURES = [
    *map(_state, State),
    Figure(
        "oldest_unsynced_seconds",
        Kind.SECONDS,
        "how long the oldest change has been owed; null where nothing is",
        lambda read: read.oldest_seconds,
    ),
    Figure(
        "standing",
        Kind.TEXT,
        "active, away (owed, not sent) or retired (nothing is owed)",
        lambda read: read.row.standing.value if read.row is not None else Standing.RETIRED.value,
        lambda standing: _STANDING[standing],
    ),
    Figure(
        "behind_since",
        Kind.MOMENT,
        "records may have lacked a change since then, for longer than they should",
        lambda read: read.row.behind_since if read.row is not None and is_left_behind(read.row) else None,
        lambda time: f"catching up since {time:%Y-%m-%d %H:%M:%S} UTC: is a transaction open, or no reconciler?",
    ),
    _guards(
        "breaker",
        Kind.TEXT,
        "closed, open or half_open",
        lambda breaker: f"breaker {breaker}" if breaker != BREAKER_CLOSED else "",
        metric="breaker_open",
        number=lambda breaker: float(breaker != BREAKER_CLOSED),
    ),
    _guards(
        "breaker_reason",
        Kind.TEXT,
        "why it is not closed",
        lambda why: why and f"why the breaker is not closed: {why}",
    ),
    Figure(
        "brake_latched_since",
        Kind.MOMENT,
        "since then nothing is deleted or rewritten there, until a person releases it; null while the brake is off",
        lambda read: read.brake.latched_at,
        lambda time: f"the brake is on since {time:%Y-%m-%d %H:%M:%S} UTC: see `manage.py sync release` and decide",
        metric="brake_latched",
        number=lambda time: float(time is not None),
    ),
    Figure(
        "brake_reason",
        Kind.TEXT,
        "why the brake is on",
        lambda read: read.brake.reason,
        lambda why: f"why the brake is on: {why}",
    ),
    _guards("paused", Kind.FLAG, "nothing is sent until a person resumes it", lambda _: "paused"),
    _guards("paused_reason", Kind.TEXT, "why it is paused", lambda why: why and f"why it is paused: {why}"),
    _guards(
        "blocked_until", Kind.MOMENT, "nothing is sent before", lambda at: f"nothing is sent until {at:%H:%M:%S} UTC"
    ),
    _guards(
        "rate_per_second",
        Kind.RATE,
        "calls a second that are allowed now; null without a limit",
        lambda rate: f"at most {rate:.3g} calls a second",
    ),
    _guards(
        "capabilities_off",
        Kind.WORDS,
        "what the target turned out not to offer",
        lambda names: f"does not offer {', '.join(names)}, though the settings say so",
    ),
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
        lambda found: f"the last audit found {', '.join(found)}",
    ),
    Figure(
        "audit_age_seconds",
        Kind.SECONDS,
        "since the last finished audit began, of the kind that it is longest ago of; null before the first",
        lambda read: max((read.now - read.audits.since).total_seconds(), 0.0) if read.audits.since else None,
    ),
    Figure(
        "audit_failure",
        Kind.TEXT,
        "why the last audit could not be finished",
        lambda read: read.audits.failure,
        lambda why: why and f"the last audit could not be finished: {why}",
    ),
]
"""In the order in which they are shown."""


@dataclass(frozen=True, slots=True)
class Status:
    """``targets``: by name, the value of each of `FIGURES` by its name.

    ``healthy``: changes are recorded for every configured target, none is away, paused, held by its brake or cut off by its
    breaker, nothing has been owed, or been to be owed, for longer than SYNC_RECONCILE_AFTER_HOURS, and the reconciler
    ticks. Targets that this process does not know are not looked at.
    """

    healthy: bool
    reconciler: LastTick
    triggers_missing: list[str]
    targets: dict[str, dict[str, Any]]

    def as_json(self) -> dict[str, Any]:
        """The same as plain values, times among them."""
        ticked = self.reconciler
        reconciler = {"last_tick_at": ticked.at, "seconds": ticked.seconds, "late": ticked.late}
        return asdict(self) | {"reconciler": reconciler}


def remarks(entry: Mapping[str, Any]) -> list[str]:
    """What an operator wants to know of a target besides its counts; ``entry``: one of `Status.targets`."""
    sentences = [
        figure.remark(entry[figure.name]) for figure in FIGURES if not figure.is_column and entry[figure.name]
    ]
    return [sentence for sentence in sentences if sentence]


def late_tick(ticked: LastTick) -> str:
    """The alarm in words; empty where there is none."""
    if not ticked.late or ticked.seconds is None:
        return ""
    passed = timedelta(seconds=round(ticked.seconds))
    return f"no tick of the reconciler for {passed}: does beat run, does a worker, and do both reach the broker?"


def status() -> Status:
    """How the whole stands, counted now: every record is read once."""
    rows = {target.name: target for target in Target.objects.filter(name__in=targets.names())}
    counts: dict[str, dict[str, int]] = {name: {} for name in targets.names()}
    oldest: dict[str, datetime] = {}
    groups = Record.objects.filter(target__in=counts).order_by().values("target", "state")
    for group in groups.annotate(count=Count("key"), oldest=Min("owed_since")):
        name = group["target"]
        counts[name][group["state"]] = group["count"]
        if group["oldest"] is not None:
            oldest[name] = min(group["oldest"], oldest.get(name, group["oldest"]))
    audits, brakes = last_audits(list(counts)), brake.standings(counts)
    now = protect.clock()
    report = {}
    for name, by_state in counts.items():
        row = rows.get(name)
        waited = max((now - oldest[name]).total_seconds(), 0.0) if name in oldest else None
        guard = protect.summary(row if row is not None else Target(name=name))
        last = audits.get(name, LastAudits())
        read = Reading(row, by_state, waited, guard, last, now, brakes.get(name, BrakeStanding()))
        report[name] = {figure.name: figure.of(read) for figure in FIGURES}
    absent, ticked = triggers.missing(), tick.last()
    healthy = not absent and not ticked.late and all(map(_is_well, report.values()))
    return Status(healthy, ticked, absent, report)


def is_left_behind(target: Target) -> bool:
    """Whether records have lacked what was missed for so long that somebody should look why.

    A transaction that has been open since, a record that somebody holds, or no reconciler.
    """
    longest = timedelta(hours=settings.SYNC_RECONCILE_AFTER_HOURS)
    # A moment in the future says no more than one as far in the past: the clock that wrote it has been set back.
    return target.behind_since is not None and abs(protect.clock() - target.behind_since) > longest


def _is_well(entry: dict[str, Any]) -> bool:
    longest_seconds = settings.SYNC_RECONCILE_AFTER_HOURS * 3600
    recorded = entry["standing"] == Standing.ACTIVE and entry["behind_since"] is None
    sending = not entry["paused"] and entry["breaker"] == BREAKER_CLOSED and entry["brake_latched_since"] is None
    return recorded and sending and (entry["oldest_unsynced_seconds"] or 0.0) <= longest_seconds

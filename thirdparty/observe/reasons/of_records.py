"""What is wrong with records, by target and cause. Counts them: asked by people and now and then by monitors."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from thirdparty.declaration import is_declared, of_kind
from thirdparty.models.record import State
from thirdparty.observe import counting
from thirdparty.observe.left_behind import is_left_behind
from thirdparty.observe.numbers import grouped
from thirdparty.observe.objects import objects
from thirdparty.observe.reasons import words
from thirdparty.observe.reasons.causes import cause_in_words
from thirdparty.observe.reasons.reason import Link, Reason, Severity
from thirdparty.observe.reasons.seen import Seen
from thirdparty.observe.tally import Tally, how_many
from thirdparty.settings import settings

RECORDS = "admin:thirdparty_record_changelist"


def parked(seen: Seen) -> Iterator[Reason]:
    """One for each cause of each target: only a person, or a new edit, can help these."""
    for tally in _by_cause(seen, State.PARKED):
        sentence = ngettext(
            "%(count)s %(objects)s is parked: %(cause)s.",
            "%(count)s %(objects)s are parked: %(cause)s.",
            tally.count,
        )
        yield _of_cause("parked", Severity.ACT, sentence, tally)


def failing(seen: Seen) -> Iterator[Reason]:
    """One for each cause of each target: these are tried again by themselves, unless their target is paused."""
    for tally in _by_cause(seen, State.PENDING):
        row = seen.rows.get(tally.target)
        if row is not None and row.paused:
            sentence = ngettext(
                "%(count)s %(objects)s failed, and waits for its target, which is paused: %(cause)s.",
                "%(count)s %(objects)s failed, and wait for their target, which is paused: %(cause)s.",
                tally.count,
            )
        else:
            sentence = ngettext(
                "%(count)s %(objects)s fails and is tried again: %(cause)s.",
                "%(count)s %(objects)s fail and are tried again: %(cause)s.",
                tally.count,
            )
        yield _of_cause("failing", Severity.WAIT, sentence, tally)


def _by_cause(seen: Seen, state: State) -> list[Tally]:
    """Those with a cause, the most frequent first. Of parked ones the rows say for what; what failed last may be another matter."""
    merged: dict[tuple[str, str, str], Tally] = {}
    for tally in seen.tallies:
        if tally.state != state or not tally.cause:
            continue
        place = (tally.target, tally.kind, tally.cause)
        before = merged.get(place)
        merged[place] = tally if before is None else before.with_those_of(tally)
    return sorted(merged.values(), key=lambda tally: -tally.count)


def _of_cause(code: str, severity: Severity, sentence: str, tally: Tally) -> Reason:
    given = {
        "count": how_many([tally]),
        "objects": objects({tally.kind}, tally.count),
        "cause": cause_in_words(tally.cause),
    }
    return Reason(
        code,
        severity,
        sentence % given,
        tally.target,
        tally.kind,
        tally.cause,
        tally.count,
        since=tally.failing_since or tally.since,
        link=Link(RECORDS, query={"sync_state": tally.state, "target": tally.target, "cause": tally.cause}),
        example=tally.example,
        remedy=remedy(tally.kind, tally.cause),
    )


def remedy(kind: str, cause: str) -> Link | None:
    """The page that the kind's declaration names for this cause."""
    page = of_kind(kind).remedies.get(cause) if is_declared(kind) else None
    return Link(page) if page is not None else None


def new_version(seen: Seen) -> Iterator[Reason]:
    """A declaration has a new version, and its objects are sent once more."""
    for name in seen.rows:
        if count := sum(tally.outdated for tally in seen.of(name)):
            sentence = ngettext(
                "%(count)s record is still as an older version of its declaration made it.",
                "%(count)s records are still as an older version of their declaration made them.",
                count,
            )
            yield Reason("new_version", Severity.WAIT, sentence % {"count": grouped(count)}, name, count=count)


def left_over(seen: Seen) -> Iterator[Reason]:
    """Of what is declared no more, records are still there."""
    for kind in sorted({tally.kind for tally in seen.left_over}):
        theirs = [tally for tally in seen.left_over if tally.kind == kind]
        count = sum(tally.count for tally in theirs)
        sentence = ngettext(
            "%(kind)s is declared no more: its %(count)s record is kept as it is, not counted and not sent.",
            "%(kind)s is declared no more: its %(count)s records are kept as they are, not counted and not sent.",
            count,
        )
        given = {"kind": kind, "count": how_many(theirs)}
        yield Reason("left_over", Severity.INFO, sentence % given, kind=kind, count=count)


def figures_old(seen: Seen) -> Iterator[Reason]:
    """What is shown of many records was counted long ago: the reconciler is to do that every few ticks."""
    figures = seen.figures
    if figures.late and figures.counted_at is not None:
        given = {"many": grouped(counting.AT_ONCE), "since": words.moment(figures.counted_at, seen.now)}
        sentence = _("Numbers of %(many)s and more have not been counted since %(since)s.") % given
        yield Reason("figures_old", Severity.WAIT, sentence, since=figures.counted_at)


def behind(seen: Seen) -> Iterator[Reason]:
    """What is owed for longer than N hours, but for what is parked: that has reasons of its own."""
    hours = settings.SYNC_RECONCILE_AFTER_HOURS
    for name in seen.rows:
        waiting = [tally for tally in seen.of(name) if tally.waits and tally.since is not None]
        since = min((tally.since for tally in waiting if tally.since is not None), default=None)
        if since is None or (seconds := (seen.now - since).total_seconds()) <= hours * 3600:
            continue
        sentence = _("The oldest change has been owed to it for %(long)s.") % {"long": words.duration(seconds)}
        link = Link(RECORDS, query={"sync_state": State.PENDING, "target": name})
        count = sum(tally.count for tally in waiting)
        yield Reason("behind", Severity.ACT, sentence, name, count=count, since=since, link=link)


def catching_up(seen: Seen) -> Iterator[Reason]:
    """Records may lack what went unrecorded, or a backfill is under way: a fault only once it takes too long."""
    for name, row in seen.rows.items():
        if row is None or row.behind_since is None:
            continue
        given = {"since": words.moment(row.behind_since, seen.now)}
        if is_left_behind(row):
            sentence = _("Records may have lacked a change since %(since)s: is a transaction open, or no reconciler?")
            yield Reason("catching_up_late", Severity.ACT, sentence % given, name, since=row.behind_since)
        elif row.backfill:
            sentence = _("A backfill has been under way since %(since)s.") % given
            yield Reason("backfill", Severity.INFO, sentence, name, since=row.behind_since)
        else:
            sentence = _("Its objects are being looked through for missed changes, since %(since)s.") % given
            yield Reason("catching_up", Severity.INFO, sentence, name, since=row.behind_since)

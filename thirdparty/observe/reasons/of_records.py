"""What is wrong with records, by target and cause. Counts them: asked by people and now and then by monitors."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from thirdparty.models.record import State
from thirdparty.observe.left_behind import is_left_behind
from thirdparty.observe.reasons import words
from thirdparty.observe.reasons.reason import Link, Reason, Severity
from thirdparty.observe.reasons.seen import Seen
from thirdparty.settings import settings

RECORDS = "admin:thirdparty_record_changelist"


def parked(seen: Seen) -> Iterator[Reason]:
    """One for each cause of each target: only a person, or a new edit, can help these."""
    for tally in seen.tallies:
        if tally.state != State.PARKED:
            continue
        given = {"count": tally.count, "kind": tally.kind, "cause": tally.cause}
        sentence = ngettext(
            "%(count)d record of %(kind)s is parked: %(cause)s.",
            "%(count)d records of %(kind)s are parked: %(cause)s.",
            tally.count,
        )
        link = Link(RECORDS, query={"sync_state": State.PARKED, "target": tally.target, "cause": tally.cause})
        yield Reason(
            "parked",
            Severity.ACT,
            sentence % given,
            tally.target,
            tally.kind,
            tally.cause,
            tally.count,
            tally.since,
            link,
        )


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
            sentence = _("Its records have been looked through for missed changes since %(since)s.") % given
            yield Reason("catching_up", Severity.INFO, sentence, name, since=row.behind_since)

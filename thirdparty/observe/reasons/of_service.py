"""What is wrong with the service itself. Counts no records, so that a probe may ask as often as it likes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.utils.translation import gettext as _

from thirdparty.capture.versions import Difference
from thirdparty.models import AlertMessage
from thirdparty.models.heartbeat import Role
from thirdparty.models.target import Standing
from thirdparty.notify import broker
from thirdparty.observe.reasons import words
from thirdparty.observe.reasons.reason import Reason, Severity
from thirdparty.observe.reasons.seen import Seen
from thirdparty.run.heartbeat import SILENT_AFTER_SECONDS
from thirdparty.settings import settings

_ALERTS_WAIT = timedelta(minutes=10)
"""Until then it may be a moment's trouble: by then it has been tried five times."""


def triggers_missing(seen: Seen) -> Iterator[Reason]:
    if seen.triggers_missing:
        if seen.triggers_outdated:
            sentence = _(
                "Changes are recorded as an older version asks: its database triggers are in place (%(names)s). "
                "Run python manage.py migrate."
            )
        else:
            sentence = _(
                "Changes are not recorded: database triggers are missing (%(names)s). Run python manage.py migrate."
            )
        yield Reason("triggers_missing", Severity.ACT, sentence % {"names": ", ".join(seen.triggers_missing)})


def declaration_unknown(seen: Seen) -> Iterator[Reason]:
    """This process has what the database does not know yet."""
    for each in seen.differing:
        if each.is_newer:
            yield Reason("declaration_unknown", Severity.ACT, _as_sentence(each), kind=each.kind)


def declaration_outdated(seen: Seen) -> Iterator[Reason]:
    """The database has another version than this process, which works on no objects of that kind."""
    for each in seen.differing:
        if not each.is_newer:
            yield Reason("declaration_outdated", Severity.ACT, _as_sentence(each), kind=each.kind)


def _as_sentence(difference: Difference) -> str:
    words = difference.in_words
    return f"{words[0].upper()}{words[1:]}."


def standing(seen: Seen) -> Iterator[Reason]:
    """Of targets that settings name here, and the database says otherwise."""
    for name, row in seen.rows.items():
        here = row.standing if row is not None else Standing.RETIRED
        if here == Standing.RETIRED:
            yield Reason(
                "not_recorded",
                Severity.ACT,
                _("Nothing is recorded for it. Run python manage.py migrate."),
                target=name,
            )
        elif here == Standing.AWAY:
            sentence = _("It is away: changes are owed, not sent. Restart a worker that names it, or run migrate.")
            yield Reason("away", Severity.ACT, sentence, target=name)


def no_worker(seen: Seen) -> Iterator[Reason]:
    workers = seen.of_role(Role.WORKER)
    ours = [worker for worker in workers if settings.SYNC_QUEUE in worker.queues]
    if any(map(seen.is_alive, ours)):
        return
    last = max((worker.seen_at for worker in ours), default=None)
    if any(map(seen.is_alive, workers)):
        sentence = _("Workers run, and none of them takes the queue %(queue)s.")
    elif last is not None:
        sentence = _("No worker has been seen since %(since)s.")
    else:
        sentence = _("No worker has been seen yet.")
    given = {"queue": settings.SYNC_QUEUE, "since": words.moment(last or seen.now, seen.now)}
    yield Reason("no_worker", Severity.ACT, sentence % given, since=last)


def beat_silent(seen: Seen) -> Iterator[Reason]:
    """Nobody begins the reconciler's ticks. Where they come all the same, it does not matter who sees to that."""
    beats = seen.of_role(Role.BEAT)
    patience_seconds = max(SILENT_AFTER_SECONDS, 2 * settings.SYNC_RECONCILE_EVERY_SECONDS)
    ticks = seen.tick.seconds is not None and seen.tick.seconds <= patience_seconds
    if ticks or any(map(seen.is_alive, beats)):
        return
    last = max((beat.seen_at for beat in beats), default=None)
    if last is None:
        sentence = _("Beat has not been seen yet.")
    else:
        sentence = _("Beat has not been seen since %(since)s.") % {"since": words.moment(last, seen.now)}
    yield Reason("beat_silent", Severity.ACT, sentence, since=last)


def tick_late(seen: Seen) -> Iterator[Reason]:
    """Though both are there that it takes."""
    if not seen.tick.late or seen.tick.seconds is None or any(no_worker(seen)) or any(beat_silent(seen)):
        return
    sentence = _("The reconciler has not ticked for %(long)s, though a worker and beat are there.")
    given = {"long": words.duration(seen.tick.seconds)}
    yield Reason("tick_late", Severity.ACT, sentence % given, since=seen.tick.at)


def alerts_not_told(seen: Seen) -> Iterator[Reason]:
    """Somebody is to be told by this way, and it takes nothing."""
    configured = {"email": settings.SYNC_ALERT_EMAILS, "webhook": settings.SYNC_ALERT_WEBHOOK_URL}
    ways = [way for way, given in configured.items() if given]
    if not ways:
        return
    waiting = AlertMessage.objects.filter(way__in=ways, delivered_at=None, given_up_at=None)
    stuck = list(waiting.filter(made_at__lte=seen.now - _ALERTS_WAIT).exclude(failure="").order_by("pk"))
    if not stuck:
        return
    given = {
        "ways": ", ".join(sorted({message.way for message in stuck})),
        "since": words.moment(stuck[0].made_at, seen.now),
        "why": stuck[0].failure,
    }
    sentence = _("Alerts have not been taken by %(ways)s since %(since)s: %(why)s.") % given
    yield Reason("alerts_not_told", Severity.ACT, sentence, since=stuck[0].made_at)


def broker_unreachable(seen: Seen) -> Iterator[Reason]:
    """As its publishers saw it last: this process, the workers and beat."""
    moments = [heartbeat.broker_down_since for heartbeat in seen.heartbeats if seen.is_alive(heartbeat)]
    down = [since for since in moments if since is not None]
    if not down and not (broker.has_application() and broker.publisher().down):
        return
    since = min(down, default=None)
    if since is None:
        sentence = _(
            "The broker does not answer; changes are recorded and follow later. Start it, or mend CELERY_BROKER_URL."
        )
    else:
        sentence = _(
            "The broker has not answered since %(since)s; changes are recorded and follow later. "
            "Start it, or mend CELERY_BROKER_URL."
        )
        sentence %= {"since": words.moment(since, seen.now)}
    yield Reason("broker_unreachable", Severity.ACT, sentence, since=since)

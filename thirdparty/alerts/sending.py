"""Sends the messages that wait: each way on its own, one after the other, the oldest first.

Whoever sends a message has claimed it before, by a conditional update that is committed; where the process dies, the claim
runs out, and another one sends it again under the same id.
"""

from __future__ import annotations

import logging
import threading
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import F, Q, QuerySet

from thirdparty import protect
from thirdparty.alerts import standing, ways
from thirdparty.alerts.errors import NotDelivered
from thirdparty.alerts.ways import Way
from thirdparty.models import AlertMessage

KEPT_TRYING = timedelta(days=1)
"""Older news is not sent any more."""
_SETTINGS_ARE_EVERYWHERE = timedelta(hours=1)
"""By then every process has been started with the settings of today: until then another may know a way that this one does not."""
_LEASE = timedelta(minutes=5)
"""Longer than any way takes."""
_FIRST_PAUSE = timedelta(seconds=30)
_LONGEST_PAUSE = timedelta(minutes=15)
_DOUBLED_AT_MOST = 10

logger = logging.getLogger(__name__)


def in_background() -> list[threading.Thread]:
    """Send what waits, each way in a thread of its own: a server that hangs delays nobody. Returns the threads."""
    _give_up_removed_ways()
    threads = []
    for way in ways.configured():
        if (message := claim(way.name)) is not None:
            thread = threading.Thread(target=_in_thread, args=(way, message), name=f"alerts-{way.name}")
            thread.start()
            threads.append(thread)
    return threads


def at_once() -> None:
    """Send what waits, and come back when that is done. What ways there are is not said by whoever has a shell."""
    for way in ways.configured():
        if (message := claim(way.name)) is not None:
            _send_from(way, message)


def _give_up_removed_ways() -> None:
    """What waits for a way that the settings name no more would wait for ever."""
    now = protect.clock()
    waiting = AlertMessage.objects.filter(
        delivered_at=None, given_up_at=None, made_at__lt=now - _SETTINGS_ARE_EVERYWHERE
    )
    removed = waiting.exclude(way__in=[way.name for way in ways.configured()]).exclude(leased_until__gt=now)
    if given_up := removed.update(given_up_at=now, failure="the settings name this way no more", leased_until=None):
        logger.warning("%d alerts were not told: the settings name their way no more", given_up)


def claim(way: str) -> AlertMessage | None:
    """Take the oldest message that waits for this way. None where there is none, it is not due, or somebody has it."""
    now = protect.clock()
    for message in _waiting(way).filter(made_at__lt=now - KEPT_TRYING):
        if _waiting(way).filter(pk=message.pk).update(given_up_at=now):
            logger.error("alert %s was not told by %s: %s", message.message, way, message.failure or "never tried")
    oldest = _waiting(way).order_by("pk").first()
    if oldest is None:
        return None
    # Who read the same row counts its tries from the same number: the second one finds it changed.
    ours = _waiting(way).filter(_is_due(now), pk=oldest.pk, tries=oldest.tries)
    if not ours.update(tries=F("tries") + 1, leased_until=now + _LEASE):
        return None
    oldest.tries += 1
    return oldest


def _waiting(way: str) -> QuerySet[AlertMessage]:
    return AlertMessage.objects.filter(way=way, delivered_at=None, given_up_at=None)


def _is_due(now: datetime) -> Q:
    # Much further ahead than can be: written before the clock was set back. Whoever claimed it may have read the clock later.
    free = Q(leased_until=None) | Q(leased_until__lte=now) | Q(leased_until__gt=now + 2 * _LEASE)
    return free & (Q(due_at__lte=now) | Q(due_at__gt=now + 2 * _LONGEST_PAUSE))


def _in_thread(way: Way, message: AlertMessage) -> None:
    try:
        _send_from(way, message)
    except Exception:
        # Nobody waits for this thread; the claim runs out, and the message is sent again.
        logger.exception("alerts by %s", way.name)
    finally:
        connection.close()


def _send_from(way: Way, first: AlertMessage) -> None:
    """This message, and those behind it as long as they are taken."""
    message: AlertMessage | None = first
    while message is not None:
        message = claim(way.name) if _was_taken(way, message) else None


def _was_taken(way: Way, message: AlertMessage) -> bool:
    # Whoever took it over after our time was up has counted a try of its own.
    ours = _waiting(way.name).filter(pk=message.pk, tries=message.tries)
    try:
        way.send(message)
    except NotDelivered as failure:
        pause = min(_FIRST_PAUSE * 2 ** min(message.tries - 1, _DOUBLED_AT_MOST), _LONGEST_PAUSE)
        logger.warning("alert %s was not taken by %s (%s): it is sent again", message.message, way.name, failure)
        ours.update(failure=str(failure)[:200], due_at=protect.clock() + pause, leased_until=None)
        return False
    now = protect.clock()
    with transaction.atomic():
        ours.update(delivered_at=now, failure="", leased_until=None)
        standing.told(message.message, now)
    return True

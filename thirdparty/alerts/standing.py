"""Which alerts stand, and which of them are to be told: the table's statements.

Each is conditional, so that any number of processes may look at once: what one has announced, no other does.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import uuid4

from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet

from thirdparty import targets
from thirdparty.alerts import message, ways
from thirdparty.alerts.conditions import Condition, Place
from thirdparty.models import Alert, AlertMessage, Target
from thirdparty.settings import settings


def note(present: Mapping[Place, Condition], now: datetime) -> None:
    """Write down what stands now, and what has been gone for long enough to have ended. ``now``: the database's clock."""
    rows = {_place(alert): alert for alert in _not_ended()}
    new = (condition for place, condition in present.items() if place not in rows)
    # Another look may have been quicker.
    Alert.objects.bulk_create([_first_seen(condition, now) for condition in new], ignore_conflicts=True)
    elsewhere = _targets_of_others()
    for place, alert in rows.items():
        if place in present:
            _seen_again(alert, present[place])
        elif alert.gone_at is None and alert.target not in elsewhere:
            _not_ended().filter(pk=alert.pk, gone_at=None).update(gone_at=now)
    # What lies in the future is of a clock that has been set back.
    _not_ended().filter(first_seen_at__gt=now).update(first_seen_at=now)
    _not_ended().filter(gone_at__gt=now).update(gone_at=now)
    gone = _not_ended().filter(gone_at__lte=now - _after())
    gone.filter(announced_at=None).delete()
    gone.update(ended_at=F("gone_at"))


def announce(now: datetime) -> bool:
    """Make one message of all that has begun, or ended, and was not told yet. False where there is nothing, or it is too early.

    It is made together with the note that it tells of these alerts: where a process dies, either both are there or neither.
    """
    # One that is a little ahead was made by a look that read the clock later.
    if AlertMessage.objects.filter(made_at__gt=now - _after(), made_at__lt=now + _after()).exists():
        return False
    identifier = f"msg_{uuid4().hex}"
    with transaction.atomic():
        begins = _to_begin(now).update(begin_message=identifier, announced_at=now)
        ends = Alert.objects.filter(ended_at__isnull=False, announced_at__isnull=False, end_message="")
        if not ends.update(end_message=identifier) + begins:
            return False
        begun = list(Alert.objects.filter(begin_message=identifier).order_by("pk"))
        ended = list(Alert.objects.filter(end_message=identifier).order_by("pk"))
        composed = message.of_alerts(begun, ended, now)
        AlertMessage.objects.bulk_create(
            AlertMessage(
                message=identifier,
                way=way.name,
                subject=composed.subject,
                body=way.body(composed),
                made_at=now,
                due_at=now,
            )
            for way in ways.configured()
        )
    return True


def told(identifier: str, now: datetime) -> None:
    """This message was taken."""
    Alert.objects.filter(begin_message=identifier, told_at=None).update(told_at=now)
    Alert.objects.filter(end_message=identifier, end_told_at=None).update(end_told_at=now)


def _to_begin(now: datetime) -> QuerySet[Alert]:
    same = {name: OuterRef(name) for name in Place._fields}
    quiet = timedelta(seconds=settings.SYNC_ALERT_QUIET_SECONDS)
    told_lately = Alert.objects.filter(**same, announced_at__gt=now - quiet, announced_at__lt=now + quiet)
    stands = _not_ended().filter(gone_at=None, announced_at=None, first_seen_at__lte=now - _after())
    return stands.filter(~Exists(told_lately))


def _not_ended() -> QuerySet[Alert]:
    return Alert.objects.filter(ended_at=None)


def _after() -> timedelta:
    return timedelta(seconds=settings.SYNC_ALERT_AFTER_SECONDS)


def _place(alert: Alert) -> Place:
    return Place(alert.code, alert.target, alert.kind, alert.cause)


def _first_seen(condition: Condition, now: datetime) -> Alert:
    return Alert(**condition.place._asdict(), **_said(condition), first_seen_at=now)


def _seen_again(alert: Alert, condition: Condition) -> None:
    said = _said(condition) | {"gone_at": None}
    if any(getattr(alert, name) != value for name, value in said.items()):
        _not_ended().filter(pk=alert.pk).update(**said)


def _said(condition: Condition) -> dict[str, object]:
    return {
        "sentence": condition.sentence,
        "count": condition.count,
        "since": condition.since,
        "link": condition.link,
    }


def _targets_of_others() -> frozenset[str]:
    """Those that other processes send to and this one does not know: it cannot tell how they are."""
    others = Target.objects.filter(enabled=True, retired=False).exclude(name__in=targets.names())
    return frozenset(others.values_list("name", flat=True))

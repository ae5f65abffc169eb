"""What an HTTP status means: the one table (RFC 9110, section 15; RFC 4918; RFC 6585; RFC 8470).

A connector may read single statuses in its own way where its contract says so; all else of HTTP is here.
"""

from __future__ import annotations

from enum import Enum, auto

from thirdparty.connectors import errors
from thirdparty.connectors.http.retry_after import retry_after_seconds
from thirdparty.connectors.http.session import Answer


class Meaning(Enum):
    """What the target says by its status."""

    DONE = auto()
    TURNED_AWAY = auto()  # us, not the record: a probe decides (PROTOCOL 11)
    ABSENT = auto()  # there is nothing under this address
    NOT_OFFERED = auto()  # this call is not served here
    CONFLICT = auto()  # with what the target holds already
    OUTDATED = auto()  # the record changed since it was read
    RECORD_BUSY = auto()  # try this record later; the target is well
    NOT_NOW = auto()  # try everything later
    UNKNOWN = auto()  # it may have taken effect, or do so yet
    REFUSED = auto()  # this record, as it is


STATUSES: dict[int, Meaning] = {
    202: Meaning.UNKNOWN,  # taken, and not yet done
    401: Meaning.TURNED_AWAY,
    403: Meaning.TURNED_AWAY,
    404: Meaning.ABSENT,
    405: Meaning.NOT_OFFERED,
    407: Meaning.TURNED_AWAY,
    408: Meaning.UNKNOWN,
    409: Meaning.CONFLICT,
    410: Meaning.ABSENT,
    412: Meaning.OUTDATED,
    423: Meaning.RECORD_BUSY,
    425: Meaning.NOT_NOW,
    429: Meaning.NOT_NOW,
    503: Meaning.NOT_NOW,
}
_OTHERS = {
    2: Meaning.DONE,
    3: Meaning.TURNED_AWAY,  # never followed: it may lead the credentials to another host
    4: Meaning.REFUSED,
}
"""By the first digit. Whatever is left is of no known class, or 5xx: it may have taken effect."""


def meaning(status: int) -> Meaning:
    """What this status means where the connector has no rule of its own."""
    return STATUSES.get(status) or _OTHERS.get(status // 100, Meaning.UNKNOWN)


def failure(answer: Answer, *, message: str = "", now: float, as_meaning: Meaning | None = None) -> errors.TargetError:
    """The error for an answer that is not `Meaning.DONE`, or is none where ``as_meaning`` says so.

    ``message``: why, in the target's words. ``now``: in seconds since the epoch, as `retry_after_seconds` needs it.
    ``as_meaning``: what the status means to the caller, by its contract or for this call.
    """
    status = answer.status
    reason, answered = f"http_{status}", f"answered HTTP {status}"
    wish = retry_after_seconds(answer.headers.get("Retry-After"), sent=answer.headers.get("Date"), now=now)
    match as_meaning or meaning(status):
        case Meaning.TURNED_AWAY | Meaning.NOT_OFFERED:
            return errors.AccessDenied(reason, answered, http_status=status)
        case Meaning.ABSENT:
            return errors.NotFound()
        case Meaning.OUTDATED:
            return errors.VersionConflict()
        case Meaning.RECORD_BUSY:
            return errors.RecordBusy(reason, answered, http_status=status, retry_after_seconds=wish)
        case Meaning.NOT_NOW:
            return errors.Transient(reason, answered, http_status=status, retry_after_seconds=wish)
        case Meaning.CONFLICT | Meaning.REFUSED:
            return errors.Rejected(reason, message or answered, http_status=status)
        case _:
            return errors.OutcomeUnknown(reason, answered, http_status=status)

"""What went wrong at a target, named by what the caller must do next.

A connector turns every failure it can meet into exactly one of these. What the target said is its message, as it is;
the values that were sent are masked before anything is kept or shown (`thirdparty.connectors.masking`).
"""

from __future__ import annotations


class TargetError(Exception):
    """Base of all of them. ``reason`` is a short word for tables, ``message`` a sentence for people."""

    def __init__(self, reason: str, message: str = "", *, http_status: int | None = None) -> None:
        super().__init__(reason, message)
        self.reason = reason
        self.message = message or reason
        self.http_status = http_status

    def __str__(self) -> str:
        return f"{self.reason}: {self.message}" if self.message != self.reason else self.reason


class Transient(TargetError):
    """Nothing took effect; the same call may succeed later.

    ``retry_after_seconds`` is the target's own wish, where it stated one.
    """

    def __init__(
        self,
        reason: str,
        message: str = "",
        *,
        http_status: int | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(reason, message, http_status=http_status)
        self.retry_after_seconds = retry_after_seconds


class RecordBusy(Transient):
    """The target is well and cannot take *this record* now (423): it is tried again, and the target goes on."""


class AccessDenied(Transient):
    """The target turned *us* away (401, 403, a redirect, TLS): probably not this record's fault."""


class OutcomeUnknown(TargetError):
    """The request was sent and may still take effect: look before trying again."""


class Rejected(TargetError):
    """The target refuses this record as it is: a person, or a new edit, has to change it."""


class AlreadyExists(TargetError):
    """An add met a record of the same natural key; ``remote_id`` is its id where the target told it."""

    def __init__(self, remote_id: str | None) -> None:
        super().__init__("already_exists", "the natural key is already taken at the target")
        self.remote_id = remote_id


class NotFound(TargetError):
    """The target holds no record of that id."""

    def __init__(self) -> None:
        super().__init__("not_found", "the target holds no record of this id")


class VersionConflict(TargetError):
    """The target stores a version not below the one that was sent."""

    def __init__(self) -> None:
        super().__init__("stale", "the target holds a newer version")


class CapabilityMissing(TargetError):
    """The target does not offer this optional call (404 or 405): do without it."""

    def __init__(self, capability: str, *, http_status: int | None = None) -> None:
        super().__init__("capability_missing", f"the target does not offer {capability!r}", http_status=http_status)
        self.capability = capability

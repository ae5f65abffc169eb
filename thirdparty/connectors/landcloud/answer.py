"""Reading what a landcloud target answers (CONTRACT A). Pure: no network, no clock.

Strict in what is needed, lenient in everything else: unknown fields are ignored, missing ones
are empty, numbers serve as ids.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from thirdparty.connectors.base import Page, RemoteRecord
from thirdparty.connectors.errors import (
    AlreadyExists,
    CapabilityMissing,
    NotFound,
    OutcomeUnknown,
    Rejected,
    TargetError,
    Transient,
    VersionConflict,
)
from thirdparty.connectors.http.body import json_of
from thirdparty.connectors.http.session import Answer
from thirdparty.connectors.http.statuses import Meaning, failure, meaning
from thirdparty.connectors.values import id_or_none, storable

READS = ("query", "list")
_AS_MEANING: dict[int, Meaning] = {
    # Every path is a call of the contract, and none is a record.
    HTTPStatus.NOT_FOUND: Meaning.NOT_OFFERED,
    HTTPStatus.GONE: Meaning.REFUSED,
    HTTPStatus.PRECONDITION_FAILED: Meaning.REFUSED,
}
"""Statuses that this contract reads in its own way."""


@dataclass(frozen=True, slots=True)
class Question:
    """What an answer is read against: the call (``add``, ``update`` …), and the time (epoch seconds)."""

    call: str
    now: float

    @property
    def writes(self) -> bool:
        return self.call not in READS


def business_answer(answer: Answer, question: Question) -> object:
    """Return ``data`` of an ``ok``. Raises, for any other answer, the `TargetError` that CONTRACT A maps it to."""
    if answer.status != HTTPStatus.OK:
        raise _http_failure(answer, question)
    reply = _json_object(answer)
    status = reply.get("status")
    if not isinstance(status, str) or not status:
        raise unreadable("the answer is no JSON object with a status")
    if status != "ok":
        raise _business_failure(status, reply, question)
    return reply.get("data")


def unreadable(message: str) -> OutcomeUnknown:
    """Make the error for an answer that says too little to know what happened."""
    return OutcomeUnknown("unreadable", message, http_status=200)


def record(value: object, *, versions: bool) -> RemoteRecord:
    """Read one user as the target holds it; ``version`` is read only where the target offers ``versions``.

    Raises `OutcomeUnknown` when the id or the username is missing, or a field has a wrong type.
    """
    if not isinstance(value, dict):
        raise unreadable("a user in the answer is no object")
    remote_id = id_or_none(value.get("userId"))
    username = _text(value, "username")
    if remote_id is None or not username:
        raise unreadable("a user in the answer has no userId or no username")
    return RemoteRecord(
        remote_id=remote_id,
        external_id=_text(value, "externalId"),
        key=username,
        payload={
            "name": _text(value, "name"),
            "phone": _text(value, "phone"),
            "email": _text(value, "email"),
            "role_ids": _role_ids(value),
        },
        version=_version(value) if versions else None,
    )


def page(value: object, *, cursor: str | None, versions: bool) -> Page:
    """Read one page of a listing, asked for with ``cursor``.

    Raises `OutcomeUnknown` also when the target does not say where the listing goes on: taken
    for the end, it would make the rest look deleted.
    """
    if not isinstance(value, dict) or not isinstance(value.get("users"), list) or "next" not in value:
        raise unreadable("the listing has no users or no next")
    next_cursor = None
    if value["next"] is not None:
        next_cursor = id_or_none(value["next"])
        if next_cursor is None or next_cursor == cursor:
            raise unreadable("the listing does not go on")
    return Page(tuple(record(item, versions=versions) for item in value["users"]), next_cursor)


def _json_object(answer: Answer) -> Mapping[str, object]:
    """Return the object in a body; an empty one where there is none."""
    value = json_of(answer)
    return value if isinstance(value, dict) else {}


def _http_failure(answer: Answer, question: Question) -> TargetError:
    if answer.status // 100 == HTTPStatus.OK // 100:
        # Business answers are all 200.
        said = Meaning.UNKNOWN
    else:
        said = _AS_MEANING.get(answer.status) or meaning(answer.status)
    if said is Meaning.NOT_OFFERED and not question.writes:
        return CapabilityMissing(question.call, http_status=answer.status)
    message = _message(_json_object(answer))
    return failure(answer, message=message, now=question.now, as_meaning=said)


def _business_failure(status: str, reply: Mapping[str, object], question: Question) -> TargetError:
    if status == "busy":
        return Transient("busy", "the target asks to try again", http_status=200)
    if status == "user_exists" and question.call == "add":
        return AlreadyExists(id_or_none(reply.get("data")))
    if status == "user_not_found" and question.call in ("update", "delete", "query"):
        return NotFound()
    if status == "stale" and question.writes:
        return VersionConflict()
    return Rejected(status, _message(reply), http_status=200)


def _message(reply: Mapping[str, object]) -> str:
    message = reply.get("message")
    return message if isinstance(message, str) else ""


def _text(fields: Mapping[str, object], name: str) -> str:
    value = fields.get(name)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise unreadable(f"{name} of a user in the answer is no text")
    return storable(str(value))


def _role_ids(fields: Mapping[str, object]) -> list[str]:
    values = fields.get("roleIds")
    if values is None:
        return []
    role_ids = [id_or_none(value) for value in values] if isinstance(values, list) else [None]
    if None in role_ids:
        raise unreadable("roleIds of a user in the answer is no list of ids")
    return [role_id for role_id in role_ids if role_id is not None]


def _version(fields: Mapping[str, object]) -> int | None:
    version = fields.get("version")
    if version is not None and (isinstance(version, bool) or not isinstance(version, int)):
        raise unreadable("version of a user in the answer is no integer")
    return version

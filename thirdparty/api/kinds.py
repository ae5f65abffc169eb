"""The kinds of problems, by which a program can tell them apart (docs/api.md)."""

from __future__ import annotations

from enum import StrEnum
from http import HTTPStatus

TYPE = "urn:usersync:problem:"


class Kind(StrEnum):
    """What stands behind `TYPE` in the ``type`` of a problem. A kind keeps its name."""

    INVALID = "invalid"
    UNREADABLE = "unreadable"
    UNAUTHENTICATED = "unauthenticated"
    NOT_ALLOWED = "not-allowed"
    NOT_FOUND = "not-found"
    METHOD_NOT_ALLOWED = "method-not-allowed"
    NOT_ACCEPTABLE = "not-acceptable"
    STRICT_WRITE_UNDER_WAY = "strict-write-under-way"
    CHANGED_MEANWHILE = "changed-meanwhile"
    NOT_DECIDED = "not-decided"
    KEY_IN_USE = "key-in-use"
    CHANGED_SINCE = "changed-since"
    TOO_LARGE = "too-large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported-media-type"
    KEY_REUSED = "key-reused"
    NOT_ACCEPTED = "not-accepted"
    TARGETS_DIFFER = "targets-differ"
    TOO_MANY_REQUESTS = "too-many-requests"
    UNFORESEEN = "unforeseen"
    BUSY = "busy"
    UNAVAILABLE = "unavailable"


OF_FRAMEWORK = {
    HTTPStatus.BAD_REQUEST: Kind.UNREADABLE,
    HTTPStatus.UNAUTHORIZED: Kind.UNAUTHENTICATED,
    HTTPStatus.FORBIDDEN: Kind.NOT_ALLOWED,
    HTTPStatus.NOT_FOUND: Kind.NOT_FOUND,
    HTTPStatus.METHOD_NOT_ALLOWED: Kind.METHOD_NOT_ALLOWED,
    HTTPStatus.NOT_ACCEPTABLE: Kind.NOT_ACCEPTABLE,
    HTTPStatus.CONFLICT: Kind.KEY_IN_USE,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: Kind.TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: Kind.UNSUPPORTED_MEDIA_TYPE,
    HTTPStatus.UNPROCESSABLE_ENTITY: Kind.KEY_REUSED,
    HTTPStatus.TOO_MANY_REQUESTS: Kind.TOO_MANY_REQUESTS,
}
"""The kinds of what REST framework and the exceptions made on its own raise, by their status."""

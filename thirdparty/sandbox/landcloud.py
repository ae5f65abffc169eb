"""What the third party refuses before its business rules are asked: the strict reading of the contract."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from thirdparty.sandbox.store import Call, Rules
from thirdparty.sandbox.wire import Request

PATHS = {
    "/user/add": "add",
    "/user/update": "update",
    "/user/delete": "delete",
    "/user/query": "query",
    "/user/list": "list",
}
MAX_PAGE = 1000
MAX_USERNAME = 64
_PROFILE = ("name", "phone", "email", "roleIds", "externalId", "version")
_FIELDS = {
    "add": ("username", "password", *_PROFILE),
    "update": ("userId", *_PROFILE),
    "delete": ("userId",),
    "query": ("username", "userId", "externalId"),
    "list": ("cursor", "limit"),
}
RECORD_FIELDS = ("username", *_PROFILE)
_REQUIRED = {"add": "username", "update": "userId", "delete": "userId"}
_JSON_TYPE = re.compile(r"application/json\s*(;\s*charset=\"?utf-8\"?\s*)?", re.IGNORECASE)
_MD5 = re.compile(r"[0-9a-f]{32}")
_CURSOR = re.compile(r"r[0-9]{1,18}")


class _NotJson:
    """Marks a body that cannot be read; None would be the JSON value null."""


NOT_JSON = _NotJson()


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_DECODE = json.JSONDecoder(parse_constant=_refuse_constant).decode


def parse(body: bytes) -> object:
    """The JSON value of a body, or `NOT_JSON`."""
    try:
        return _DECODE(body.decode())
    except (ValueError, RecursionError):
        return NOT_JSON


class TurnedAway(Exception):
    """The request does not reach the business layer: an HTTP status and the reason in words."""

    def __init__(self, http: int, reason: str = "") -> None:
        super().__init__(http, reason)
        self.http = http
        self.reason = reason


class Invalid(Exception):
    """The business layer refuses the body; the message says why."""


def read(request: Request, body: object, *, token: str, rules: Rules) -> Call:
    """The call that the request, whose parsed body this is, makes. Raises `TurnedAway`, `Invalid`."""
    name = PATHS.get(request.path)
    if name is None or (name in ("query", "list") and name not in rules.capabilities):
        raise TurnedAway(404)
    if request.method != "POST":
        raise TurnedAway(405, "use POST")
    if request.token != token:
        raise TurnedAway(401, "authToken is wrong or missing")
    if request.too_large:
        raise TurnedAway(413)
    if not _JSON_TYPE.fullmatch(request.content_type):
        raise TurnedAway(415, "use application/json; charset=utf-8")
    if body is NOT_JSON:
        raise TurnedAway(400, "the body is not JSON")
    if not isinstance(body, dict):
        raise Invalid("the body must be a JSON object")
    required = _REQUIRED.get(name)
    if required and required not in body:
        raise Invalid(f"{required} is missing")
    if name == "query" and len(body) != 1:
        raise Invalid("give exactly one of username, userId and externalId")
    check_fields(body, _FIELDS[name])
    return Call(name, body, request.idempotency_key)


def check_fields(fields: Mapping[str, Any], allowed: tuple[str, ...]) -> None:
    """Raise `Invalid` for the first field that is not ``allowed`` or has the wrong type."""
    for word, value in fields.items():
        if word not in allowed:
            raise Invalid(f"unknown field {word!r}")
        fits, wanted = _TYPES[word]
        if not fits(value):
            raise Invalid(f"{word} must be {wanted}")


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_username(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= MAX_USERNAME


def _is_id(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _is_md5(value: object) -> bool:
    return isinstance(value, str) and _MD5.fullmatch(value) is not None


def _is_role_list(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(role, str) for role in value)


def _is_version(value: object) -> bool:
    return type(value) is int and value >= 0


def _is_cursor(value: object) -> bool:
    return value is None or (isinstance(value, str) and _CURSOR.fullmatch(value) is not None)


def _is_limit(value: object) -> bool:
    return type(value) is int and 1 <= value <= MAX_PAGE


_TYPES: dict[str, tuple[Callable[[object], bool], str]] = {
    "userId": (_is_id, "a string that is not empty"),
    "username": (_is_username, f"a string of 1 to {MAX_USERNAME} characters"),
    "password": (_is_md5, "a lowercase hex MD5"),
    "name": (_is_text, "a string"),
    "phone": (_is_text, "a string"),
    "email": (_is_text, "a string"),
    "roleIds": (_is_role_list, "a list of strings"),
    "externalId": (_is_text, "a string"),
    "version": (_is_version, "a whole number"),
    "cursor": (_is_cursor, "null or a cursor that a list gave"),
    "limit": (_is_limit, f"a whole number from 1 to {MAX_PAGE}"),
}

"""How a REST partner lists a collection: what is asked for, and where it goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from thirdparty.connectors.errors import OutcomeUnknown
from thirdparty.connectors.values import id_or_none


def unreadable(message: str) -> OutcomeUnknown:
    """The error for an answer that says too little to know what happened."""
    return OutcomeUnknown("unreadable", message)


@dataclass(frozen=True, slots=True)
class Listing:
    """``items_field``: where the items stand in the body; empty where the body is a list of them.

    ``next_field``: where the body says how it goes on, null on the last page: a cursor, or the next page's address, of
    which ``cursor_parameter`` is taken. Empty where pages have numbers, from 1 on, up to an empty one.
    """

    items_field: str = ""
    next_field: str = ""
    cursor_parameter: str = "page"
    limit_parameter: str = "limit"

    def asked(self, cursor: str | None, limit: int) -> Mapping[str, str]:
        """The query parameters that ask for a page."""
        return {self.limit_parameter: str(limit)} | ({} if cursor is None else {self.cursor_parameter: cursor})

    def items(self, body: Any) -> Sequence[Mapping[str, Any]]:
        """The items of a page. Raises `OutcomeUnknown` where there are none to be read."""
        items = body.get(self.items_field) if self.items_field and isinstance(body, dict) else body
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise unreadable("the answer holds no list of items")
        return items

    def following(self, body: Any, items: Sequence[Any], cursor: str | None) -> str | None:
        """The next page's cursor, None on the last.

        Raises `OutcomeUnknown` where the target does not say: taken for the end, it would make the rest look deleted.
        """
        if not self.next_field:
            # A short page is no end: many targets give fewer items than they are asked for.
            return str(int(cursor or 1) + 1) if items else None
        if not isinstance(body, dict) or self.next_field not in body:
            raise unreadable("the listing does not say whether it goes on")
        told = body[self.next_field]
        if told is None:
            return None
        following = id_or_none(self._cursor_in(told) if isinstance(told, str) else told)
        if following is None or following == cursor:
            raise unreadable("the listing does not go on")
        return following

    def _cursor_in(self, told: str) -> str | None:
        parts = urlsplit(told)
        if not (parts.scheme or told.startswith(("/", "?"))):
            return told
        return parse_qs(parts.query).get(self.cursor_parameter, [None])[0]

"""Pages of a list that stay right while people are added."""

from __future__ import annotations

import re
from typing import Any

from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import Cursor, CursorPagination

MOST_PER_PAGE = 500
_KEY = re.compile(r"[0-9]{1,18}")
_NOWHERE = Cursor(offset=0, reverse=False, position=None)


class NewestFirst(CursorPagination):
    """``{results, next, previous}``; ``page_size`` from 1 to 500. What is not valid is an error, not a default."""

    page_size = 50
    page_size_query_param = "page_size"
    page_size_query_description = f"Users per page, 1 to {MOST_PER_PAGE}."
    max_page_size = MOST_PER_PAGE
    ordering = "-id"

    def get_page_size(self, request: Any) -> int:
        text = request.query_params.get(self.page_size_query_param)
        if text is None:
            return self.page_size
        if not _KEY.fullmatch(text) or not 1 <= int(text) <= MOST_PER_PAGE:
            raise ValidationError({self.page_size_query_param: [f"Use a whole number from 1 to {MOST_PER_PAGE}."]})
        return int(text)

    def decode_cursor(self, request: Any) -> Any:
        invalid = ValidationError({self.cursor_query_param: ["This cursor is not one that was given out here."]})
        try:
            cursor = super().decode_cursor(request)
        except NotFound:
            raise invalid from None
        if cursor == _NOWHERE or (cursor and cursor.position is not None and not _KEY.fullmatch(str(cursor.position))):
            raise invalid
        return cursor

"""Pages of a list that stay right while rows are added."""

from __future__ import annotations

import re
from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import Cursor, CursorPagination

MOST_PER_PAGE = 500
_NUMBER = re.compile(r"[0-9]{1,18}")
_NOWHERE = Cursor(offset=0, reverse=False, position=None)


class Pages(CursorPagination):
    """``{results, next, previous}``; ``page_size`` from 1 to 500. What is not valid is an error, not a default.

    ``position``: what a place in the list looks like, in the column that it is ordered by.
    """

    page_size = 50
    page_size_query_param = "page_size"
    page_size_query_description = f"How many on a page, 1 to {MOST_PER_PAGE}."
    max_page_size = MOST_PER_PAGE
    position: re.Pattern[str]

    @classmethod
    def parameters(cls) -> list[OpenApiParameter]:
        """How the OpenAPI description says it, for a view that is not generic."""
        cursor = "The place in the list, of a `next` or `previous`."
        return [
            OpenApiParameter(cls.cursor_query_param, str, description=cursor),
            OpenApiParameter(cls.page_size_query_param, int, description=cls.page_size_query_description),
        ]

    def get_page_size(self, request: Any) -> int:
        text = request.query_params.get(self.page_size_query_param)
        if text is None:
            return self.page_size
        if not _NUMBER.fullmatch(text) or not 1 <= int(text) <= MOST_PER_PAGE:
            raise ValidationError({self.page_size_query_param: [f"Use a whole number from 1 to {MOST_PER_PAGE}."]})
        return int(text)

    def decode_cursor(self, request: Any) -> Any:
        invalid = ValidationError({self.cursor_query_param: ["This cursor is not one that was given out here."]})
        try:
            cursor = super().decode_cursor(request)
        except NotFound:
            raise invalid from None
        if cursor is None:
            return None
        wrong = cursor.position is not None and not self.position.fullmatch(str(cursor.position))
        if cursor == _NOWHERE or wrong:
            raise invalid
        return cursor


class NewestFirst(Pages):
    """By primary keys that are numbers."""

    ordering = "-id"
    position = _NUMBER


class ByKey(Pages):
    """Records, which have text for a key."""

    ordering = "key"
    position = re.compile(r"[^\0]{1,255}")

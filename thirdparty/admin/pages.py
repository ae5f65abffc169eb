"""A long list page by page, without counting to its end."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.utils.functional import cached_property

MOST = 10_000
"""So many rows of a list can be leafed through; whoever looks for others narrows it."""


class AtLeast(int):
    """A number of which it is known that there are more: shown with a plus."""

    def __str__(self) -> str:
        return f"{int(self)}+"


class BoundedPages(Paginator):  # type: ignore[type-arg]  # no parameters at run time
    """Django's, over the first `MOST` rows. Its ``count`` reads no more than those."""

    object_list: Any

    @cached_property
    def count(self) -> int:
        found: int = self.object_list.order_by()[: MOST + 1].count()
        return found if found <= MOST else AtLeast(MOST)

"""Pages on which nothing is added, changed or deleted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from django.http import HttpRequest

from thirdparty import permissions
from thirdparty.permissions import SEE_RECORDS


class ReadOnly:
    """Mixed into a `ModelAdmin`: whoever may view, may view only.

    ``in_words``: columns that hold codes or English, and how the page of an object says them in the reader's language.
    """

    in_words: ClassVar[Mapping[str, Callable[[str], str]]] = {}

    def get_object(self, *args: Any, **kwargs: Any) -> Any:
        found = super().get_object(*args, **kwargs)  # type: ignore[misc]  # the ModelAdmin's
        for name, say in self.in_words.items() if found is not None else ():
            setattr(found, name, say(getattr(found, name)))
        return found

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class SeenBy(ReadOnly):
    """Whoever has one of ``seen_by`` may see it: by default, those who may see records, and what became of them."""

    seen_by: ClassVar[Sequence[str]] = SEE_RECORDS

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return permissions.holds(request.user, *self.seen_by)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

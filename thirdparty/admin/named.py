"""What people call the rows of these pages: by the names of the objects that they are of."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db.models import Model
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from thirdparty.admin.badge import record_page
from thirdparty.admin.skin import ChangeList
from thirdparty.declaration import objects
from thirdparty.models import Record, Ref


class ListWithObjects(ChangeList):
    """A page of rows with a ``ref``, and what each is of in ``object``: read in one query for each kind."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        found = objects.read({row.ref for row in self.result_list if row.ref is not None})
        for row in self.result_list:
            row.object = found.get(row.ref)


class Named:
    """A row as the heading of its page has it, under a name of people's. Everything else of it is its own."""

    def __init__(self, row: Model, name: str) -> None:
        self._row, self._name = row, name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(self._row, attribute)

    def __str__(self) -> str:
        return self._name


def heading(row: Model, name: str) -> dict[str, Any]:
    """The context that has the page of a row say ``name`` in its title and above."""
    return {"original": Named(row, name), "subtitle": name}


def name_of(row: Record, owner: Model | None) -> str:
    """What people call the object; of one that is gone the natural key, or its identity."""
    return str(owner) if owner is not None else row.natural_key or row.wanted_key or row.object_id


def names(keys: Collection[str]) -> dict[str, str]:
    """What people call the objects of these records; of one that is gone its identity. One query for each kind."""
    refs = {key: Ref.of_key(key) for key in keys}
    found = objects.read(set(refs.values()))
    return {key: str(found.get(ref) or ref.object_id) for key, ref in refs.items()}


def record_link(key: str, owner: Model | None) -> SafeString:
    """A link to the record, by the object's name."""
    name = str(owner) if owner is not None else Ref.of_key(key).object_id
    return format_html('<a class="sync-short" href="{}" title="{}">{}</a>', record_page(key), key, name)

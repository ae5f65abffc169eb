"""The database as a flush leaves it, for much less than a flush costs.

After each test that commits, Django empties every table, and whatever follows a migration is made anew: content types,
permissions, rows of targets, triggers. That takes several times as long as most of these tests. What it left the first time is
kept here, and afterwards only what a test has changed is brought back to that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.apps import apps
from django.db import connection, transaction
from django.db.models import Model

Rows = list[tuple[Any, ...]]
_TRIGGERS = {
    "postgresql": (
        "SELECT tgname, tgenabled::text, pg_get_triggerdef(t.oid), prosrc FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid "
        "WHERE NOT tgisinternal ORDER BY tgname"
    ),
    "sqlite": "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name",
}


class Emptied:
    """`again` after each test that committed. ``flush`` is Django's, called at first and where a test has left other triggers."""

    def __init__(self) -> None:
        self._left: dict[type[Model], Rows] = {}
        self._triggers: Rows = []

    def again(self, flush: Callable[[], None]) -> None:
        if not self._left or self._triggers != _triggers():
            flush()
            self._left = {model: _rows(model) for model in _models() if model._meta.db_table in _with_rows()}
            self._triggers = _triggers()
            return
        with transaction.atomic():
            self._bring_back()

    def _bring_back(self) -> None:
        changed = [model for model, rows in self._left.items() if _rows(model) != rows]
        kept = {model._meta.db_table for model in self._left if model not in changed}
        with connection.cursor() as cursor:
            # Triggers of the declared tables write records, so those go last.
            for table in sorted(_with_rows() - kept, key=lambda table: table.startswith("thirdparty_")):
                cursor.execute(f"DELETE FROM {connection.ops.quote_name(table)}")
        for model in changed:
            model._base_manager.bulk_create([model(*row) for row in self._left[model]])


def _models() -> list[type[Model]]:
    return [
        model for model in apps.get_models(include_auto_created=True) if model._meta.managed and not model._meta.proxy
    ]


def _rows(model: type[Model]) -> Rows:
    return list(model._base_manager.order_by("pk").values_list())


def _with_rows() -> set[str]:
    """The tables that a flush would empty, as far as there is anything in them."""
    tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
    return {
        name
        for (name,) in _all(
            f"SELECT '{table}' WHERE EXISTS (SELECT 1 FROM {connection.ops.quote_name(table)})" for table in tables
        )
    }


def _all(selects: Iterable[str]) -> Rows:
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(selects))
        return list(cursor.fetchall())


def _triggers() -> Rows:
    return _all([_TRIGGERS[connection.vendor]])

"""Which migrations make SQLite rebuild a table that the triggers name.

Django alters a table of SQLite by making another in its place: the triggers on the old one go without a word, and
those that only name it make the renaming fail.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db.migrations import Migration
from django.db.migrations import operations as ops
from django.db.migrations.operations.base import Operation

_NAMED = {
    ("users", "user"),
    ("users", "rolemapping"),
    ("thirdparty", "record"),
    ("thirdparty", "target"),
    ("auth", "group"),  # a change of its key goes through the tables of memberships and roles
}
_APPS = {app for app, _ in _NAMED}
_HARMLESS = (
    ops.CreateModel,
    ops.AddIndex,
    ops.RemoveIndex,
    ops.RenameIndex,
    ops.RunPython,
    ops.AlterModelManagers,
    ops.AlterModelOptions,
)


def alter(migrations: Iterable[Migration]) -> bool:
    """Whether any of these may rebuild a table that the triggers name. Plain SQL of the apps concerned may."""
    return any(
        _alters(operation, migration.app_label)
        for migration in migrations
        if migration.app_label in _APPS
        for operation in migration.operations
    )


def _alters(operation: Operation, app: str) -> bool:
    if isinstance(operation, ops.SeparateDatabaseAndState):
        return any(_alters(inner, app) for inner in operation.database_operations)
    if isinstance(operation, _HARMLESS):
        return False
    if isinstance(operation, ops.RunSQL):
        return True
    return any(operation.references_model(model, app_label) for app_label, model in _NAMED)

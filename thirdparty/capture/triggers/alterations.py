"""Which migrations make SQLite rebuild a table that the triggers name.

Django alters a table of SQLite by making another in its place: the triggers on the old one go without a word, and
those that only name it make the renaming fail.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db.migrations import Migration
from django.db.migrations import operations as ops
from django.db.migrations.operations.base import Operation

from thirdparty.declaration import declared
from thirdparty.models import Record, Target

_HARMLESS = (
    ops.CreateModel,
    ops.AddIndex,
    ops.RemoveIndex,
    ops.RenameIndex,
    ops.RunPython,
    ops.AlterModelManagers,
    ops.AlterModelOptions,
)


def named() -> set[tuple[str, str]]:
    """The models whose tables the triggers name, as app and lower-case name."""
    models = {Record, Target}
    for declaration in declared():
        models.add(declaration.model._meta.concrete_model or declaration.model)
        models.update(hop.model for lookup in declaration.lookups() for hop in lookup.hops)
    return {(model._meta.app_label, str(model._meta.model_name)) for model in models}


def alter(migrations: Iterable[Migration]) -> bool:
    """Whether any of these may rebuild a table that the triggers name. Plain SQL of the apps concerned may."""
    models = named()
    apps = {app for app, _ in models}
    return any(
        _alters(operation, migration.app_label, models)
        for migration in migrations
        if migration.app_label in apps
        for operation in migration.operations
    )


def _alters(operation: Operation, app: str, models: set[tuple[str, str]]) -> bool:
    if isinstance(operation, ops.SeparateDatabaseAndState):
        return any(_alters(inner, app, models) for inner in operation.database_operations)
    if isinstance(operation, _HARMLESS):
        return False
    if isinstance(operation, ops.RunSQL):
        return True
    return any(operation.references_model(model, app_label) for app_label, model in models)

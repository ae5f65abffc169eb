"""A record's key, TARGET:KIND:OBJECT: its type, and what it says."""

from __future__ import annotations

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper


class KeyField(models.CharField):  # type: ignore[type-arg]  # not subscriptable at run time
    """Text that is looked up as a whole.

    Django gives every indexed ``varchar`` of PostgreSQL a second index, for LIKE. Nobody searches keys so, and every
    write of a push would pay for it.
    """

    def db_type(self, connection: BaseDatabaseWrapper) -> str | None:
        """The same type under its other name, at which Django adds no second index."""
        kind = super().db_type(connection)
        return kind.replace("varchar", "character varying") if kind and connection.vendor == "postgresql" else kind


def kind_of(key: str) -> str:
    """The kind of the object whose record has this key."""
    return key.split(":", 2)[1]

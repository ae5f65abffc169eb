"""What tells this database from another of the same application."""

from __future__ import annotations

import secrets

from django.db import models

_THE_ONLY = 1
_BYTES = 4
_known: list[str] = []


def _drawn() -> str:
    return secrets.token_hex(_BYTES)


class Instance(models.Model):
    """One row, made once: ``code`` is part of what objects are called at targets, so that 17 of staging is not 17 of production."""

    code = models.CharField(max_length=20, default=_drawn)

    def __str__(self) -> str:
        return self.code


def instance_code() -> str:
    """The code of this database, for ever; drawn where there is none yet."""
    if _known:
        return _known[0]
    row = Instance.objects.filter(pk=_THE_ONLY).first()
    if row is not None:
        _known.append(row.code)
        return row.code
    # Not remembered: the running transaction may be rolled back.
    Instance.objects.bulk_create([Instance(pk=_THE_ONLY)], ignore_conflicts=True)
    return Instance.objects.get(pk=_THE_ONLY).code

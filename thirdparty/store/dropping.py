"""Delete records, and all that hangs on them."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection

from thirdparty.models import Attempt, Record, Reference


def drop(keys: Sequence[str]) -> int:
    """Delete these records, which the caller has locked, with their attempts and references. Returns how many.

    Not by Django's own cascade, which looks first and deletes later whatever has these keys by then.
    """
    Reference.objects.filter(record__in=keys).delete()
    Attempt.objects.filter(record_id__in=keys)._raw_delete(using=connection.alias)
    Record.objects.filter(key__in=keys)._raw_delete(using=connection.alias)
    return len(keys)

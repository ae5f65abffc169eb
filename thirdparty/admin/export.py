"""The list of records as a CSV file: all that the list's filters and search leave, not one page of it."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator
from datetime import datetime
from io import StringIO
from typing import Any

from django.contrib.admin import ModelAdmin
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.db.models import Max, QuerySet
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from thirdparty.csv_cells import guarded
from thirdparty.models import Attempt, Record
from thirdparty.models.record import EPOCH

COLUMNS = (
    "target",
    "kind",
    "object_id",
    "natural_key",
    "state",
    "cause",
    "last_error",
    "owed_since",
    "failing_since",
    "remote_id",
    "last_attempt_at",
    "next_try_at",
)
_BYTE_ORDER_MARK = codecs.BOM_UTF8.decode()
"""Without it a spreadsheet takes UTF-8 for the encoding of its country."""
AT_ONCE = 1000
"""So many records are read at a time, and held in memory."""


def export_view(request: HttpRequest, pages: ModelAdmin[Any]) -> HttpResponseBase:
    """The file, for whoever may see the list. Raises `PermissionDenied`."""
    if not pages.has_view_or_change_permission(request):
        raise PermissionDenied
    try:
        chosen = pages.get_changelist_instance(request).get_queryset(request)
    except IncorrectLookupParameters:
        return redirect("admin:thirdparty_record_changelist")
    name = f"records-{timezone.localtime():%Y-%m-%d-%H%M%S}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingHttpResponse(lines(chosen), content_type="text/csv; charset=utf-8", headers=headers)


def lines(chosen: QuerySet[Record]) -> Iterator[str]:
    """The file in pieces of at most `AT_ONCE` rows, by key. Each row is as it was when its piece was read.

    No cursor stays open between two pieces: a slow download would keep a transaction, or SQLite's lock, for as long.
    """
    yield _BYTE_ORDER_MARK + _text([COLUMNS])
    rows, last = chosen.order_by("key"), ""
    while piece := list(rows.filter(key__gt=last)[:AT_ONCE]):
        last = piece[-1].key
        attempts = Attempt.objects.filter(record__in=[row.key for row in piece]).order_by()
        attempted = dict(attempts.values_list("record").annotate(Max("started_at")))
        yield _text([_cells(row, attempted.get(row.key)) for row in piece])


def _cells(row: Record, attempted: datetime | None) -> tuple[str, ...]:
    """In the order of `COLUMNS`. The cause of what is parked is why it is parked, as the list's filter has it."""
    return (
        row.target,
        row.kind,
        row.object_id,
        row.natural_key or row.wanted_key,
        row.state,
        row.parked or row.cause,
        row.last_error,
        _time(row.owed_since),
        _time(row.failing_since),
        row.remote_id or "",
        _time(attempted),
        "at once" if row.due_at == EPOCH else _time(row.due_at),
    )


def _time(time: datetime | None) -> str:
    """ISO 8601 in the project's zone, to the second; empty for none."""
    return timezone.localtime(time).isoformat(timespec="seconds") if time is not None else ""


def _text(rows: list[tuple[str, ...]]) -> str:
    file = StringIO(newline="")
    csv.writer(file).writerows([guarded(cell) for cell in row] for row in rows)
    return file.getvalue()

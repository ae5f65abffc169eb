"""Whether this process lives, and whether it can do its work. Open to everyone, names no person."""

from __future__ import annotations

from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse

from thirdparty.observe.reasons import of_the_service

_NOT_READY = ("triggers_missing", "not_recorded", "declaration_unknown")
"""Reasons for which a process must get no requests: what it would write goes unrecorded."""


def live(request: HttpRequest) -> JsonResponse:
    """200 as long as the process answers at all."""
    return JsonResponse({"live": True})


def ready(request: HttpRequest) -> JsonResponse:
    """200, or 503 with ``reasons``. ``warnings`` are troubles that the service works in spite of."""
    try:
        found = _found()
    except Error:
        found = {"reasons": ["the database does not answer"], "warnings": []}
    answer = {"ready": not found["reasons"]} | found
    return JsonResponse(answer, status=200 if answer["ready"] else 503)


def _found() -> dict[str, list[str]]:
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        return {"reasons": ["migrations are missing; run: python manage.py migrate"], "warnings": []}
    sorted_out: dict[str, list[str]] = {"reasons": [], "warnings": []}
    for reason in of_the_service():
        sentence = f"{reason.target}: {reason.sentence}" if reason.target else reason.sentence
        sorted_out["reasons" if reason.code in _NOT_READY else "warnings"].append(sentence)
    return sorted_out

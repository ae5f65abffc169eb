"""Whether this process lives, and whether it can do its work. Open to everyone, names no person."""

from __future__ import annotations

from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse

from thirdparty import targets
from thirdparty.capture import triggers
from thirdparty.models.target import Standing, Target
from thirdparty.notify.broker import publisher
from thirdparty.protect import brake


def live(request: HttpRequest) -> JsonResponse:
    """200 as long as the process answers at all."""
    return JsonResponse({"live": True})


def ready(request: HttpRequest) -> JsonResponse:
    """200, or 503 with ``reasons``. ``warnings`` are troubles that the service works in spite of."""
    reasons = _reasons()
    body = {"ready": not reasons, "reasons": reasons, "warnings": _warnings()}
    return JsonResponse(body, status=503 if reasons else 200)


def _reasons() -> list[str]:
    try:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            return ["migrations are missing; run: python manage.py migrate"]
        absent = triggers.missing()
        standings = _standings()
    except Error:
        return ["the database does not answer"]
    reasons = []
    if absent:
        reasons.append(f"database triggers are missing ({', '.join(absent)}); run: python manage.py migrate")
    unrecorded = [name for name in targets.names() if standings.get(name, Standing.RETIRED) == Standing.RETIRED]
    if unrecorded:
        reasons.append(f"nothing is recorded for target {', '.join(unrecorded)}; run: python manage.py migrate")
    return reasons


def _warnings() -> list[str]:
    warnings = []
    if publisher().down:
        warnings.append("the broker does not answer; changes are recorded and follow later")
    try:
        standings, brakes = _standings(), brake.standings(targets.names())
    except Error:
        return warnings  # that the database does not answer is a reason already
    away = [name for name in targets.names() if standings.get(name) == Standing.AWAY]
    if away:
        warnings.append(
            f"target {', '.join(away)} is away: owed, not sent; restart a worker that names it, or migrate"
        )
    latched = [name for name, known in brakes.items() if known.latched]
    if latched:
        warnings.append(f"the brake of target {', '.join(sorted(latched))} is on: a person has to release it, or not")
    return warnings


def _standings() -> dict[str, Standing]:
    return {target.name: target.standing for target in Target.objects.filter(name__in=targets.names())}

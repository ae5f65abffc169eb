"""Visits the pages of the engine in a project of its own, and prints what came of it as JSON."""

from __future__ import annotations

import json
import sys
from typing import Any

import django

django.setup()

from django.contrib.admin.utils import quote  # noqa: E402  # the registry has to be filled first
from django.core.management import call_command  # noqa: E402  # the same
from django.test import Client  # noqa: E402  # the same

from thirdparty.models import Attempt, Record  # noqa: E402  # the same
from thirdparty.models.record import EPOCH  # noqa: E402  # the same
from users.models import User  # noqa: E402  # the same

RECORDS = "/admin/thirdparty/record/"


def main() -> None:
    call_command("migrate", verbosity=0)
    web = Client(SERVER_NAME="localhost")
    web.force_login(User.objects.create_superuser("root"))
    User.objects.create_user(name="Ada", phone="1")
    Record.objects.update(parked="invalid", last_error="invalid: phone too long", due_at=None)
    row = Record.objects.get()
    Attempt.objects.create(record=row, lease_token="t", call="add", generation=1, started_at=EPOCH)
    page = f"{RECORDS}{quote(row.key)}/change/"
    pages = {
        "index": "/admin/",
        "records": RECORDS,
        "export": f"{RECORDS}export/?sync_state=parked",
        "record": page,
        "attempts": "/admin/thirdparty/attempt/",
        "targets": "/admin/thirdparty/target/",
        "target": "/admin/thirdparty/target/partner/change/",
        "alerts": "/admin/thirdparty/alert/",
        "brake": "/admin/thirdparty/target/partner/brake/",
        "status": "/api/v1/sync/status/",
        "live": "/health/live/",
        "metrics": "/metrics",
        "explanation": f"/api/v1/sync/records/partner/users.user/{row.object_id}/",
    }
    seen: dict[str, Any] = {}
    for name, address in pages.items():
        answer = web.get(address)
        seen[name] = {"status": answer.status_code, "text": answer.getvalue().decode()}
    for name, address in {"unknown": "nowhere/users.user/1/", "misspelt": "?stat=parked"}.items():
        answer = web.get(f"/api/v1/sync/records/{address}")
        seen[name] = {"status": answer.status_code, "type": answer.headers["Content-Type"], "text": answer.json()}
    seen["stranger"] = {"status": Client(SERVER_NAME="localhost").get("/api/v1/sync/records/").status_code}
    decision = {"deed": "settle", "seen": row.generation, "remote_id": "r1", "reason": "by phone"}
    seen["decided"] = {"status": web.post(f"{RECORDS}{row.key}/decide/", decision).status_code}
    seen["state"] = Record.objects.get().state
    clerk = Client(SERVER_NAME="localhost")
    clerk.force_login(User.objects.create_user(name="Clerk", phone="9", is_staff=True))
    answer = clerk.get("/admin/")
    seen["index of a clerk"] = {"status": answer.status_code, "text": answer.getvalue().decode()}
    seen["unfold"] = "unfold" in sys.modules
    sys.stdout.write(json.dumps(seen))


main()

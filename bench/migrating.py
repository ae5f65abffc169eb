"""What a migration costs those who save meanwhile: ``python -m bench.migrating PEOPLE``, on the PostgreSQL database of DATABASE_URL.

So many people are level at two targets. Then one trigger is missing, so that nobody knows what has changed and every record
has to be owed again; or all triggers are of an older version, and left no gap. ``manage.py migrate`` mends either while
somebody saves one person after the other. Everything in that database is deleted first.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from syncproject.demo.stack import ROOT

_TARGETS = ("partner", "branch")
_WARM_SAVES = 50


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.migrating", description=__doc__)
    parser.add_argument("people", type=int)
    people = parser.parse_args().people
    os.environ |= {"DJANGO_SETTINGS_MODULE": "syncproject.settings", "SYNC_TARGETS": ",".join(_TARGETS)}
    for name in _TARGETS:
        os.environ |= {
            f"TARGET_{name.upper()}_BASE_URL": "https://made.up",
            f"TARGET_{name.upper()}_APP_SECRET": "bench",
            f"TARGET_{name.upper()}_DEFAULT_PASSWORD": "bench",
        }
    import django  # noqa: PLC0415  # the environment comes first

    django.setup()
    _migrate()
    _fill(people)
    kept = _saved_beside(_no_migration)
    older = _saved_beside(_older_triggers)
    missing = _saved_beside(_missing_trigger)
    print(  # noqa: T201  # for whoever asked
        json.dumps(
            {"people": people, "nothing": kept, "older triggers": older, "a trigger is missing": missing}, indent=2
        )
    )


def _migrate() -> None:
    subprocess.run([sys.executable, "manage.py", "migrate", "--verbosity", "0"], cwd=ROOT, check=True)


def _fill(people: int) -> None:
    from django.db import connection  # noqa: PLC0415  # Django is set up by now

    from thirdparty.capture import triggers  # noqa: PLC0415  # the same

    triggers.drop()
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE users_user, thirdparty_record, thirdparty_attempt CASCADE")
        cursor.execute(
            "INSERT INTO users_user (uuid, username, name, phone, email, password, is_active, is_staff, is_superuser, date_joined) "
            "SELECT lpad(to_hex(n), 32, '0')::uuid, 'u' || n, 'P ' || n, n::text, '', '!', true, false, false, now() "
            "FROM generate_series(1, %s) n",
            [people],
        )
        cursor.execute(
            "INSERT INTO thirdparty_record (key, target, kind, object_id, generation, synced_generation, synced_at, remote_id, "
            "natural_key, wanted_key) SELECT t || ':users.user:' || lpad(to_hex(n), 32, '0'), t, 'users.user', "
            "lpad(to_hex(n), 32, '0'), 1, 1, now(), n::text, 'u' || n, 'u' || n FROM generate_series(1, %s) n, unnest(%s::text[]) t",
            [people, list(_TARGETS)],
        )
    triggers.install()


def _level() -> None:
    """Nothing is owed."""
    from django.db import connection  # noqa: PLC0415  # Django is set up by now

    _all_owed()
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE thirdparty_record SET synced_generation = generation, due_at = NULL, owed_since = NULL WHERE due_at IS NOT NULL"
        )
        cursor.execute("VACUUM ANALYZE")


def _no_migration() -> None:
    time.sleep(2)


def _older_triggers() -> None:
    """As the newer version finds them after its code was deployed."""
    from django.db import connection  # noqa: PLC0415  # Django is set up by now

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_functiondef(oid) FROM pg_proc WHERE prosrc LIKE '%/* thirdparty triggers %'")
        for (text,) in cursor.fetchall():
            cursor.execute(re.sub(r"(?<=thirdparty triggers )\d+", "0", text))
    _migrate()


def _missing_trigger() -> None:
    from django.db import connection  # noqa: PLC0415  # Django is set up by now

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgname FROM pg_trigger WHERE tgrelid = 'users_user'::regclass AND NOT tgisinternal LIMIT 1"
        )
        ((name,),) = cursor.fetchall()
        cursor.execute(f'DROP TRIGGER "{name}" ON users_user')
    _migrate()


def _saved_beside(migration: Callable[[], None]) -> dict[str, Any]:
    """Saves while this runs and until everything that it makes owed is owed; the slowest of them, in seconds."""
    from django.db import connection  # noqa: PLC0415  # Django is set up by now

    from thirdparty.models import Record  # noqa: PLC0415  # the same

    _level()
    saver = _Saver()
    saver.start()
    saver.warm.wait()
    began = time.perf_counter()
    migration()
    migrated = time.perf_counter()
    _all_owed()
    owed = time.perf_counter()
    saver.over.set()
    saver.join()
    connection.close()
    due = Record.objects.filter(due_at__isnull=False)
    return {
        "migrate_seconds": round(migrated - began, 1),
        "owed_again": due.exclude(object_id__in=saver.edited).count(),
        "owing_seconds": round(owed - migrated, 1),
        "saves": len(saver.took),
        "slowest_save_ms": round(1_000 * max(saver.took)),
        "median_save_ms": round(1_000 * sorted(saver.took)[len(saver.took) // 2], 1),
        "failed_saves": saver.failed,
        "edits_go_first": _go_first(saver.edited),
    }


def _all_owed() -> None:
    from thirdparty.capture import catch_up  # noqa: PLC0415  # Django is set up by now
    from thirdparty.models import Target  # noqa: PLC0415  # the same

    for name in _TARGETS:
        while Target.objects.filter(name=name).exclude(behind_since=None, swept=True, owing_to=None).exists():
            catch_up.go_on(name)


def _go_first(edited: list[str]) -> bool:
    """Whether those whom somebody edited are claimed before all that was owed again."""
    from django.db import transaction  # noqa: PLC0415  # Django is set up by now

    from thirdparty import store  # noqa: PLC0415  # the same
    from thirdparty.decide.lease import Terms  # noqa: PLC0415  # the same

    with transaction.atomic():
        leases = store.claim_due(_TARGETS[0], len(edited), Terms(lease_seconds=600, visibility_seconds=60))
        transaction.set_rollback(True)
    return {lease.object_id for lease in leases} == set(edited)


class _Saver(threading.Thread):
    """Edits one person after the other. ``took``: the seconds of each; ``edited``: who they are."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.over, self.warm = threading.Event(), threading.Event()
        self.took: list[float] = []
        self.edited: list[str] = []
        self.failed = 0

    def run(self) -> None:
        from django.db import Error, connection  # noqa: PLC0415  # Django is set up by now

        from users.models import User  # noqa: PLC0415  # the same

        keys = list(User.objects.order_by("-pk").values_list("pk", flat=True)[:100_000])
        for number, key in enumerate(keys):
            if self.over.is_set():
                break
            began = time.perf_counter()
            try:
                user = User.objects.get(pk=key)
                user.email = f"{time.time_ns()}@example.com"
                user.save()
                self.took.append(time.perf_counter() - began)
                self.edited.append(user.uuid.hex)
            except Error:
                self.failed += 1
            if number == _WARM_SAVES:
                self.warm.set()
        connection.close()


if __name__ == "__main__":
    main()

"""How cost grows: the reconciler over a million and ten million rows, the admin's pages, bulk writes, the memory of a worker."""

from __future__ import annotations

import re
import statistics
import time
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

from bench import proc
from bench.system import System, running, wait_until

DUE = 10_000
PAGES = {
    "the first page": "/admin/",
    "a target's page": "/admin/thirdparty/target/partner/change/",
    "the list of records": "/admin/thirdparty/record/",
    "the list of parked records": "/admin/thirdparty/record/?sync_state=parked&target=partner",
}
_AT_ONCE = 500
_LOOKS = 15
_SYNCED_ROWS = """
    INSERT INTO thirdparty_record (key, target, kind, object_id, generation, synced_generation, synced_at, remote_id, natural_key)
    SELECT 'partner:users.user:' || md5(n::text), 'partner', 'users.user', md5(n::text), 1, 1, now(), 'r' || n, 'u' || n
    FROM generate_series(1, %s) n
"""
_SOME_OWED_OR_PARKED = """
    UPDATE thirdparty_record SET generation = 2, owed_since = now() - (random() * 600) * interval '1 second', due_at = now(),
    parked = CASE WHEN random() < 0.1 THEN 'http_422' ELSE '' END
    WHERE key IN (SELECT 'partner:users.user:' || md5(n::text) FROM generate_series(1, %s, 20) n)
"""
_A_DAY_OF_SAMPLES = """
    INSERT INTO thirdparty_sample (target, at, owed, parked, ok, failed)
    SELECT 'partner', date_trunc('minute', now()) - n * interval '1 minute', n, 3, 50, n %% 7 FROM generate_series(0, %s) n
"""


def reconcile_seconds(system: System, *, rows: int) -> tuple[float, float]:
    """Find, wake and claim 10,000 due rows among so many; and by how many MB this process grew meanwhile."""
    from django.db import connection, transaction  # noqa: PLC0415  # Django is set up by now

    from thirdparty import store  # noqa: PLC0415  # the same
    from thirdparty.decide.lease import Terms  # noqa: PLC0415  # the same
    from thirdparty.tasks import run_reconcile  # noqa: PLC0415  # the same

    system.people(0)
    with connection.cursor() as cursor:
        cursor.execute(_SYNCED_ROWS, [rows])
        cursor.execute("VACUUM ANALYZE thirdparty_record")
        cursor.execute(
            "UPDATE thirdparty_record SET generation = 2, owed_since = now(), due_at = now() WHERE key IN ("
            "SELECT 'partner:users.user:' || md5(n::text) FROM generate_series(1, %s, %s) n)",
            [rows, rows // DUE],
        )
    memory = forget_peak_mb()
    claim = partial(store.claim_due, "partner", _AT_ONCE, Terms(lease_seconds=600, visibility_seconds=60))
    began = time.perf_counter()
    run_reconcile()
    claimed = 0
    while claimed < DUE:
        with transaction.atomic():
            leases = claim()
        if not leases:
            raise RuntimeError(f"only {claimed} of {DUE} due rows were found")
        claimed += len(leases)
    took = time.perf_counter() - began
    grown = peak_mb() - memory
    system.people(0)
    return took, grown


def page_ms(system: System, *, rows: int) -> dict[str, float]:
    """How long each of `PAGES` takes a superuser in this process, where so many records are: the median. One in twenty is owed or parked."""
    from django.contrib.auth import get_user_model  # noqa: PLC0415  # Django is set up by now
    from django.db import connection  # noqa: PLC0415  # the same
    from django.test import Client  # noqa: PLC0415  # the same

    from thirdparty import targets  # noqa: PLC0415  # the same
    from thirdparty.models import Sample  # noqa: PLC0415  # the same
    from thirdparty.observe import kept_figures, kept_totals  # noqa: PLC0415  # the same

    system.people(0)
    targets.publish_rows()
    Sample.objects.all().delete()  # those of the ticks before
    with connection.cursor() as cursor:
        cursor.execute(_SYNCED_ROWS, [rows])
        cursor.execute(_SOME_OWED_OR_PARKED, [rows])
        cursor.execute(_A_DAY_OF_SAMPLES, [24 * 60])
        cursor.execute("VACUUM ANALYZE thirdparty_record")
    kept_figures.count()
    kept_totals.count()
    web = Client(SERVER_NAME="localhost")
    web.force_login(get_user_model().objects.create_superuser("on-call"))
    try:
        return {
            name: statistics.median(_page_ms(web, address) for _ in range(_LOOKS)) for name, address in PAGES.items()
        }
    finally:
        Sample.objects.all().delete()
        system.people(0)


def _page_ms(web: Any, address: str) -> float:
    began = time.perf_counter()
    answer = web.get(address, secure=True)
    took = time.perf_counter() - began
    if answer.status_code != HTTPStatus.OK:
        raise RuntimeError(f"{address} answered {answer.status_code}")
    return 1_000 * took


def bulk_create_seconds(system: System, *, count: int, triggered: bool) -> float:
    """``bulk_create`` of so many people, owed to the target or not."""
    from thirdparty.capture import triggers  # noqa: PLC0415  # the same
    from users.models import User  # noqa: PLC0415  # Django is set up by now

    system.people(0)
    people = [User(username=f"b{n}", name=f"张伟 {n}", phone=str(n), password="!") for n in range(count)]  # none
    if not triggered:
        triggers.drop()
    try:
        began = time.perf_counter()
        User.objects.bulk_create(people, batch_size=5_000)
        return time.perf_counter() - began
    finally:
        system.people(0)
        triggers.install()


def worker_memory_mb(system: System, *, first: int, all_in_all: int) -> tuple[float, float]:
    """What a worker's processes hold after so many pushes, and after so many more."""
    from thirdparty.models import Record  # noqa: PLC0415  # Django is set up by now
    from thirdparty.notify import hints  # noqa: PLC0415  # the same

    due = Record.objects.filter(due_at__isnull=False)
    with system.target(0.0) as target:
        system.people(first)
        worker = system.celery("syncproject", "--concurrency", "4", **target.env)
        with running(worker):
            hints.start_drain("partner")
            wait_until(lambda: not due.exists(), alive=[worker])
            after_first = proc.memory_mb(worker.pid)
            for _ in range(all_in_all // first - 1):
                Record.objects.update(generation=2, synced_generation=1, due_at="1970-01-01 00:00:00+00:00")
                hints.start_drain("partner")
                wait_until(lambda: not due.exists(), alive=[worker])
            return after_first, proc.memory_mb(worker.pid)


def forget_peak_mb() -> float:
    """What this process holds now, from where its peak begins anew: what came before it must not hide what comes."""
    Path("/proc/self/clear_refs").write_text("5")
    return peak_mb()


def peak_mb() -> float:
    (peak,) = re.findall(r"^VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    return int(peak) / 1024

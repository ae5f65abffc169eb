"""How an audit's memory and time grow: ``python -m bench.audit RECORDS [--look-up] [--latency MS]``, on the PostgreSQL of DATABASE_URL.

The target is made up in this process, so that the figures are the audit's own: it holds ``RECORDS`` people, of whom one in
10,000 was edited, one in 10,000 removed, and as many strangers added. Each call takes ``MS`` milliseconds. A bare listing of the
same, in which nothing is done with what comes, is the measure. Everything in that database is deleted first.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from typing import Any
from uuid import UUID

from bench.scale import forget_peak_mb, peak_mb
from thirdparty.connectors.base import Capabilities, Connector, Page, RemoteObject, RemoteRecord

_ONE_IN = 10_000
_records = 0
_latency_seconds = 0.0


class MadeUp(Connector):
    """A target that holds the people of `_fill`, computed when they are asked for."""

    supports = capabilities = Capabilities(query=True, list=True)

    def add(self, obj: RemoteObject, *, version: int, idempotency_key: str) -> str:
        raise NotImplementedError

    def update(self, remote_id: str, obj: RemoteObject, *, version: int) -> None:
        raise NotImplementedError

    def delete(self, remote_id: str) -> None:
        raise NotImplementedError

    def find(
        self, *, remote_id: str | None = None, external_id: str | None = None, key: str | None = None
    ) -> RemoteRecord | None:
        time.sleep(_latency_seconds)
        number = int(remote_id) if remote_id else UUID(external_id).int if external_id else int(key[1:] if key else 0)
        return None if _is_gone(number) else _item(number)

    def page(self, cursor: str | None, *, limit: int) -> Page:
        time.sleep(_latency_seconds)
        first = int(cursor or 1)
        numbers = range(first, min(first + limit, _records + _records // _ONE_IN + 1))
        following = numbers.stop if numbers.stop <= _records + _records // _ONE_IN else None
        items = tuple(_item(number) for number in numbers if not _is_gone(number))
        return Page(items, None if following is None else str(following))


def _is_gone(number: int) -> bool:
    return number % _ONE_IN == 1


def _item(number: int) -> RemoteRecord:
    phone = "edited" if number % _ONE_IN == 2 else str(number)  # noqa: PLR2004  # the next one
    ours = str(UUID(int=number)) if number <= _records else ""
    content = {"name": f"P {number}", "phone": phone, "email": "", "role_ids": []}
    return RemoteRecord(str(number), ours, f"u{number}", content)


def main() -> None:
    global _records, _latency_seconds  # the target is this process
    parser = argparse.ArgumentParser(prog="python -m bench.audit", description=__doc__)
    parser.add_argument("records", type=int)
    parser.add_argument("--look-up", action="store_true", help="the target cannot be listed")
    parser.add_argument("--latency", type=float, default=0.0, metavar="MS", help="of each call")
    options = parser.parse_args()
    _records, _latency_seconds = options.records, options.latency / 1_000
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "syncproject.settings",
        "SYNC_TARGETS": "partner",
        "TARGET_PARTNER_CONNECTOR": "bench.audit.MadeUp",
        "TARGET_PARTNER_BASE_URL": "https://made.up",
        "TARGET_PARTNER_CAPABILITIES": "query" if options.look_up else "query,list",
    }
    import django  # noqa: PLC0415  # the environment comes first

    django.setup()
    from django.core.management import call_command  # noqa: PLC0415  # the same

    call_command("migrate", verbosity=0)
    _fill()
    print(json.dumps(_measured(), indent=2))  # noqa: T201  # for whoever asked


def _fill() -> None:
    from django.db import connection  # noqa: PLC0415  # Django is set up by now

    from thirdparty.capture import triggers  # noqa: PLC0415  # the same

    triggers.drop()
    with connection.cursor() as cursor:
        cursor.execute(
            "TRUNCATE users_user, thirdparty_record, thirdparty_attempt, thirdparty_comparison, thirdparty_finding, "
            "thirdparty_audit CASCADE"
        )
        cursor.execute(
            "INSERT INTO users_user (uuid, username, name, phone, email, password, is_active, is_staff, is_superuser, date_joined) "
            "SELECT lpad(to_hex(n), 32, '0')::uuid, 'u' || n, 'P ' || n, n::text, '', '!', true, false, false, now() "
            "FROM generate_series(1, %s) n",
            [_records],
        )
        cursor.execute(
            "INSERT INTO thirdparty_record (key, target, kind, object_id, generation, synced_generation, synced_at, remote_id, "
            "natural_key, wanted_key) SELECT 'partner:users.user:' || lpad(to_hex(n), 32, '0'), 'partner', 'users.user', "
            "lpad(to_hex(n), 32, '0'), 1, 1, now(), n::text, 'u' || n, 'u' || n FROM generate_series(1, %s) n",
            [_records],
        )
        cursor.execute("VACUUM ANALYZE")
    triggers.install()


def _measured() -> dict[str, Any]:
    from thirdparty.audit import certificate, report, runner  # noqa: PLC0415  # Django is set up by now

    warm = runner.begin("partner", "users.user")
    runner.go_on(warm.pk, seconds=5, most_calls=20)
    audit = runner.begin("partner", "users.user")
    before, began = forget_peak_mb(), time.perf_counter()
    while audit.finished_at is None:
        audit = runner.go_on(audit.pk, seconds=60)
    took, held = time.perf_counter() - began, peak_mb()
    bare = _bare_listing_seconds()
    certifying = forget_peak_mb()
    made = certificate.certificate("partner")
    return {
        "records": _records,
        "counts": report.counts(audit),
        "calls": audit.counts["calls"],
        "failure": audit.failure,
        "seconds": round(took, 1),
        "records_per_second": round(_records / took),
        "bare_listing_per_second": round(_records / bare),
        "of_the_bare_listing": round(bare / took, 3),
        "memory_before_mb": round(before, 1),
        "memory_peak_mb": round(held, 1),
        "certificate_grew_by_mb": round(peak_mb() - certifying, 1),
        "digest": made["digest"],
    }


def _bare_listing_seconds() -> float:
    from thirdparty import targets  # noqa: PLC0415  # Django is set up by now
    from thirdparty.audit.listing import PER_PAGE  # noqa: PLC0415  # the same

    connector = targets.connector("partner", "users.user")
    began, cursor = time.perf_counter(), None
    while True:
        cursor = connector.page(cursor, limit=PER_PAGE).next_cursor
        if cursor is None:
            return time.perf_counter() - began


if __name__ == "__main__":
    from bench.audit import main as as_module  # `_records` of the module that the connector is imported from

    as_module()

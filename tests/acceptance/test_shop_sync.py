"""The example project, as it is installed and run by somebody else: its ERP ends up holding what the shop holds.

Compared with a mapping of this test's own, by external id, content, and whose order it is.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from syncproject.demo import parts
from syncproject.demo.ports import Port
from syncproject.demo.process import Process
from tests import services
from tests.acceptance.shop import FOLDER, Erp, Project

WRITES = (Path(__file__).parent / "shop_writes.py").read_text()
WANTED = """
import json
from shop.models import Customer, Order
print(json.dumps({
    "customers": {str(c.pk): [c.name, c.email, c.phone] for c in Customer.objects.all()},
    "orders": {
        str(o.pk): [o.number, f"{o.total:.2f}", str(o.customer_id), sorted([l.product.sku, l.quantity] for l in o.lines.all())]
        for o in Order.objects.filter(status="paid").prefetch_related("lines__product")
    },
}))
"""
FAST = {
    "SYNC_RECONCILE_EVERY_SECONDS": "1",
    "SYNC_RECONCILE_AFTER_HOURS": "0.003",
    "SYNC_RETRY_BACKOFF_SECONDS": "0.5",
    "SYNC_RETRY_BACKOFF_MAX_SECONDS": "5",
    "SYNC_BREAKER_SECONDS": "0.5",
    "SYNC_BREAKER_MAX_SECONDS": "3",
    # The shortest that the start-up check allows: the call, the database, 5 s of margin. What a killed worker held waits for its end.
    "SYNC_DATABASE_TIMEOUT_SECONDS": "3",
    "SYNC_LEASE_SECONDS": "10",
    "TARGET_ERP_TIMEOUT_SECONDS": "2",
    "TARGET_ERP_VISIBILITY_SECONDS": "3",
}


class Shop:
    """The shop and its ERP, running."""

    def __init__(self, folder: Path, installed: Path, *, database_url: str) -> None:
        self.erp = Erp(folder)
        self._broker = Port()
        self.project = Project(
            folder,
            python=installed,
            database_url=database_url,
            CELERY_BROKER_URL=f"redis://127.0.0.1:{self._broker.number}/0",
            SYNC_TARGETS="erp",
            TARGET_ERP_CONNECTOR="shop.erp.Erp",
            TARGET_ERP_BASE_URL=self.erp.url,
            TARGET_ERP_TOKEN=self.erp.token,
            TARGET_ERP_ALLOW_HTTP="true",
            **FAST,
        )
        celery = [str(installed), "-m", "celery", "-A", "config"]
        broker = parts.broker(self._broker, folder=folder, server=None)
        self.process = {
            "broker": Process(name="broker", command=broker.command, log=folder / "broker.log", ready=broker.ready),
            "worker": self._of_the_project(
                folder, "worker", [*celery, "worker", "--concurrency", "4", "--loglevel", "INFO"], " ready."
            ),
            "beat": self._of_the_project(
                folder,
                "beat",
                [*celery, "beat", "--schedule", str(folder / "schedule"), "--loglevel", "INFO"],
                "beat: Starting",
            ),
        }

    def start(self) -> None:
        self.erp.start()
        self._broker.release()
        self.project.manage("migrate", "--verbosity", "0")
        for process in self.process.values():
            process.start()
        for process in self.process.values():
            process.wait_ready()

    def stop(self) -> None:
        for process in reversed(self.process.values()):
            process.kill()
        self.erp.stop()

    def writer(self, folder: Path, *, seed: int, writes: int) -> Process:
        """Somebody who writes, in a process of their own."""
        return Process(
            name=f"writer {seed}",
            command=[
                self.project.python,
                "manage.py",
                "shell",
                "--verbosity",
                "0",
                "--command",
                f"{WRITES}\nwrite_for_a_while()",
            ],
            log=folder / f"writer-{seed}.log",
            cwd=FOLDER,
            env={**self.project.env, "SEED": str(seed), "WRITES": str(writes)},
        )

    def wanted(self) -> dict[str, dict[str, list[Any]]]:
        return dict(self.project.shell(WANTED))

    def held(self) -> dict[str, dict[str, list[Any]]]:
        """What the ERP holds, in the shop's own words. Fails where two of its records are one object's."""
        content = self.erp.content()
        whose = {
            record["id"]: record["external_id"].rpartition(".")[2] for each in content.values() for record in each
        }
        customers = {whose[c["id"]]: [c["name"], c["email"], c["phone"]] for c in content["customers"]}
        orders = {
            whose[o["id"]]: [o["number"], o["total"], whose[o["customer"]], o["lines"]] for o in content["orders"]
        }
        assert (len(customers), len(orders)) == (len(content["customers"]), len(content["orders"]))
        return {"customers": customers, "orders": orders}

    def standing(self) -> dict[str, Any]:
        return dict(json.loads(self.project.manage("sync", "status", "--json"))["targets"]["erp"])

    def settled(self) -> bool:
        """Whether no record has anything open, by the database itself: to start a command costs more than all the pushes."""
        rows = "SELECT count(*) FROM thirdparty_record WHERE state IN ('pending', 'in_flight', 'unknown', 'parked')"
        url = self.project.env["DATABASE_URL"]
        if url.startswith("sqlite:///"):
            with closing(sqlite3.connect(url.removeprefix("sqlite:///"), timeout=20)) as connection:
                return connection.execute(rows).fetchone() == (0,)
        with psycopg.connect(url) as connection:
            return connection.execute(rows).fetchone() == (0,)

    def wait(self, condition: Callable[[], bool], *, within_seconds: float) -> None:
        deadline = time.monotonic() + within_seconds
        while not condition():
            for process in self.process.values():
                process.require_alive()
            assert time.monotonic() < deadline, f"not reached: {condition}; {self.standing()}"
            time.sleep(0.5)

    def _of_the_project(self, folder: Path, name: str, command: list[str], says: str) -> Process:
        return Process(
            name=name,
            command=command,
            log=folder / f"{name}.log",
            cwd=FOLDER,
            env=self.project.env,
            ready=lambda process: says in process.output(),
        )


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def shop(request: pytest.FixtureRequest, tmp_path: Path, installed: Path) -> Iterator[Shop]:
    with ExitStack() as opened:
        database_url = opened.enter_context(services.postgres()) if request.param == "PostgreSQL" else ""
        shop = Shop(tmp_path, installed, database_url=database_url)
        opened.callback(shop.stop)
        shop.start()
        yield shop


def test_a_shop_that_writes_while_its_workers_are_killed_and_its_erp_fails_ends_level(
    shop: Shop, tmp_path: Path
) -> None:
    shop.erp.fail(unavailable=0.1, broken=0.05, silent=0.05, latency_seconds=0.01)
    writers = [shop.writer(tmp_path, seed=seed, writes=150) for seed in (1, 2)]
    for writer in writers:
        writer.start()
    while any(writer.alive for writer in writers):
        time.sleep(2)
        shop.process["worker"].restart()
    shop.erp.fail()
    shop.wait(shop.settled, within_seconds=300)
    wanted = shop.wanted()
    assert all(len(objects) > 10 for objects in wanted.values()), [writer.log_tail() for writer in writers]
    assert shop.held() == wanted

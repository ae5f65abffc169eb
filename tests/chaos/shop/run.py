"""One run: the shop writes, everything else fails, and in the end the ERP is compared with the shop."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import django

from syncproject.demo.process import Process
from tests import services
from tests.chaos.shop import judge
from tests.chaos.shop.stack import ShopStack
from tests.chaos.shop.troubles import WORKERS, Troubles

PAIRS = ("sqlite+valkey", "postgres+redis")
WRITERS = 3
LEASE_SECONDS = 9.0
LEVEL_WITHIN_SECONDS = 240.0
"""With room for a busy machine; the run ends as soon as nothing is left to be done."""
_STRIKE_EVERY_SECONDS = 1.5
_LEAST_TROUBLES = 3
_LEAST_EFFECTS = 20
_SETTINGS = {
    "DJANGO_SETTINGS_MODULE": "tests.chaos.shop.renumbered",
    "TARGET_ERP_CAPABILITIES": "query,list,idempotency,rename",
    "SYNC_DATABASE_TIMEOUT_SECONDS": "3",
    "SYNC_LEASE_SECONDS": f"{LEASE_SECONDS:g}",
    "TARGET_ERP_TIMEOUT_SECONDS": "1",
    "TARGET_ERP_VISIBILITY_SECONDS": "4",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """``problems``: a sentence each; none where the ERP ended level and the run was hard enough to count."""

    problems: Sequence[str]
    figures: Sequence[str]


class Run:
    """``folder``: for its database and logs."""

    def __init__(self, folder: Path, *, pair: str, seed: int, seconds: float) -> None:
        self._folder = folder
        self._pair = pair
        self._seed = seed
        self._seconds = seconds

    def go(self) -> Verdict:
        """Raises `ProcessError` where a part does not come up. Sets this process's Django up as the shop's."""
        dice = random.Random(self._seed)
        with ExitStack() as opened:
            stack = opened.enter_context(self._stack(opened))
            stack.start(*([] if "redis" in self._pair else ["broker"]), "erp", "beat", *WORKERS)
            os.environ.update(stack.env)
            django.setup()
            opened.callback(_disconnect)
            troubles = Troubles(stack, dice, frozen_seconds=LEASE_SECONDS + 2)
            writers = self._writers(stack)
            while any(writer.alive for writer in writers):
                troubles.strike()
                time.sleep(dice.uniform(0.5, 1.5) * _STRIKE_EVERY_SECONDS)
            troubles.end()
            level_seconds = _wait_level(stack, troubles)
            effects = [entry for entry in stack.sandbox.ledger() if entry["kind"] == "effect"]
            written = [writer.log_tail().strip().splitlines()[-1:] for writer in writers]
            problems = [*_problems(stack)]
            if troubles.done.total() < _LEAST_TROUBLES or len(effects) < _LEAST_EFFECTS:
                problems.append(f"too easy: {troubles.done.total()} troubles, {len(effects)} effects")
            figures = [
                f"writers: {written}",
                f"troubles: {dict(troubles.done)}",
                f"{len(effects)} effects at the ERP; level {level_seconds:.0f} s after the last trouble",
                f"{len(judge.wanted())} objects wanted",
            ]
            return Verdict(problems, figures)

    def _stack(self, opened: ExitStack) -> ShopStack:
        database_url = opened.enter_context(services.postgres()) if "postgres" in self._pair else ""
        broker_url = opened.enter_context(services.redis_database()) if "redis" in self._pair else ""
        settings = _SETTINGS | {"SYNC_QUEUE": f"chaos-shop-{os.getpid()}"}
        stack = ShopStack(
            self._folder, database_url=database_url, broker_url=broker_url, settings=settings, seed=self._seed
        )
        for name in WORKERS:
            stack.add_worker(name, concurrency=3)
        return stack

    def _writers(self, stack: ShopStack) -> list[Process]:
        writers = [
            stack.run(f"writer-{number}", "tests.chaos.shop.writer", f"{self._seed}-{number}", str(self._seconds))
            for number in range(WRITERS)
        ]
        for writer in writers:
            writer.start()
        return writers


def _wait_level(stack: ShopStack, troubles: Troubles) -> float:
    """Until nothing is left to be done, or it is not waited for any longer; how long that took."""
    began = time.monotonic()
    while time.monotonic() < began + LEVEL_WITHIN_SECONDS:
        troubles.supervise()
        stats = stack.sandbox.stats()
        if not any((*_unsettled(), stats["in_flight"], stats["late"]["pending"])):
            break
        time.sleep(0.5)
    return time.monotonic() - began


def _unsettled() -> Iterator[str]:
    from thirdparty.models import Record
    from thirdparty.models.record import State

    for row in Record.objects.exclude(state__in=(State.SYNCED, State.DELETED)):
        yield f"not settled: {row.key} is {row.state} {row.parked} ({row.last_error})"


def _problems(stack: ShopStack) -> Iterator[str]:
    from thirdparty.models import Attempt, Record, Reference

    content, ledger = stack.sandbox.content(), stack.sandbox.ledger()
    yield from _unsettled()
    yield from judge.doubled(content)
    yield from judge.doubled_once([entry for entry in ledger if entry["kind"] == "effect"])
    wanted = judge.wanted()
    yield from judge.differences(wanted, judge.held(content))
    yield from judge.unannounced([entry for entry in ledger if entry["kind"] == "request"], _attempts())
    for row in Record.objects.exclude(former_key=""):
        yield f"unclear: {row.key} may still be {row.former_key!r} at the ERP"
    for attempt in Attempt.objects.filter(finished_at=None):
        yield f"left open: attempt {attempt.pk} ({attempt.call}) of {attempt.record_id}"
    noted = {(record, on) for record, on in Reference.objects.values_list("record", "on_record")}
    due = {(f"erp:{key}", f"erp:shop.customer:{it[2]}") for key, it in wanted.items() if key.startswith("shop.order:")}
    for record, on in sorted(noted ^ due):
        yield f"{'kept' if (record, on) in noted else 'missing'}: the reference of {record} on {on}"


def _attempts() -> dict[tuple[str, str], int]:
    from django.db.models import Count

    from thirdparty.models import Attempt

    counted = Attempt.objects.order_by().values_list("record_id", "call").annotate(number=Count("pk"))
    return {(key.partition(":")[2].replace(":", "."), call): number for key, call, number in counted}


def _disconnect() -> None:
    from django.db import connections

    connections.close_all()

"""The seeded bugs, by the names of `registry.BUGS`: each is what somebody might write in good faith."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from django.db import connection, transaction

from thirdparty import store, tasks
from thirdparty.capture import fence, triggers
from thirdparty.capture.triggers import postgresql
from thirdparty.capture.triggers.intent import Intent
from thirdparty.connectors.base import RemoteRecord
from thirdparty.connectors.errors import OutcomeUnknown, Transient
from thirdparty.connectors.identity import same_external_id
from thirdparty.connectors.landcloud.connector import LandcloudConnector
from thirdparty.decide.interpret import Interpreter
from thirdparty.decide.lease import Lease, Terms
from thirdparty.decide.result import Doubt, FinishedStep, StepResult
from thirdparty.decisions import compensation
from thirdparty.declaration import declared
from thirdparty.models import Record
from thirdparty.notify import hints
from thirdparty.run import calling, payloads, reconcile, step
from thirdparty.store import OpenedAttempt, choosing, claiming, settling
from thirdparty.store.tables import RECORDS, TARGETS
from users.models import User

_SLOW_SECONDS = 0.3
_SLOW_SHARE = 0.2
_VERY_SLOW_SECONDS = 1.5
"""Still within the margin that a lease has over the call."""
_PAST = datetime(2000, 1, 1, tzinfo=UTC)


def no_trigger() -> None:
    """Nothing records what is owed, but for the sweep for missing rows."""

    def noted_alone(*_: Any, noted: Callable[[str], None]) -> bool:
        for declaration in declared():
            noted(declaration.kind)
        return False

    triggers.install = noted_alone
    triggers.missing = lambda *_: []


def no_lease_check() -> None:
    """A record is claimed although somebody works on it."""
    claimable = choosing._claimable
    condition = "(s.leased_until IS NULL OR s.leased_until <= {now})"

    def careless(db: Any, **options: Any) -> str:
        original: str = claimable(db, **options)
        checked = condition.format(now=db.now)
        assert checked in original, "the lease check looks different now: mend this bug"
        return original.replace(checked, "1 = 1")

    choosing._claimable = careless
    claim, claim_due = store.claim, store.claim_due
    leased = Record.objects.filter(lease_token__isnull=False)

    def eager(keys: list[str], terms: Terms, **options: Any) -> list[Lease]:
        leased.filter(key__in=keys).update(due_at=_PAST)
        return claim(keys, terms, **options)

    def eager_for_all(target: str, most: int, terms: Terms, **options: Any) -> list[Lease]:
        leased.filter(target=target).update(due_at=_PAST)
        return claim_due(target, most, terms, **options)

    store.claim = eager
    store.claim_due = eager_for_all


def settle_any_token() -> None:
    """A result is written although the lease was lost. Needs workers that freeze just before they send."""
    slow_send()
    settle = settling._settle

    def careless(ended: list[FinishedStep], *args: Any) -> store.Settled:
        for each in ended:
            Record.objects.filter(key=each.lease.key).update(lease_token=each.lease.token)
        return settle(ended, *args)

    settling._settle = careless


def mark_before_send() -> None:
    """The generation counts as acknowledged before the target was asked."""
    open_attempts = store.open_attempts

    def hasty(calls: list[tuple[Lease, Any]]) -> Mapping[str, OpenedAttempt]:
        for lease, call in calls:
            if call.writes:
                Record.objects.filter(key=lease.key).update(synced_generation=lease.generation)
        return open_attempts(calls)

    store.open_attempts = hasty


def unknown_as_failed() -> None:
    """No answer means that nothing happened."""
    failed = Interpreter.failed

    def optimistic(self: Interpreter, error: Any) -> StepResult:
        if isinstance(error, OutcomeUnknown):
            error = Transient(error.reason, error.message, http_status=error.http_status)
        return failed(self, error)

    Interpreter.failed = optimistic


def no_reread() -> None:
    """The window passes, and that is that."""

    def content(self: Interpreter, *_: Any) -> StepResult:
        return self._settle(doubt=Doubt.CLEAR, add_key=None)

    Interpreter.rechecked = content
    Interpreter.recheck_blindly = content


def expired_lease_clean() -> None:
    """A worker that died is taken to have sent nothing."""
    claiming.WRITES = "''"


def tombstone_dropped() -> None:
    """The row goes with its user."""
    needed = reconcile.drains_needed

    def forgetful(names: Iterable[str] | None = None) -> dict[str, int]:
        Record.objects.filter(deleted=True, leased_until__isnull=True).delete()
        return needed(names)

    reconcile.drains_needed = forgetful


def reconciler_off() -> None:
    """Nobody looks for what no message tells of."""
    tasks.run_reconcile = lambda: 0


def wakes_lost() -> None:
    """No hint for a target ever arrives, and nobody notices."""
    hints.start_drain = lambda *_, **__: True


def repair_ignored() -> None:
    """A result without a lease changes nothing at all. Needs workers that freeze just before they send."""
    slow_send()
    store.repair = lambda _: None


def slow_send() -> None:
    """No bug: the moment between the look at the lease and the request now and then lasts longer."""
    for name in ("add", "update", "delete"):
        _before(name, lambda: time.sleep(_VERY_SLOW_SECONDS if random.random() < _SLOW_SHARE else 0))


def username_not_frozen() -> None:
    """The target is asked for whatever the user is called now."""
    lease_of = claiming._lease

    def current(*args: Any) -> Lease:
        lease = lease_of(*args)
        username = User.objects.filter(uuid=lease.object_id).values_list("username", flat=True).first()
        if not username:
            return lease
        Record.objects.filter(key=lease.key).update(natural_key=username)
        return replace(lease, natural_key=username)

    claiming._lease = current


def no_attempt() -> None:
    """The request is sent without a word in the log."""
    open_attempts = store.open_attempts

    def silent(calls: list[tuple[Lease, Any]]) -> Mapping[str, OpenedAttempt]:
        attempts = open_attempts(calls)
        for lease, call in calls:
            if call.writes and hash(lease.token) % 2:
                with connection.cursor() as cursor:
                    cursor.execute("DELETE FROM thirdparty_attempt WHERE id = %s", [attempts[lease.key].id])
        return attempts

    store.open_attempts = silent


def stale_read() -> None:
    """The user is read from a cache of some seconds."""
    read = payloads.read
    cached: dict[str, tuple[float, payloads.Desired]] = {}

    def from_cache(target: str, leases: list[Lease]) -> Mapping[str, payloads.Desired]:
        now, fresh = time.monotonic(), read(target, leases)
        for key, goal in fresh.items():
            if now - cached.get(key, (0.0, goal))[0] > 5:
                cached[key] = (now, goal)
        return {key: cached[key][1] for key in fresh}

    payloads.read = from_cache


def acknowledges_the_latest() -> None:
    """What is acknowledged is what is wanted now, not what was sent."""
    settle = settling._settle

    def generous(ended: list[FinishedStep], *args: Any) -> store.Settled:
        latest = dict(
            Record.objects.filter(key__in=[each.lease.key for each in ended]).values_list("key", "generation")
        )
        return settle(
            [replace(each, lease=replace(each.lease, generation=latest[each.lease.key])) for each in ended], *args
        )

    settling._settle = generous
    for name in ("add", "update"):
        _before(name, lambda: time.sleep(_SLOW_SECONDS))


def add_key_forgotten() -> None:
    """Whether an add is unanswered is not remembered."""
    settle = settling._settle

    def amnesiac(ended: list[FinishedStep], *args: Any) -> store.Settled:
        forgotten = [replace(each, settlement=replace(each.settlement, add_key=None)) for each in ended]
        return settle(forgotten, *args)

    settling._settle = amnesiac


def hidden_retry() -> None:
    """The client repeats an unanswered request by itself."""
    ask = LandcloudConnector._ask

    def stubborn(self: LandcloudConnector, call: str, *args: Any) -> object:
        try:
            return ask(self, call, *args)
        except OutcomeUnknown:
            return ask(self, call, *args)

    LandcloudConnector._ask = stubborn


def exists_is_success() -> None:
    """`user_exists` means that all is well: no update follows."""
    linked = Interpreter.linked

    def satisfied(self: Interpreter, remote_id: str, **options: Any) -> StepResult:
        return replace(linked(self, remote_id, **options), acknowledged=True)

    Interpreter.linked = satisfied


def delete_is_best_effort() -> None:
    """A delete that fails is done."""
    delete = LandcloudConnector.delete

    def careless(self: LandcloudConnector, remote_id: str) -> None:
        try:
            delete(self, remote_id)
        except (Transient, OutcomeUnknown):
            return

    LandcloudConnector.delete = careless


def sends_before_commit() -> None:
    """Claim and attempt are rolled back when the worker dies, since the request goes out within the transaction."""
    begin, asked = step.claim_and_plan, calling.call_target
    results: dict[int, FinishedStep] = {}

    def all_in_one(*args: Any, **options: Any) -> list[step.Step]:
        with transaction.atomic():
            steps = begin(*args, **options)
            results.update({each.attempt_id: asked(each) for each in steps})
        return steps

    step.claim_and_plan = all_in_one
    calling.call_target = lambda each: results.pop(each.attempt_id)


def away_is_forgotten() -> None:
    """What a target misses while it is not named is not owed to it."""
    owe, wanted = Intent._owe, Intent.wanted
    here = f"EXISTS (SELECT 1 FROM {TARGETS} h WHERE h.name = {RECORDS}.target AND h.enabled)"

    def only_active(self: Intent, rows: str, where: str, **how: bool) -> str:
        return _replaced(wanted(self, rows, where, **how), "NOT t.retired", "t.enabled")

    def unless_away(self: Intent, prefix: str = "") -> str:
        raised = "generation + 1"
        return _replaced(owe(self, prefix), raised, f"generation + CASE WHEN {here} THEN 1 ELSE 0 END")

    Intent.wanted = only_active
    Intent._owe = unless_away


def waits_for_nobody() -> None:
    """A target that comes does not wait for transactions that began before it."""
    fence.is_anybody_older = lambda _: False


def empty_id_is_ours() -> None:
    """After our own unanswered add, whoever has our username and no external id is ours."""
    is_ours = Interpreter.is_ours

    def trusting(self: Interpreter, found: RemoteRecord) -> bool:
        return is_ours(self, found) or (self.lease.add_key is not None and not found.external_id)

    Interpreter.is_ours = trusting


def username_decides() -> None:
    """A record of ours that has the username of somebody else is theirs, whether they are linked to it or not."""
    whose = settling.whose

    def by_name(ended: FinishedStep) -> FinishedStep:
        lease, result = ended.lease, ended.settlement
        if result.instead is None or not same_external_id(result.external_id, lease.external_id):
            return whose(ended)
        others = Record.objects.filter(target=lease.target, kind=lease.kind).exclude(key=lease.key)
        theirs = others.filter(natural_key=result.natural_key, may_exist=True).exists()
        return replace(ended, settlement=result.instead) if theirs else ended

    settling.whose = by_name


def accepted_whatever_came() -> None:
    """What a person accepts goes over what came while the target was asked."""
    compensation._FACTS = ()


def key_pairs_by_id() -> None:
    """Old and new rows of one statement are the same person where their primary key is the same."""

    def by_id(self: postgresql.Transition, these: str, those: str, columns: Sequence[str]) -> str:
        own, other = (", ".join(f"{side}.{column}" for column in columns) for side in ("c", "p"))
        pairs = f"{these} c JOIN {those} p ON p.id = c.id"
        return f"(SELECT {own} FROM {pairs} WHERE ({own}) IS DISTINCT FROM ({other}))"

    postgresql.Transition._but = by_id


def _replaced(sql: str, old: str, new: str) -> str:
    assert old in sql, "the statement looks different now: mend this bug"
    return sql.replace(old, new)


def _before(name: str, action: Callable[[], None]) -> None:
    call = getattr(LandcloudConnector, name)

    def with_action(self: LandcloudConnector, *args: Any, **options: Any) -> Any:
        action()
        return call(self, *args, **options)

    setattr(LandcloudConnector, name, with_action)

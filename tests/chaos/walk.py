"""A walk: random writes, steps, deaths and restores in one process, one at a time, judged as the chaos run is.

It has what the model leaves out: more than two people, usernames used again and again, ids given out again. A minute holds
hundreds of walks, where the chaos run has a handful of restores. Use it inside a test's transaction.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from tests.chaos.run import trials, verdict, witness
from tests.chaos.run.archive import Restore
from tests.chaos.run.options import World
from tests.chaos.run.side import Side
from thirdparty import protect, store, targets
from thirdparty.capture import backfill
from thirdparty.decide.result import FinishedStep
from thirdparty.models import Attempt, Record, Target
from thirdparty.models.record import EPOCH
from thirdparty.run import calling
from thirdparty.run.results import write_results
from thirdparty.run.step import Step, claim_and_plan
from thirdparty.sandbox.client import SandboxControl
from users.models import User

TARGET = "partner"
_PEOPLE = 4
_STEPS_AT_MOST = 400
_NOT_JUDGED = ("I3", "I5")
"""Two records may live under ids given out again for a while, and nobody but we sends anything."""


@dataclass
class Walk:
    """``quiet``: nothing is sent between a restore and the backfill, as docs/operations.md advises."""

    seed: int
    world: World
    control: Callable[[], SandboxControl]
    quiet: bool
    sandbox: SandboxControl = field(init=False)
    side: Side = field(init=False)
    done: list[str] = field(default_factory=list)
    _under_way: list[Step | FinishedStep] = field(default_factory=list)
    _backup: int | None = None
    _restored: bool = False
    _edition: int = 0

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)
        self.sandbox = self.control()
        party: Any = SimpleNamespace(name=TARGET, world=self.world, control=self.control)
        self.side = Side(party)
        self.side.reuses_ids = self._chance.random() < 0.6

    def broken(self, steps: int) -> list[str]:
        """What was seen broken after so many random steps, a backfill, and all that follows by itself."""
        self._prepare()
        ways = self._ways()
        for _ in range(steps):
            (way,) = self._chance.choices(list(ways), list(ways.values()))
            self.done.append(f"{way.__name__} {way() or ''}")
        self._mood("well")
        if self.quiet and self._restored:
            while self._under_way:
                self._die()
        self._owe_everything()
        return self._judged(self._converged())

    def _prepare(self) -> None:
        User.objects.all().delete()
        Attempt.objects.all().delete()
        Record.objects.all().delete()
        Target.objects.update(backfill=False)
        witness.forget()
        self.sandbox.reset()
        self._mood("well")
        for _ in range(3):
            self._create()
        self._rest()
        self._back_up()

    def _ways(self) -> dict[Callable[[], str | None], int]:
        return {
            self._create: 4,
            self._edit: 4,
            self._toggle: 2,
            self._delete: 3,
            self._recreate: 4,
            self._new_uuid: 1,
            self._change_mood: 2,
            self._claim: 8,
            self._go_on: 16,
            self._die: 2,
            self._rest: 5,
            self._back_up: 2,
            self._restore: 3,
            self._owe_everything: 1,
        }

    # -- what people do -------------------------------------------------------------------

    def _email(self) -> str:
        self._edition += 1
        return f"e{self._edition}@example.com"

    def _somebody(self) -> User | None:
        users = list(User.objects.order_by("pk"))
        return self._chance.choice(users) if users else None

    def _uuid(self) -> UUID:
        # Of the walk's own chance: rows are locked and claimed in the order of their keys.
        return UUID(int=self._chance.getrandbits(128), version=4)

    def _new(self, phone: str) -> str:
        values = {"uuid": self._uuid(), "name": "Ann", "phone": phone, "email": self._email(), "password": "!"}
        return User.objects.create(**values).username

    def _create(self) -> str | None:
        if User.objects.count() >= _PEOPLE:
            return None
        return self._new(f"138{self._chance.randint(1, _PEOPLE):08d}")

    def _change(self, **values: Any) -> str | None:
        user = self._somebody()
        if user is None:
            return None
        User.objects.filter(pk=user.pk).update(email=self._email(), **values)
        return user.username

    def _edit(self) -> str | None:
        return self._change()

    def _toggle(self) -> str | None:
        return self._change(is_active=self._chance.random() < 0.5)

    def _new_uuid(self) -> str | None:
        return self._change(uuid=self._uuid())

    def _delete(self) -> str | None:
        user = self._somebody()
        if user is None:
            return None
        User.objects.filter(pk=user.pk).delete()
        return user.username

    def _recreate(self) -> str | None:
        user = self._somebody()
        if user is None:
            return None
        User.objects.filter(pk=user.pk).delete()
        return self._new(user.phone)

    # -- what workers do ------------------------------------------------------------------

    @property
    def _may_send(self) -> bool:
        return not (self.quiet and self._restored)

    def _claim(self) -> str | None:
        due = Record.objects.filter(due_at__isnull=False).exclude(leased_until__gt=EPOCH)
        keys = list(due.order_by("key").values_list("key", flat=True))
        if not keys or not self._may_send:
            return None
        key = self._chance.choice(keys)
        # Nobody waits for a backoff or a pause of the target here; for a window, yes.
        Record.objects.filter(key=key, unknown_until=None).update(due_at=EPOCH)
        protect.revive(TARGET)
        Target.objects.update(blocked_until=None)
        admission = protect.admit(TARGET, patience_seconds=0, has_work=lambda: True)
        if not admission.granted:
            return "not granted"
        steps = claim_and_plan(targets.config(TARGET), admission, lambda terms: store.claim([key], terms))
        protect.give_back(TARGET, admission, made=0)
        self._under_way += steps
        return ", ".join(f"{each.lease.key[-4:]} {each.call}" for each in steps)

    def _go_on(self) -> str | None:
        if not self._under_way:
            return self._claim()
        at = self._chance.randrange(len(self._under_way))
        step = self._under_way[at]
        if isinstance(step, FinishedStep):
            self._under_way.pop(at)
            write_results(targets.config(TARGET), [step], grace_seconds=0)
            return f"settled {step.lease.key[-4:]} {step.settlement.outcome} {step.settlement.reason}"
        if not self._may_send:
            return None
        self._under_way[at] = calling.call_target(step)
        return f"asked {step.lease.key[-4:]} {step.call}"

    def _die(self) -> str | None:
        if not self._under_way:
            return None
        lease = self._under_way.pop(self._chance.randrange(len(self._under_way))).lease
        Record.objects.filter(lease_token=lease.token).update(leased_until=EPOCH, due_at=EPOCH)
        return lease.key[-4:]

    def _rest(self) -> None:
        for _ in range(self._chance.randint(2, 60)):
            if not self._claim() and not self._under_way:
                return
            self._go_on()
            self._go_on()

    # -- what the third party does --------------------------------------------------------

    def _change_mood(self) -> str:
        return self._mood(self._chance.choice(("well", "well", "lost", "cut")))

    def _mood(self, mood: str) -> str:
        rates = {"well": {}, "lost": {"apply_then_cut": 0.5}, "cut": {"cut": 0.5}}[mood]
        self.sandbox.faults(
            capabilities=list(self.world.capabilities),
            unique_usernames=self.world.unique_usernames,
            reuse_ids=self.side.reuses_ids,
            seed=self._chance.randrange(2**32),
            **rates,
        )
        return mood

    def _last(self) -> int:
        entries = self.sandbox.ledger()
        return int(entries[-1]["seq"]) if entries else 0

    def _back_up(self) -> None:
        if not self._restored:
            self._backup = self._last()
            self.sandbox.backup()

    def _restore(self) -> str | None:
        if self._backup is None or self._restored:
            return None
        seq = self._last()
        self.sandbox.restore()
        self.side.archive.restores.append(Restore(self._backup, seq, time.time()))
        self._restored = True
        return "restored"

    def _owe_everything(self) -> str | None:
        if not self._restored:
            return None
        list(backfill.steps(TARGET))
        self._restored = False
        return "owed"

    # -- what came of it ------------------------------------------------------------------

    def _converged(self) -> verdict.Convergence:
        sides = {TARGET: self.side}
        for _ in range(_STEPS_AT_MOST):
            if not verdict.still_moving(sides):
                break
            if not self._claim() and not self._under_way:
                time.sleep(0.01)
            while self._under_way:
                self._go_on()
        left = [f"{row.key} is {row.state} {row.parked} {row.last_error}" for row in verdict.still_moving(sides)]
        return verdict.Convergence(0.0, left, Counter())

    def _judged(self, convergence: verdict.Convergence) -> list[str]:
        options: Any = SimpleNamespace(troubles=(), window_seconds=60.0)
        judged = verdict.judge(
            options, {TARGET: self.side}, {TARGET: self.side.ledger()}, convergence, complaints={}, freezes=[]
        )
        broken = [
            f"{name}: {line}" for name, lines in judged.broken.items() if name not in _NOT_JUDGED for line in lines
        ]
        return broken if judged.comparison.equal else [*broken, str(judged.comparison)]


def begin() -> None:
    """Have the run's witness watch. Once, in the test's transaction."""
    witness.install()
    trials.install()

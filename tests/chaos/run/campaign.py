"""One run from the first write to the verdict."""

from __future__ import annotations

import json
import time
from collections import Counter
from itertools import chain, islice
from pathlib import Path
from uuid import UUID

from django.db import Error, connection

from syncproject.demo.comparison import Comparison
from tests.chaos.run import figures, textbook, trace, verdict, witness
from tests.chaos.run.adversary import Adversary
from tests.chaos.run.clients import Admin, Api, create_account
from tests.chaos.run.ledger import Ledger
from tests.chaos.run.options import POPULATION, Options
from tests.chaos.run.population import Population, settle_in
from tests.chaos.run.system import System
from tests.chaos.run.tally import Tally
from tests.chaos.run.voice import Voice
from tests.chaos.run.writers import Writer
from thirdparty.sandbox.client import SandboxControl
from users.models import User, UserSync

_WRITERS = 3
_PROGRESS_SECONDS = 5.0
_SHOWN = 5
_TRACED = 40


class Campaign:
    """Writes and strikes for the stated time, heals, waits, judges, and prints the figures last."""

    def __init__(self, options: Options, system: System, folder: Path, say: Voice) -> None:
        self._options = options
        self._system = system
        self._folder = folder
        self._say = say
        self._tally = Tally()
        self._control = SandboxControl(system.stack.url("sandbox control"))

    def run(self) -> bool:
        """Whether every promise was kept and the run was hard enough."""
        writers = self._prepare()
        adversary = Adversary(self._options, self._system, self._say)
        for thread in (*writers, adversary):
            thread.start()
        self._watch(adversary)
        for thread in (*writers, adversary):
            thread.stopped.set()
        for thread in (*writers, adversary):
            thread.join(60)
        if adversary.failure is not None:
            raise adversary.failure
        connection.close()
        adversary.heal()
        self._say("healed: nothing is killed or frozen any more, the third party is well")
        return self._conclude_baseline(adversary) if self._options.baseline else self._conclude(adversary)

    def _prepare(self) -> list[Writer]:
        if not self._options.baseline:
            witness.install()
        population = Population()
        account = create_account()
        settle_in(POPULATION * 2 // 3, population)
        web = self._system.stack.url("web")
        return [
            Writer(
                self._options.random(f"writer {number}"),
                population,
                self._tally,
                api=Api(web, account),
                admin=Admin(web, account),
                per_second=self._options.writes / self._options.seconds / _WRITERS,
                signals_only=self._options.signals_only,
                check_owed=not self._options.baseline,
            )
            for number in range(_WRITERS)
        ]

    def _watch(self, adversary: Adversary) -> None:
        ends = time.monotonic() + self._options.seconds
        while (left := ends - time.monotonic()) > 0 and adversary.is_alive():
            time.sleep(min(left, _PROGRESS_SECONDS))
            self._say(
                f"{self._tally.operations.total()} writes; records: {figures.summed(_states())}; "
                f"kills: {figures.summed(adversary.record.kills)}"
            )

    def _conclude(self, adversary: Adversary) -> bool:
        options, record = self._options, adversary.record
        convergence = verdict.converge(options, self._control, self._say)
        comparison = verdict.compared(self._control, verdict.frozen_usernames())
        ledger = Ledger(self._control.ledger())
        judged = verdict.judge(
            options,
            ledger,
            comparison,
            convergence,
            unrecorded=self._tally.unrecorded,
            freezes=record.worker_freezes,
        )
        self._report(judged, ledger)
        late = self._control.stats()["late"]["done"]
        counted = figures.figures(options, self._tally, record, judged, late)
        self._say("ok" if counted["ok"] else "too mild" if counted["mild"] else "NOT OK")
        self._say.figures(counted)
        return bool(counted["ok"])

    def _conclude_baseline(self, adversary: Adversary) -> bool:
        seconds = textbook.converge(self._control, self._say)
        comparison = textbook.compare(self._control)
        ledger = Ledger(self._control.ledger())
        told = {
            "late": self._control.stats()["late"]["done"],
            "doubled_ever": len(ledger.doubled_ever()),
            "converge_seconds": round(seconds, 1),
        }
        self._report_difference(comparison)
        counted = figures.baseline_figures(self._options, self._tally, adversary.record, comparison, told)
        self._say.figures(counted)
        return bool(counted["ok"])

    def _report(self, judged: verdict.Verdict, ledger: Ledger) -> None:
        self._say(f"writes that failed: {figures.summed(self._tally.failures, 20)}")
        (self._folder / "failures.txt").write_text("\n".join(self._tally.first_failures.values()))
        for name, complaints in {**judged.broken, "void": judged.void}.items():
            for complaint in complaints[:_SHOWN]:
                self._say(f"{name} BROKEN: {complaint}")
        self._report_difference(judged.comparison)
        if not judged.comparison.equal or judged.void or any(judged.broken.values()):
            lines = trace.traces(_concerned(judged)[:_TRACED], ledger)
            (self._folder / "trace.txt").write_text("\n".join(lines))
            (self._folder / "ledger.json").write_text(json.dumps(ledger.entries))

    def _report_difference(self, comparison: Comparison) -> None:
        if not comparison.equal:
            self._say(f"lost {comparison.lost[:_SHOWN]}, doubled {comparison.doubled[:_SHOWN]}")
            self._say(f"differing {dict(islice(comparison.differing.items(), _SHOWN))}")
            self._say(f"extra {comparison.left_over[:_SHOWN]}")


def _concerned(judged: verdict.Verdict) -> list[str]:
    """External ids of the records to trace."""
    comparison = judged.comparison
    usernames = [*comparison.lost, *comparison.doubled, *comparison.differing, *comparison.left_over]
    rows = UserSync.objects.filter(remote_username__in=usernames).values_list("user_uuid", flat=True)
    users = User.objects.filter(username__in=usernames).values_list("uuid", flat=True)
    complaints = chain.from_iterable([*judged.broken.values(), judged.void])
    named = [_named(complaint) for complaint in complaints]
    return list(dict.fromkeys([*map(str, rows), *map(str, users), *filter(None, named)]))


def _named(complaint: str) -> str:
    """The external id that a complaint or a row's key begins with."""
    word = complaint.split(maxsplit=1)[0].removeprefix("partner:").rstrip(":")
    try:
        return str(UUID(word))
    except ValueError:
        return ""


def _states() -> Counter[str]:
    try:
        return Counter(UserSync.objects.values_list("state", flat=True))
    except Error:
        connection.close()
        return Counter()

"""One run from the first write to the verdict."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Collection, Mapping
from itertools import chain, islice
from pathlib import Path
from uuid import UUID

import requests
from django.db import Error, connection

from syncproject.demo.comparison import Comparison
from tests.chaos.run import database_clock, figures, hardness, textbook, trace, trials, verdict, witness
from tests.chaos.run.adversary import Adversary
from tests.chaos.run.clients import Admin, Api, create_account
from tests.chaos.run.gate import Gate
from tests.chaos.run.hardness import Hits
from tests.chaos.run.ledger import Ledger
from tests.chaos.run.options import POPULATION, TARGETS, Options
from tests.chaos.run.population import Population, settle_in
from tests.chaos.run.side import Side
from tests.chaos.run.strangers import planted
from tests.chaos.run.system import System
from tests.chaos.run.tally import Tally
from tests.chaos.run.troubles.actors import actors
from tests.chaos.run.troubles.trouble import Stage, Trouble
from tests.chaos.run.voice import Voice
from tests.chaos.run.writers import Writer
from thirdparty.models import Attempt, Record
from users.models import User

_WRITERS = 3
_PROGRESS_SECONDS = 5.0
_LAST_DEED_SECONDS = 300.0
"""What somebody is at when the chaos ends is brought to its end: commands of an operator take long on a busy machine."""
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
        self._gate = Gate()
        self._sides = {name: Side(party) for name, party in system.third_parties.items()}
        self._stage: Stage | None = None
        self._actors: list[Trouble] = []
        self._lasted_seconds = 0.0

    def run(self) -> bool:
        """Whether every promise was kept and the run was hard enough."""
        adversary = Adversary(self._options, self._system, self._say)
        writers = self._prepare(adversary)
        troubles = self._actors
        threads = (*writers, *troubles, adversary)
        for thread in threads:
            thread.start()
        self._watch(adversary)
        for thread in threads:
            thread.stopped.set()
        _await_end(threads)
        if adversary.failure is not None:
            raise adversary.failure
        connection.close()
        self._heal(adversary)
        for trouble in troubles:
            trouble.end()
        self._heal(adversary)
        for trouble in troubles:
            trouble.end_last()
        self._say("healed: nothing is killed or frozen any more, the third parties are well")
        return self._conclude_baseline(adversary) if self._options.baseline else self._conclude(adversary)

    def _heal(self, adversary: Adversary) -> None:
        try:
            adversary.heal()
        except TimeoutError as late:
            self._tally.complain("I7", str(late))

    def _prepare(self, adversary: Adversary) -> list[Writer]:
        options = self._options
        if not options.baseline:
            clock = database_clock.REAL if "clocks" in options.troubles else "clock_timestamp()"
            witness.install(clock)
            trials.install(clock)
        # Whoever cannot be asked whose a record is gets neither: there such mix-ups cannot be seen (docs/guarantees.md).
        for side in (side for side in self._sides.values() if side.party.world.offers_query):
            if "strangers" in options.troubles:
                side.strangers = planted(side.control, options.random(f"strangers of {side.name}"))
            if "ids" in options.troubles:
                side.reuses_ids = True
                side.control.faults(reuse_ids=True)
        population = Population()
        account = create_account()
        settle_in(POPULATION * 2 // 3, population, options.targets)
        web = self._system.stack.url("web")
        stage = Stage(
            options,
            self._system,
            self._sides,
            population,
            self._tally,
            self._gate,
            account,
            self._folder,
            self._say,
            aloof=adversary.record.worker_freezes,
        )
        self._stage = stage
        writers = [
            Writer(
                self._options.random(f"writer {number}"),
                population,
                self._tally,
                api=Api(web, account),
                admin=Admin(web, account),
                per_second=self._options.writes / self._options.seconds / _WRITERS,
                roster=self._system.roster,
                gate=self._gate,
                signals_only=self._options.signals_only,
                changes_keys="keys" in options.troubles,
                check_owed=not self._options.baseline,
            )
            for number in range(_WRITERS)
        ]
        self._actors = actors(stage)
        return writers

    def _watch(self, adversary: Adversary) -> None:
        """For as long as was asked, and on until the run was hard enough, though not for ever."""
        began, asked = time.monotonic(), self._options.seconds
        while adversary.is_alive() and self._goes_on(time.monotonic() - began, adversary):
            left = began + asked - time.monotonic()
            time.sleep(min(left, _PROGRESS_SECONDS) if left > 0 else _PROGRESS_SECONDS)
            self._say(
                f"{self._tally.operations.total()} writes; records: {figures.summed(_states())}; "
                f"kills: {figures.summed(adversary.record.kills)}"
            )
        self._lasted_seconds = time.monotonic() - began

    def _goes_on(self, lasted_seconds: float, adversary: Adversary) -> bool:
        asked = self._options.seconds
        if lasted_seconds < asked or self._options.baseline:
            return lasted_seconds < asked
        if lasted_seconds >= asked * hardness.AT_MOST:
            return False
        try:
            few = hardness.too_few(self._options, self._hits(adversary))
        except (Error, requests.RequestException):
            connection.close()
            return True  # database or third party is down at the moment
        if few:
            self._say(f"goes on: too few {', '.join(few)}")
        return bool(few)

    def _hits(self, adversary: Adversary) -> Hits:
        assert self._stage is not None
        unknown = Counter(Attempt.objects.filter(outcome="unknown").values_list("record__target", flat=True))
        gone = {name: side.attempts_dropped for name, side in self._sides.items()}
        return Hits(
            writes=self._tally.operations.total(),
            takeovers=Attempt.objects.filter(reason="lease_expired").count()
            + sum(n["takeovers"] for n in gone.values()),
            unknown=unknown + Counter({name: dropped["unknown"] for name, dropped in gone.items()}),
            late=sum(side.control.stats()["late"]["done"] for side in self._sides.values()),
            in_flight_kills=adversary.record.in_flight_kills.total(),
            troubles=self._troubles(self._stage),
        )

    def _conclude(self, adversary: Adversary) -> bool:
        options, record, stage = self._options, adversary.record, self._stage
        assert stage is not None
        # A worker may end by itself a while after its broker was killed (docs/operations.md).
        convergence = verdict.converge(options, self._sides, self._say, tend=adversary.tend_all)
        ledgers = {name: side.ledger() for name, side in self._sides.items()}
        judged = verdict.judge(
            options,
            self._sides,
            ledgers,
            convergence,
            complaints=self._tally.complaints,
            freezes=record.worker_freezes,
            candidates=stage.candidates,
        )
        self._report(judged, ledgers)
        counted = figures.figures(options, self._tally, record, judged, self._hits(adversary), self._lasted_seconds)
        self._say("ok" if counted["ok"] else "too mild" if counted["mild"] else "NOT OK")
        self._say.figures(counted)
        return bool(counted["ok"])

    def _conclude_baseline(self, adversary: Adversary) -> bool:
        side = self._sides[TARGETS[0]]
        seconds = textbook.converge(side.control, self._say)
        comparison = textbook.compare(side.control)
        ledger = side.ledger()
        told = {
            "late": side.control.stats()["late"]["done"],
            "doubled_ever": len(ledger.doubled_ever()),
            "converge_seconds": round(seconds, 1),
        }
        self._report_difference(comparison)
        counted = figures.baseline_figures(self._options, self._tally, adversary.record, comparison, told)
        self._say.figures(counted)
        return bool(counted["ok"])

    def _report(self, judged: verdict.Verdict, ledgers: Mapping[str, Ledger]) -> None:
        self._say(f"writes that failed: {figures.summed(self._tally.failures, 20)}")
        (self._folder / "failures.txt").write_text("\n".join(self._tally.first_failures.values()))
        for name, complaints in {**judged.broken, "void": judged.void}.items():
            for complaint in complaints[:_SHOWN]:
                self._say(f"{name} BROKEN: {complaint}")
        self._report_difference(judged.comparison)
        if not judged.comparison.equal or judged.void or any(judged.broken.values()):
            (self._folder / "trace.txt").write_text("\n".join(trace.traces(_concerned(judged)[:_TRACED], ledgers)))
            for name, ledger in ledgers.items():
                (self._folder / f"ledger-{name}.json").write_text(json.dumps(ledger.entries))

    def _report_difference(self, comparison: Comparison) -> None:
        if not comparison.equal:
            self._say(f"lost {comparison.lost[:_SHOWN]}, doubled {comparison.doubled[:_SHOWN]}")
            self._say(f"differing {dict(islice(comparison.differing.items(), _SHOWN))}")
            self._say(f"extra {comparison.left_over[:_SHOWN]}")

    def _troubles(self, stage: Stage) -> dict[str, Counter[str]]:
        """What was done of each kind of trouble that this run could have."""
        done = {trouble.kind: stage.done[trouble.kind] for trouble in self._actors}
        askable = [side for side in self._sides.values() if side.party.world.offers_query]
        if "strangers" in self._options.troubles and askable:
            done["strangers"] = Counter(planted=sum(len(side.strangers.records) for side in askable))
        if "ids" in self._options.troubles and askable:
            done["ids"] = Counter(used_again=sum(side.ledger().used_again() for side in askable))
        if "keys" in self._options.troubles:
            done["keys"] = Counter({w: n for w, n in self._tally.operations.items() if w.startswith("sql_new_")})
        return done


def _concerned(judged: verdict.Verdict) -> list[tuple[str, str]]:
    """Targets and external ids of the records to trace."""
    comparison = judged.comparison
    found: list[tuple[str, str]] = []
    for named in (*comparison.lost, *comparison.doubled, *comparison.differing, *comparison.left_over):
        target, _, username = named.partition("/")
        rows = Record.objects.filter(target=target, natural_key=username).values_list("object_id", flat=True)
        users = User.objects.filter(username=username).values_list("uuid", flat=True)
        found += [(target, str(UUID(str(uuid)))) for uuid in (*rows, *users)]
    complaints = chain.from_iterable([*judged.broken.values(), judged.void])
    found += filter(None, (_named(complaint) for complaint in complaints))
    return list(dict.fromkeys(found))


def _named(complaint: str) -> tuple[str, str] | None:
    """The target and the external id that a complaint or a row's key begins with."""
    target, _, rest = complaint.partition(":")
    try:
        return target, str(UUID(rest.split(maxsplit=1)[0].rstrip(":").rpartition(":")[2]))
    except (ValueError, IndexError):
        return None


def _await_end(threads: Collection[threading.Thread]) -> None:
    """Return once nobody acts any more. Raises `TimeoutError`: whoever goes on would act on what is judged."""
    deadline = time.monotonic() + _LAST_DEED_SECONDS
    for thread in threads:
        thread.join(max(deadline - time.monotonic(), 0))
    if acting := [thread.name for thread in threads if thread.is_alive()]:
        raise TimeoutError(f"still at it {_LAST_DEED_SECONDS:g} s after the end: {', '.join(acting)}")


def _states() -> Counter[str]:
    try:
        return Counter(Record.objects.values_list("state", flat=True))
    except Error:
        connection.close()
        return Counter()

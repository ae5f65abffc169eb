"""What the demo does to the system, and what the system does about it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from typing import Any

from syncproject.demo.comparison import Comparison, compare
from syncproject.demo.people import ROLE_IDS, people
from syncproject.demo.stack import OPERATOR, TARGET
from syncproject.demo.stage import Stage

CROWD = 200
_LATENCY_SECONDS = 1.2
_SLIPPED = 70
_SLIP = (
    "from users.models import User; "
    f"User.objects.filter(pk__in=list(User.objects.filter(is_superuser=False, is_active=True).values_list('pk', flat=True)[:{_SLIPPED}])).delete()"
)


class Story:
    """Seven chapters and their end, told on a stage with every part running, which they still do afterwards."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.stack, self.api, self.say = stage.stack, stage.api, stage.screen.say
        self._newcomers = people()
        self._uuids: list[str] = []

    def tell(self) -> Comparison:
        """The whole story; returns how both sides compare in the end.

        Raises `LateError`, `ProcessError` when a part dies by itself, `requests.RequestException`.
        """
        chapters = (
            (f"{CROWD} people are created through the API", self.people_arrive),
            ("The third party goes down; the edits go on", self.third_party_goes_down),
            ("The third party comes back", self.third_party_comes_back),
            ("A worker is killed with kill -9 in the middle of its calls", self.worker_is_killed),
            ("The broker is killed and comes back empty; the edits go on", self.broker_is_wiped),
            ("Somebody changes records at the third party, behind our back", self.third_party_drifts),
            ("A slip deletes a third of all people in one statement", self.many_are_deleted),
        )
        for number, (title, chapter) in enumerate(chapters, start=1):
            self.stage.screen.chapter(f"{number}. {title}")
            chapter()
        return compare(self.api.users(), self.stack.sandbox.users(), role_ids=ROLE_IDS)

    def people_arrive(self) -> None:
        self._create(CROWD)
        self.say("all of them are saved; the third party follows")
        self.stage.until_settled()
        self.say("the third party has them all")

    def third_party_goes_down(self) -> None:
        self.stack.sandbox.faults(refuse=1)
        edited, moved, deactivated, deleted = self._groups(30, 10, 5, 5)
        for digit in "789":
            self._do([partial(self.api.change, uuid, phone=f"13{digit}{n:08d}") for n, uuid in enumerate(edited)])
        self._do([partial(self.api.change, uuid, groups=["Support", "Warehouse"]) for uuid in moved])
        self._do([partial(self.api.change, uuid, is_active=False) for uuid in deactivated])
        self._do([partial(self.api.delete, uuid) for uuid in deleted])
        self._create(10)
        self.say("saved at once: 30 people edited three times, 10 moved, 5 deactivated, 5 deleted, 10 new")
        for _ in range(4):
            self.stage.pause(2.0)
            self._explain(edited[0])

    def third_party_comes_back(self) -> None:
        before = self._effects()
        self.stack.sandbox.heal()
        self.stage.until_settled()
        self.say(f"level again: 120 changes of 60 people took {self._effects() - before} calls, the latest state only")

    def worker_is_killed(self) -> None:
        worker = self.stack.process["worker"]
        self.stack.sandbox.faults(latency_seconds=_LATENCY_SECONDS)
        self._create(12)
        (edited,) = self._groups(12)
        self._do([partial(self.api.change, uuid, name=f"王{n}") for n, uuid in enumerate(edited)])
        self.stage.until(self._all_slots_in_flight, "calls to be under way")
        worker.kill()
        victims = self.api.users(sync_state="in_flight")
        self.say(f"killed while {len(victims)} calls were unanswered; the third party carries them out all the same")
        self.stack.sandbox.heal()
        self.stack.start("worker")
        lease = self.stack.env["SYNC_LEASE_SECONDS"]
        self.say(f"a new worker does the rest; the {len(victims)} stay leased for {lease} s, lest two push at once")
        self._explain(victims[0]["uuid"])
        self.stage.until_settled()
        self.say("read back from the third party and brought level")

    def broker_is_wiped(self) -> None:
        # Celery's own parts do not always survive the loss of their broker; what they were doing stays leased.
        self.stage.supervised = frozenset({"worker", "beat", "flower"})
        broker = self.stack.process["broker"]
        early, late = self._groups(30, 60)
        edits = self.stage.begin(self._timed(uuid, email=f"early.{uuid[:8]}@example.com") for uuid in early)
        self.stage.until(edits[0].done, "the first edit")
        broker.kill()
        edits += self.stage.begin(self._timed(uuid, groups=["Sales", "Warehouse"]) for uuid in late)
        slowest_seconds = max(self.stage.finish(edits))
        self.say(f"90 edits, the broker dead since the first; the slowest save took {slowest_seconds:.2f} s")
        self.stack.start("broker")
        self.say("the broker is back and knows nothing; the database knows what is owed")
        self.stage.until_settled()
        self.say("level again")

    def third_party_drifts(self) -> None:
        *edited, removed = self.stack.sandbox.users()[:4]
        for record in edited:
            self.stack.sandbox.edit(record["userId"], phone="000")
        self.stack.sandbox.delete(removed["userId"])
        self.say("3 records edited and 1 deleted there; every row here says synced")
        found = self._audit()
        self.say(f"the audit asked the third party, in {found['calls']} calls: {_named(found)}")
        self._audit("--apply")
        self.stage.until_settled()
        self.say(f"mended; looked at again: {_named(self._audit())}")

    def many_are_deleted(self) -> None:
        before = len(self.stack.sandbox.users())
        self.stack.manage("shell", "--verbosity", "0", "--command", _SLIP)
        self._create(1)
        self.stage.until(lambda: self.api.states()["held"] >= _SLIPPED, "the brake to hold them")
        self.stage.until(lambda: not self.api.states()["pending"], "everything else to go on")
        there = len(self.stack.sandbox.users())
        self.say(
            f"the brake holds {_SLIPPED} deletions; the third party had {before} records and has {there}: one is new"
        )
        plan = json.loads(self.stack.manage("sync", "release", TARGET, "--plan", "--json"))
        self.say(f"why it is on: {plan['reason']}")
        reason = "they have left, all of them"
        self.stack.manage("sync", "release", TARGET, "--by", OPERATOR, "--reason", reason)
        self.stage.until_settled()
        self.say(f"a person has looked, and released them: {len(self.stack.sandbox.users())} records")

    def _audit(self, *options: str) -> dict[str, Any]:
        """What a new audit of the people at the third party found, once it has finished."""
        (found,) = json.loads(self.stack.manage("sync", "audit", "--target", TARGET, "--json", *options))
        return dict(found)

    def _create(self, number: int) -> None:
        made = self._do([partial(self.api.create, person) for person in islice(self._newcomers, number)])
        self._uuids += [user["uuid"] for user in made]

    def _do(self, calls: Sequence[Callable[[], Any]]) -> list[Any]:
        return self.stage.finish(self.stage.begin(calls))

    def _groups(self, *sizes: int) -> list[list[str]]:
        """People who appear in no later chapter, in groups of these sizes."""
        groups = []
        for size in sizes:
            groups.append(self._uuids[:size])
            del self._uuids[:size]
        return groups

    def _timed(self, uuid: str, **fields: Any) -> Callable[[], float]:
        def change() -> float:
            began = time.monotonic()
            self.api.change(uuid, **fields)
            return time.monotonic() - began

        return change

    def _effects(self) -> int:
        return sum(self.stack.sandbox.stats()["effects"].values())

    def _all_slots_in_flight(self) -> bool:
        return bool(self.stack.sandbox.stats()["in_flight"] >= self.stack.concurrency)

    def _explain(self, uuid: str) -> None:
        """Say of one record what the API says of it."""
        record = self.api.explanation(uuid)
        words = [f"{record['natural_key']}: {record['state']}", *record["blocked_by"]]
        if record["failed_tries"]:
            words.append(f"{record['failed_tries']} failed tries, the last: {record['last_error']}")
        if record["next_try_at"]:
            wait = datetime.fromisoformat(record["next_try_at"]) - datetime.now(UTC)
            words.append(f"next look in {max(0.0, wait.total_seconds()):.1f} s at the latest")
        self.say("; ".join(words))


def _named(audit: Mapping[str, Any]) -> str:
    """What it found, in words."""
    return ", ".join(f"{count} {verdict.replace('_', ' ')}" for verdict, count in audit["counts"].items() if count)

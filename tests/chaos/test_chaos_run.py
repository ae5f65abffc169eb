"""The short form of the chaos run, on embedded parts; and that its checker sees what is broken."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest

from syncproject.demo.stack import ROOT
from tests.chaos.run.ledger import Ledger
from tests.chaos.run.promises import (
    Attempt,
    History,
    acknowledged_unapplied,
    content_before_its_version,
    histories,
    in_flight_together,
    later_than_promised,
    sent_unannounced,
)
from tests.chaos.run.tally import Tally
from tests.chaos.run.witness import Content, Evidence, Generation

SEED = os.environ.get("CHAOS_SEED", "7")
SOMEBODY = "0d9cf5a8-93c2-4b3e-9b12-6a3bd3c7a001"
ANN = Content("Ann", "1", "", ())
BEA = Content("Bea", "1", "", ())


def test_every_seeded_bug_still_fits_the_product() -> None:
    env = {
        "PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "syncproject.settings", "DJANGO_SECRET_KEY": "x",
        "DATABASE_URL": "sqlite:////tmp/none.sqlite3", "SYNC_TARGETS": "",
    }  # fmt: skip
    command = [sys.executable, "-m", "tests.chaos.run.seeded.fitting"]
    ended = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=120)
    assert (ended.returncode, ended.stdout) == (0, ""), ended.stderr


@pytest.mark.timeout(600)
def test_no_promise_breaks_in_a_short_run_of_chaos() -> None:
    options = ["--seconds", "20", "--seed", SEED, "--targets", "2"]
    command = [sys.executable, "-m", "tests.chaos.run", *options]
    env = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    ended = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=540)
    assert ended.stdout, ended.stderr
    figures = json.loads(ended.stdout.splitlines()[-1])
    assert figures["ok"], f"{ended.stdout}\n{ended.stderr}"
    assert ended.returncode == 0


def request(seq: int, at: float, call: str = "update", **entry: Any) -> dict[str, Any]:
    defaults = {"external_id": SOMEBODY, "user_id": "r1", "answered_at": at + 0.1, "idempotency_key": None}
    return {"seq": seq, "kind": "request", "call": call, "at": at, "fault": None, **defaults, **entry}


def effect(seq: int, at: float, user_id: str = "r1", kind: str = "updated", content: Content = ANN) -> dict[str, Any]:
    record = {"name": content.name, "phone": content.phone, "email": content.email, "roleIds": list(content.roles)}
    known = {"external_id": SOMEBODY, "user_id": user_id, "request": seq - 1, "version": None, "record": record}
    return {"seq": seq, "kind": "effect", "effect": kind, "at": at, **known}


def attempt(number: int, started: float, finished: float, *, reason: str = "") -> Attempt:
    return Attempt(number, "update", "", "ok", reason, started, finished)


def history(*entries: dict[str, Any], attempts: tuple[Attempt, ...] = (), seen: Evidence | None = None) -> History:
    ledger = Ledger(entries)
    return History(SOMEBODY, attempts, seen or Evidence(), ledger.writes[SOMEBODY], ledger.effects[SOMEBODY])


def test_two_records_at_one_time_are_seen_even_if_one_is_removed_later() -> None:
    entries = [effect(2, 1.0, kind="created"), effect(4, 2.0, "r2", "created"), effect(6, 3.0, "r2", "deleted")]
    assert Ledger(entries).doubled_ever() == [SOMEBODY]
    assert not Ledger([entries[0], effect(3, 1.5, kind="deleted"), entries[1]]).doubled_ever()


@pytest.mark.parametrize(("applied", "broken"), [(BEA, False), (ANN, True)])
def test_an_acknowledged_generation_has_to_have_been_applied(applied: Content, *, broken: bool) -> None:
    seen = Evidence([Generation(1, 0.5, ANN), Generation(2, 0.7, BEA)], acknowledged=[(2, 2.0)])
    assert bool(list(acknowledged_unapplied(history(effect(2, 1.0, content=applied), seen=seen)))) == broken


@pytest.mark.parametrize(("known", "broken"), [("", False), (SOMEBODY, True)], ids=["the third party's own", "ours"])
@pytest.mark.parametrize("was_here", [False, True])
def test_what_a_refused_strict_write_took_over_may_stay_where_only_a_record_of_ours_has_to_go(
    known: str, *, broken: bool, was_here: bool
) -> None:
    entries = [effect(2, 1.0, kind="created") | {"external_id": known}, effect(4, 2.0)]
    first = Generation(1, 0.5, ANN if was_here else None)
    seen = Evidence([first, Generation(2, 2.5, None)], acknowledged=[(2, 3.0)])
    assert bool(list(acknowledged_unapplied(history(*entries, seen=seen)))) == (broken or was_here)


@pytest.mark.parametrize(
    ("role", "broken"), [("staff-4", True), ("staff-5", False), ("staff-6", False), ("guest-6", True)]
)
def test_what_is_applied_as_a_version_may_be_newer_in_its_roles_but_never_older(role: str, *, broken: bool) -> None:
    seen = Evidence([Generation(1, 0.5, replace(ANN, roles=("staff-5",)))])
    applied = effect(2, 1.0, content=replace(ANN, roles=(role,))) | {"version": 1}
    assert bool(list(content_before_its_version(history(applied, seen=seen)))) == broken


@pytest.mark.parametrize(
    ("fields", "roles", "broken"), [(1, 3, False), (3, 1, False), (0, 3, True), (3, 0, True)], ids=str
)
def test_a_person_and_the_groups_may_be_of_two_generations_and_neither_of_one_before_the_version(
    fields: int, roles: int, *, broken: bool
) -> None:
    contents = [replace(ANN, email=f"{number}@x", roles=(f"role{number}-1",)) for number in range(4)]
    seen = Evidence([Generation(number, 0.1 * number, content) for number, content in enumerate(contents)])
    applied = effect(2, 1.0, content=replace(contents[fields], roles=contents[roles].roles)) | {"version": 1}
    assert bool(list(content_before_its_version(history(applied, seen=seen)))) == broken


@pytest.mark.parametrize(("candidates", "broken"), [((), True), (("b@x",), False)])
def test_only_what_a_strict_write_was_refused_may_be_applied_and_never_have_been_here(
    candidates: tuple[str, ...], *, broken: bool
) -> None:
    seen = Evidence([Generation(1, 0.5, ANN)])
    applied = history(effect(2, 1.0, content=replace(ANN, email="b@x")) | {"version": 1}, seen=seen)
    assert bool(list(content_before_its_version(applied, candidates=candidates))) == broken


@pytest.mark.parametrize(("candidates", "broken"), [((), True), ((SOMEBODY,), False)])
def test_an_add_that_says_nothing_is_repeated_only_for_whom_a_strict_write_was_to_take_away(
    candidates: tuple[str, ...], *, broken: bool
) -> None:
    seen = Evidence([Generation(1, 0.5, ANN)])
    applied = history(effect(2, 1.0, content=Content("ann1", "", "", ())) | {"version": 1}, seen=seen)
    assert bool(list(content_before_its_version(applied, candidates=candidates))) == broken


@pytest.mark.parametrize(("candidates", "broken"), [((), True), (("b@x",), False)])
def test_the_roles_of_a_strict_write_may_be_called_otherwise_by_the_time_it_is_accepted(
    candidates: tuple[str, ...], *, broken: bool
) -> None:
    asked = replace(ANN, email="b@x", roles=("staff-5",))
    seen = Evidence([Generation(2, 0.5, None), Generation(3, 1.2, replace(asked, roles=("staff-6",)))])
    applied = history(effect(2, 1.0, content=asked) | {"version": 2}, seen=seen)
    assert bool(list(content_before_its_version(applied, candidates=candidates))) == broken


@pytest.mark.parametrize(("dropped_at", "broken"), [(0.0, True), (1.5, False)])
def test_a_version_from_before_the_target_was_retired_counted_generations_that_are_gone(
    dropped_at: float, *, broken: bool
) -> None:
    seen = {SOMEBODY: Evidence([Generation(1, 2.0, BEA), Generation(4, 3.0, BEA)])}
    ledger = Ledger([effect(2, 1.0) | {"version": 4}])
    (told,) = histories(ledger, {}, seen, dropped_at=dropped_at)
    assert bool(list(content_before_its_version(told))) == broken


def test_what_a_strict_write_was_accepted_is_judged_as_everything_else() -> None:
    written = replace(ANN, email="b@x")
    seen = Evidence([Generation(2, 0.5, written), Generation(3, 0.7, ANN)])
    applied = history(effect(2, 1.0, content=written) | {"version": 3}, seen=seen)
    assert list(content_before_its_version(applied, candidates=["b@x"]))


def test_an_acknowledged_absence_has_to_have_been_real() -> None:
    seen = Evidence([Generation(1, 0.5, ANN), Generation(2, 2.0, None)], acknowledged=[(2, 3.0)])
    created, removed = effect(2, 1.0, kind="created"), effect(4, 2.5, kind="deleted")
    assert list(acknowledged_unapplied(history(created, seen=seen)))
    assert not list(acknowledged_unapplied(history(created, removed, seen=seen)))


def test_who_is_back_by_a_restore_is_absent_only_where_nobody_asked_or_another_of_ours_has_the_record() -> None:
    seen = Evidence([Generation(1, 0.5, ANN), Generation(2, 2.0, None)], acknowledged=[(2, 3.0)])
    back = effect(2, 1.0, kind="created") | {"call": "restore"}
    theirs, gone = Evidence(linked=[("r1", 0.9)]), Evidence(linked=[("r1", 0.9), (None, 2.0)])
    unasked = replace(attempt(1, 2.9, 3.2), call="nothing")
    told = history(back, seen=seen)
    assert list(acknowledged_unapplied(told))
    assert not list(acknowledged_unapplied(replace(told, others=[theirs])))
    assert list(acknowledged_unapplied(replace(told, others=[gone])))
    assert not list(acknowledged_unapplied(replace(told, attempts=(unasked,))))
    assert list(acknowledged_unapplied(replace(told, attempts=(replace(unasked, call="confirm"),))))
    added = history(effect(2, 1.0, kind="created"), seen=seen, attempts=(unasked,))
    assert list(acknowledged_unapplied(added))


def test_two_requests_under_way_together_are_seen_unless_a_worker_was_frozen() -> None:
    both = (attempt(1, 0.9, 1.2, reason="lease_expired"), attempt(2, 1.1, 1.5))
    told = history(request(1, 1.0, answered_at=1.4), request(2, 1.2), attempts=both)
    assert list(in_flight_together(told, freezes=[]))
    assert not list(in_flight_together(told, freezes=[(1.0, 1.3)]))


def test_requests_that_arrive_together_but_were_sent_one_after_the_other_are_fine() -> None:
    both = (attempt(1, 0.0, 1.0), attempt(2, 1.1, 5.2))
    assert not list(in_flight_together(history(request(1, 5.0), request(2, 5.0), attempts=both), freezes=[]))


def test_a_request_without_an_attempt_is_seen() -> None:
    assert list(sent_unannounced(history(request(1, 1.0))))
    assert not list(sent_unannounced(history(request(1, 1.0), attempts=(attempt(1, 0.9, 1.1),))))


def test_a_third_party_that_breaks_its_own_word_makes_the_run_void() -> None:
    late = history(request(1, 1.0, answered_at=None), effect(2, 9.0), attempts=(attempt(1, 0.9, 2.0),))
    assert list(later_than_promised(late, window_seconds=4))
    assert not list(later_than_promised(late, window_seconds=8))


@pytest.mark.parametrize(("error", "complained"), [(ConnectionError(), False), (AttributeError("name"), True)])
def test_a_write_that_fails_by_a_fault_of_the_run_itself_is_a_complaint(error: Exception, *, complained: bool) -> None:
    tally = Tally()
    tally.failed("decisions", error)
    assert bool(tally.complaints["run"]) == complained

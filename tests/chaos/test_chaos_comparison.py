"""What the chaos run compares in the end: people who were mixed up, strangers, and restored third parties are seen."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from tests.chaos.run.archive import Archive, Restore
from tests.chaos.run.comparison import Expected, compared
from tests.chaos.run.gate import Gate
from tests.chaos.run.hardness import PER_MINUTE, WRITES_SHARE, Hits, least, too_few
from tests.chaos.run.ledger import Ledger
from tests.chaos.run.options import KINDS, TARGETS, read
from tests.chaos.run.promises import History, called_otherwise
from tests.chaos.run.roster import Roster
from tests.chaos.run.witness import Content, Evidence, Generation

ANN, BEA = UUID(int=1), UUID(int=2)


def person(uuid: UUID, username: str) -> dict[str, Any]:
    values = {"name": username.title(), "phone": f"1{uuid.int}", "email": f"{username}@example.com"}
    return {"uuid": uuid, "username": username, **values, "is_active": True, "groups": []}


def record(user_id: str, uuid: UUID | None, username: str, **fields: Any) -> dict[str, Any]:
    values = {"name": username.title(), "phone": f"1{uuid.int if uuid else 9}", "email": f"{username}@example.com"}
    known = {"userId": user_id, "externalId": str(uuid or ""), "username": username, "roleIds": [], "version": None}
    return {**known, **values, **fields}


def expected(**options: Any) -> Expected:
    return Expected(**({"people": [person(ANN, "ann"), person(BEA, "bea")], "roles": {}, "strangers": {}} | options))


def test_equal_sides_are_equal() -> None:
    found, touched = compared("partner", expected(), [record("r1", ANN, "ann"), record("r2", BEA, "bea")])
    assert found.equal
    assert not touched


def test_one_persons_values_under_anothers_username_differ() -> None:
    mixed = record("r1", BEA, "ann", name="Bea", phone="12", email="bea@example.com")
    found, _ = compared("partner", expected(), [mixed])
    assert found.differing == {"partner/bea": ("username",)}
    assert found.lost == ("partner/ann",)


def test_one_persons_values_under_anothers_external_id_differ() -> None:
    swapped = [record("r1", ANN, "bea"), record("r2", BEA, "ann")]
    found, _ = compared("partner", expected(), swapped)
    assert set(found.differing) == {"partner/ann", "partner/bea"}


@pytest.mark.parametrize(("username", "left"), [("cid", True), ("dan", False)], ids=["adoptable", "of our own making"])
def test_what_a_refused_strict_write_took_over_of_the_third_partys_own_stays(username: str, *, left: bool) -> None:
    records = [record("r1", ANN, "ann"), record("r2", BEA, "bea"), record("r3", UUID(int=3), username)]
    told = expected(adoptable={"cid"}, never_wanted={str(UUID(int=3))})
    found, _ = compared("partner", told, records)
    assert found.equal == left


def test_what_was_taken_over_for_somebody_who_was_here_is_extra_once_they_are_gone() -> None:
    records = [record("r1", ANN, "ann"), record("r2", BEA, "bea"), record("r3", UUID(int=3), "cid")]
    found, _ = compared("partner", expected(adoptable={"cid"}), records)
    assert found.left_over == ("partner/cid",)


def test_a_record_that_nobody_of_ours_has_is_extra() -> None:
    records = [record("r1", ANN, "ann"), record("r2", BEA, "bea"), record("r3", UUID(int=3), "cid")]
    found, _ = compared("partner", expected(), records)
    assert found.left_over == ("partner/cid",)


@pytest.mark.parametrize("held", [[record("r3", None, "dora", email="other@example.com")], []])
def test_a_stranger_who_was_changed_or_removed_is_seen(held: list[dict[str, Any]]) -> None:
    records = [record("r1", ANN, "ann"), record("r2", BEA, "bea"), *held]
    _, touched = compared("partner", expected(strangers={"r3": record("r3", None, "dora")}), records)
    assert len(touched) == 1


def test_a_stranger_left_alone_is_neither_extra_nor_touched() -> None:
    stranger = record("r3", None, "dora")
    records = [record("r1", ANN, "ann"), record("r2", BEA, "bea"), stranger]
    found, touched = compared("partner", expected(strangers={"r3": stranger}), records)
    assert found.equal
    assert not touched


BACK = {("r3", "cid")}


def test_who_is_gone_here_and_back_there_is_extra() -> None:
    records = [record("r1", ANN, "ann"), record("r2", BEA, "bea"), record("r3", UUID(int=3), "cid")]
    assert compared("partner", expected(revived=BACK), records)[0].left_over == ("partner/cid",)


@pytest.mark.parametrize("other", [[record("r1", ANN, "ann")], []])
def test_what_went_astray_to_a_record_brought_back_is_that_persons_or_a_second_one(
    other: list[dict[str, Any]],
) -> None:
    astray = record("r3", ANN, "cid") | {"name": "Ann", "email": "ann@example.com"}
    records = [*other, record("r2", BEA, "bea"), astray]
    assert compared("partner", expected(revived=BACK), records)[0].equal
    assert not compared("partner", expected(), records)[0].equal


def test_a_record_that_a_restore_brought_back_beside_the_one_that_was_added_anew_is_no_second_one() -> None:
    twice = [record("r1", ANN, "ann"), record("r2", BEA, "bea"), record("r9", ANN, "ann", email="of.old@example.com")]
    assert compared("partner", expected(revived={("r9", "ann")}), twice)[0].equal
    assert compared("partner", expected(), twice)[0].doubled


def test_what_went_astray_is_compared_all_the_same() -> None:
    records = [record("r2", BEA, "bea"), record("r3", ANN, "cid")]
    assert compared("partner", expected(revived=BACK), records)[0].differing == {"partner/cid": ("email", "name")}


def test_whoever_has_the_id_and_name_of_somebody_brought_back_is_still_missed_and_compared() -> None:
    revived = {("r2", "bea")}
    assert compared("partner", expected(revived=revived), [record("r1", ANN, "ann")])[0].lost
    wrong = [record("r1", ANN, "ann"), record("r2", BEA, "bea", email="other@example.com")]
    assert compared("partner", expected(revived=revived), wrong)[0].differing


def called(*names: str, here: tuple[str, ...]) -> History:
    seen = Evidence([Generation(n, n, Content("Ann", "", "", ()), name) for n, name in enumerate(here)])
    seen.frozen.extend(names)
    return History(str(ANN), (), seen, (), ())


def test_a_username_that_changes_at_the_target_is_seen() -> None:
    assert list(called_otherwise(called("", "ann", "ann2", here=("ann", "ann2"))))
    assert not list(called_otherwise(called("", "ann", "", "ann", here=("ann", "ann2"))))


def test_a_username_that_the_person_never_had_is_seen() -> None:
    assert list(called_otherwise(called("bea", here=("ann",))))


def test_a_username_under_which_the_record_was_left_before_its_target_was_retired_is_theirs() -> None:
    again = called("ann", here=("ann2",))
    again.evidence.earlier.add("ann")
    assert not list(called_otherwise(again))


def effect(seq: int, kind: str, held: dict[str, Any]) -> dict[str, Any]:
    known = {"external_id": held["externalId"], "user_id": held["userId"], "request": None, "version": None}
    return {"seq": seq, "kind": "effect", "effect": kind, "at": float(seq), "record": held, **known}


def test_a_restore_is_told_as_what_it_changed() -> None:
    ann, bea, cid = record("r1", ANN, "ann"), record("r2", BEA, "bea"), record("r3", UUID(int=3), "cid")
    entries = [
        effect(1, "created", ann),
        effect(2, "created", bea),
        effect(3, "deleted", bea),
        effect(4, "updated", ann | {"name": "Ann 2"}),
        effect(5, "created", cid),
        effect(6, "created", record("r3", UUID(int=4), "dora")),
    ]
    archive = Archive([Restore(backup=2, seq=5, at=5.5)])
    told = [(e["effect"], e["user_id"], e["record"]["name"]) for e in archive.whole(entries)[5:]]
    assert told == [
        ("updated", "r1", "Ann"),
        ("created", "r2", "Bea"),
        ("deleted", "r3", "Cid"),
        ("created", "r3", "Dora"),
    ]
    assert archive.revived(entries) == {("r2", "bea"): str(BEA)}


def test_a_record_of_the_third_party_whose_id_was_ours_since_is_brought_back() -> None:
    entries = [
        effect(1, "created", record("r1", None, "dora")),
        effect(2, "created", record("r2", None, "eve")),
        effect(3, "deleted", record("r1", None, "dora")),
        effect(4, "created", record("r1", ANN, "ann")),
    ]
    assert Archive([Restore(backup=2, seq=4, at=4.5)]).revived(entries) == {("r1", "dora"): ""}


def test_a_backup_of_an_empty_third_party_brings_nothing_back() -> None:
    entries = [effect(1, "created", record("r1", ANN, "ann"))]
    archive = Archive([Restore(backup=0, seq=1, at=1.5)])
    assert [(e["effect"], e["user_id"]) for e in archive.whole(entries)] == [("created", "r1"), ("deleted", "r1")]
    assert not archive.revived(entries)


def test_an_id_that_is_given_out_again_is_nobodys_second_record() -> None:
    entries = [
        effect(1, "created", record("r1", ANN, "ann")),
        effect(2, "updated", record("r1", BEA, "ann")),
        effect(3, "created", record("r2", ANN, "ann")),
    ]
    assert not Ledger(entries).doubled_ever()


def test_a_delete_of_an_id_that_others_had_is_nobodys() -> None:
    entries = [
        effect(1, "created", record("r1", ANN, "ann")),
        {"seq": 2, "kind": "request", "call": "delete", "at": 2.0, "user_id": "r1", "external_id": str(ANN)}
        | {"answered_at": 2.1, "idempotency_key": None, "fault": None},
    ]
    assert Ledger(entries).writes[str(ANN)]
    assert not Ledger(entries, ids_return=True).writes[str(ANN)]


def test_a_target_that_was_just_named_is_owed_nothing_by_transactions_that_began_before() -> None:
    roster = Roster(["partner"])
    roster.name(["partner", "branch"])
    assert roster.owed() == {"partner"}
    assert roster.present() == {"partner", "branch"}
    assert roster.steady() == {"partner"}


def test_a_target_that_left_is_owed_all_the_same() -> None:
    roster = Roster(["partner", "branch"])
    roster.name(["partner"])
    assert roster.owed() == {"partner", "branch"}
    assert roster.steady() == {"partner"}


def test_a_closed_gate_lets_nobody_pass_until_it_opens() -> None:
    gate, told = Gate(), []

    def pass_through() -> None:
        with gate.passing():
            told.append("passed")

    with gate.closed(within_seconds=60):
        outside = threading.Thread(target=pass_through)
        outside.start()
        told.append("closed")
    outside.join()
    assert told == ["closed", "passed"]


def test_the_gate_closes_only_once_everybody_is_through() -> None:
    gate, told = Gate(), []

    def close() -> None:
        with gate.closed(within_seconds=60):
            told.append("closed")

    with gate.passing():
        closer = threading.Thread(target=close)
        closer.start()
        told.append("inside")
    closer.join()
    assert told == ["inside", "closed"]


def test_every_kind_of_trouble_has_a_figure_below_which_a_run_is_too_mild() -> None:
    assert set(PER_MINUTE) == set(KINDS)


ASKED = read(["--seconds", "60", "--targets", "2", "--troubles", "strict"])
HARD = Hits(
    writes=int(ASKED.writes * WRITES_SHARE),
    unknown=Counter({"partner": 9, "branch": 1}),
    troubles={"strict": Counter({"update refused": 9, "update accepted": 1})},
    **{name: count for name, count in least(60).items() if name != "unknown"},
)


@pytest.mark.parametrize(
    ("beside", "few"), [((), ["drift audited"]), (("upgrade",), [])], ids=["drift alone", "versions that rise"]
)
def test_audits_have_to_be_finished_where_nothing_ends_them(beside: tuple[str, ...], few: list[str]) -> None:
    kinds = ("drift", *beside)
    asked = read(["--seconds", "600", "--targets", "2", "--troubles", ",".join(kinds)])
    happened = {name: count for name, count in least(600).items() if name != "unknown"}
    done = {kind: Counter({"done": 100, "on trial": 100}) for kind in kinds}
    hits = Hits(writes=asked.writes, unknown=Counter({"partner": 100, "branch": 100}), troubles=done, **happened)
    assert [told.partition(" (")[0] for told in too_few(asked, hits)] == few


@pytest.mark.parametrize(
    ("less", "few"),
    [
        ({}, []),
        ({"writes": 1}, ["writes"]),
        ({"late": 0}, ["late"]),
        ({"in_flight_kills": 1}, ["in_flight_kills"]),
        ({"unknown": Counter({"partner": 10})}, ["unknown at branch"]),
        ({"troubles": {"strict": Counter({"update refused": 10})}}, ["strict accepted"]),
    ],
    ids=str,
)
def test_a_run_is_hard_enough_by_what_happened_in_it_at_each_target(less: dict[str, Any], few: list[str]) -> None:
    assert [told.partition(" (")[0] for told in too_few(ASKED, replace(HARD, **less))] == few


def test_a_seed_draws_the_same_targets_every_time() -> None:
    asked = ["--seed", "16", "--troubles", "all"]
    assert read(asked) == read(asked)
    assert list(read(asked).targets) == list(TARGETS)
    assert len(read([*asked, "--targets", "2"]).targets) == 2


def test_a_gate_that_cannot_be_closed_in_time_is_open_again() -> None:
    gate = Gate()
    with gate.passing():
        with pytest.raises(TimeoutError), gate.closed(within_seconds=0):
            pass
        with gate.passing():
            pass
    with gate.closed(within_seconds=0):
        pass

"""What the chaos run demands of audits: what was done behind our back is named, and nothing else is."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from tests.chaos.run.findings import Drift, Found, extras, handed_on, touched_extras, unfounded, unnamed
from tests.chaos.run.ledger import Ledger
from tests.chaos.run.meddler import Meddler
from tests.chaos.run.options import LEASE_SECONDS
from tests.chaos.run.population import Population
from tests.chaos.run.promises import Attempt, History
from tests.chaos.run.witness import Content, Evidence, Generation

ANN = "0d9cf5a8-93c2-4b3e-9b12-6a3bd3c7a001"
WANTED = Content("Ann", "1", "", ("staff-1",))
MEDDLED = replace(WANTED, name="Nan")


def effect(seq: int, kind: str, content: Content = WANTED, *, by: int | None = None, **entry: Any) -> dict[str, Any]:
    """``by``: the request that it came of; none: somebody did it there."""
    record = {"name": content.name, "phone": content.phone, "email": content.email, "roleIds": list(content.roles)}
    known = {"external_id": ANN, "user_id": "r1", "username": "ann", "request": by, "version": None, "record": record}
    call = "operator" if by is None else "update"
    return {"seq": seq, "kind": "effect", "effect": kind, "at": float(seq), "call": call, **known, **entry}


ADDED = effect(1, "created", by=0)
EDITED = effect(3, "updated", MEDDLED)
DELETED = effect(3, "deleted")


def found(verdict: str = "differing", *fields: str, at: float = 4.0, **options: Any) -> Found:
    known = {"external_id": ANN, "remote_id": "r1", "ahead": "theirs", "generation": 2, "mended": True}
    return Found(**{"verdict": verdict, "fields": frozenset(fields), "at": at, **known, **options})


def history(*entries: dict[str, Any], attempts: tuple[Attempt, ...] = ()) -> History:
    ledger = Ledger(entries)
    seen = Evidence([Generation(2, 0.5, WANTED)], acknowledged=[(2, 2.0)])
    return History(ANN, attempts, seen, ledger.writes[ANN], ledger.effects[ANN])


DIFFERS = Drift(ANN, "r1", "differing", 3.0, frozenset({"name"}))
MISSING = Drift(ANN, "r1", "missing", 3.0)
BESIDE = Drift("", "r9", "extra", 3.0)


@pytest.mark.parametrize(
    ("drift", "named"),
    [
        (DIFFERS, found("differing", "name")),
        (DIFFERS, found("differing", "name", "email")),
        (MISSING, found("missing")),
        (BESIDE, found("extra", external_id="", remote_id="r9", mended=False)),
    ],
)
def test_drift_that_is_named_for_what_it_is_and_owed_again_is_as_it_should_be(drift: Drift, named: Found) -> None:
    assert not list(unnamed([drift], [named]))


@pytest.mark.parametrize(("at", "broken"), [(2.0, True), (4.0, False)], ids=["before", "since"])
def test_who_is_missing_need_not_be_named_where_the_id_was_given_to_another_of_ours_since(
    at: float, *, broken: bool
) -> None:
    assert bool(list(unnamed([MISSING], [], {"r1": at}))) == broken


@pytest.mark.parametrize(
    ("freed_by", "given_to", "handed"),
    [("operator", "another of ours", {("r1", "bea")}), ("delete", "another of ours", set()), ("operator", ANN, set())],
)
def test_a_record_is_handed_on_where_their_own_people_had_freed_its_id_of_another_of_ours(
    freed_by: str, given_to: str, handed: set[tuple[str, str]]
) -> None:
    gone = effect(2, "deleted", call=freed_by)
    added = effect(3, "created", by=9, call="add", external_id=given_to, username="bea")
    assert handed_on([ADDED, gone, added]) == handed


@pytest.mark.parametrize(("brought_back", "broken"), [((), True), (("r1",), False)])
def test_another_name_is_nobodys_deed_only_for_a_record_that_a_restore_has_brought_back(
    brought_back: tuple[str, ...], *, broken: bool
) -> None:
    told = history(ADDED)
    named = [replace(found("differing", "key"), remote_id="r1")]
    assert bool(list(unfounded(told, named, freezes=[], brought_back=brought_back))) == broken


@pytest.mark.parametrize(
    ("drift", "named"),
    [
        (DIFFERS, []),
        (DIFFERS, [found("differing", "email")]),
        (DIFFERS, [found("missing")]),
        (DIFFERS, [found("differing", "name", at=2.0)]),
        (DIFFERS, [found("differing", "name", mended=False)]),
        (DIFFERS, [found("differing", "name", ahead="ours")]),
        (MISSING, [found("missing", external_id="another")]),
        (BESIDE, []),
        (BESIDE, [found("extra", external_id="", remote_id="r9", mended=True)]),
    ],
    ids=[
        "not at all",
        "another field",
        "another name",
        "before it was done",
        "and left as it is",
        "as a change of ours",
        "somebody else",
        "an extra one not",
        "an extra one to be mended",
    ],
)
def test_drift_that_is_not_named_or_not_owed_again_is_seen(drift: Drift, named: list[Found]) -> None:
    assert len(list(unnamed([drift], named))) == 1


@pytest.mark.parametrize(
    ("entries", "named", "broken"),
    [
        ([ADDED, EDITED], found("differing", "name"), False),
        ([ADDED, DELETED], found("missing"), False),
        ([ADDED], found("differing", "name"), True),
        ([ADDED], found("missing"), True),
        ([ADDED, EDITED], found("missing"), True),
        ([ADDED, DELETED], found("differing", "name"), True),
        ([ADDED, EDITED | {"record": ADDED["record"]}], found("differing", "name"), True),
        ([ADDED, EDITED | {"at": 9.0}], found("differing", "name"), True),
        ([ADDED, EDITED | {"request": 2}], found("differing", "name"), True),
        ([ADDED, EDITED | {"at": 1.5}], found("differing", "name"), False),
        ([ADDED, EDITED | {"at": 1.5}, effect(4, "updated", by=3, at=1.7)], found("differing", "name"), True),
        ([ADDED], found("differing", "name", ahead="ours"), True),
        ([ADDED], found("extra"), False),
    ],
    ids=[
        "edited there",
        "deleted there",
        "nothing was done",
        "nothing was done, and it is there",
        "it was there",
        "it was gone",
        "edited to what is wanted",
        "edited later",
        "edited by us",
        "edited just before it was acknowledged",
        "and undone by us before that",
        "said to be ahead here",
        "extra",
    ],
)
def test_what_an_audit_names_was_done_by_somebody_there(
    entries: list[dict[str, Any]], named: Found, *, broken: bool
) -> None:
    assert bool(list(unfounded(history(*entries), [named], freezes=[]))) == broken


def test_what_is_to_be_owed_anew_may_be_found_before_its_turn_as_a_change_of_ours() -> None:
    told, named = history(ADDED), [found("differing", "name", ahead="ours")]
    assert not list(unfounded(told, named, freezes=[], owed_in_batches=True))
    assert list(unfounded(told, [replace(named[0], ahead="both")], freezes=[], owed_in_batches=True))


def test_what_a_worker_sent_that_had_been_frozen_is_drift_too() -> None:
    sent = {"seq": 2, "kind": "request", "call": "update", "at": 3.0, "fault": None, "answered_at": 3.1}
    request = {**sent, "external_id": ANN, "user_id": "r1", "idempotency_key": None}
    told = history(ADDED, request, EDITED | {"request": 2}, attempts=(Attempt(1, "update", "", "ok", "", 1.0, 2.0),))
    named = [found("differing", "name")]
    assert list(unfounded(told, named, freezes=[]))
    assert not list(unfounded(told, named, freezes=[(1.5, 3.5)]))


BESIDE_OURS = effect(2, "created", user_id="r9", username="extra7", external_id="")


@pytest.mark.parametrize(
    ("after", "touched", "stands"),
    [
        ([], False, True),
        ([effect(3, "deleted", user_id="r9", by=2) | {"call": "delete"}], True, False),
        ([effect(3, "updated", user_id="r9", by=2)], True, False),
        ([effect(3, "deleted", user_id="r9") | {"call": "restore"}], False, False),
        (
            [effect(3, "deleted", user_id="r9") | {"call": "restore"}, effect(4, "created", user_id="r9", by=3)],
            False,
            False,
        ),
    ],
    ids=["left alone", "removed by us", "changed by us", "gone by a restore", "its id given to one of ours since"],
)
def test_extra_records_are_never_changed_or_removed_by_us(
    after: list[dict[str, Any]], *, touched: bool, stands: bool
) -> None:
    assert bool(list(touched_extras([BESIDE_OURS, *after]))) == touched
    assert ("r9" in extras([BESIDE_OURS, *after])) == stands


@pytest.mark.parametrize(("edited", "touched"), [(ANN, False), ("somebody else", True)])
def test_an_edit_goes_to_the_id_that_its_record_had_before_their_own_people_gave_it_to_another(
    edited: str, *, touched: bool
) -> None:
    given_anew = [effect(3, "deleted", user_id="r9"), {**BESIDE_OURS, "seq": 4}]
    assert (
        bool(list(touched_extras([*given_anew, effect(6, "updated", by=5, user_id="r9", external_id=edited)])))
        == touched
    )


@pytest.mark.parametrize(
    ("edited", "at", "touched"),
    [(ANN, 6, False), (ANN, 7 + LEASE_SECONDS, False), (ANN, 8 + LEASE_SECONDS, True), ("somebody else", 6, True)],
)
def test_an_edit_goes_to_the_id_that_a_restore_has_freed_until_the_backfill_and_the_leases_before_it_are_over(
    edited: str, at: float, *, touched: bool
) -> None:
    given_anew = [effect(3, "deleted", user_id="r9") | {"call": "restore"}, {**BESIDE_OURS, "seq": 4}]
    edit = effect(6, "updated", by=5, user_id="r9", external_id=edited) | {"at": at}
    assert bool(list(touched_extras([*given_anew, edit], backfilled=[2.0, 7.0, 30.0]))) == touched


class Held:
    """What a third party holds, as its control shows it."""

    def __init__(self, *records: dict[str, Any]) -> None:
        self.records = {record["userId"]: record for record in records}

    def users(self) -> list[dict[str, Any]]:
        return [dict(record) for record in self.records.values()]

    def create(self, **fields: Any) -> dict[str, Any]:
        made = {"userId": f"r{len(self.records) + 1}", **fields}
        self.records[made["userId"]] = made
        return made

    def edit(self, user_id: str, **fields: Any) -> None:
        self.records[user_id].update(fields)

    def delete(self, user_id: str) -> None:
        del self.records[user_id]


def record(user_id: str, external_id: str, name: str) -> dict[str, Any]:
    return {
        "userId": user_id,
        "externalId": external_id,
        "username": name,
        "name": name,
        "phone": "1",
        "email": "",
        "roleIds": [],
    }


def meddler() -> Meddler:
    return Meddler(random.Random(1), Population())


def test_a_meddler_changes_people_and_neither_strangers_nor_what_is_extra() -> None:
    control: Any = Held(record("r1", "", "dora"), record("r2", "x1", "bystander1"), record("r3", ANN, "extra1"))
    assert [meddler().act(control, way) for way in ("edited", "put back", "deleted")] == [None] * 3
    assert len(control.records) == 3


def test_a_meddler_says_what_differs_after_an_edit() -> None:
    control: Any = Held(record("r1", ANN, "ann"))
    done = meddler().act(control, "edited")
    assert done is not None
    assert done.fields
    ours = {"name": "ann", "phone": "1", "email": "", "role_ids": []}
    now = {**control.records["r1"], "role_ids": control.records["r1"]["roleIds"]}
    assert done.fields == {name for name, value in ours.items() if now[name] != value}


def test_old_values_are_put_back_once_only() -> None:
    control: Any = Held(record("r1", ANN, "ann"))
    somebody = meddler()
    assert somebody.act(control, "put back") is None
    control.edit("r1", name="ann 2")
    done = somebody.act(control, "put back")
    assert done is not None
    assert done.fields == {"name"}
    assert control.records["r1"]["name"] == "ann"
    control.edit("r1", name="ann 2")
    assert somebody.act(control, "put back") is None


def test_only_who_is_among_those_named_is_meddled_with() -> None:
    control: Any = Held(record("r1", ANN, "ann"))
    assert meddler().act(control, "deleted", among=()) is None
    assert control.records

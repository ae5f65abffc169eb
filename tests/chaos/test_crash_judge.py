"""What the crash points try of an object that is renamed, and when its remote record counts as the same one."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from tests.chaos.crash.campaign import RECORDS, RENAMED
from tests.chaos.crash.cases import PLACES, Case, every_case
from tests.chaos.crash.order import Action
from tests.chaos.crash.verdict import moved

CREATED = {"effect": "created", "user_id": "O1"}
UPDATED = {"effect": "updated", "user_id": "O1"}


def cases(use: str) -> list[Case]:
    return every_case(one_writer=False, records=RECORDS[use], renamed=RENAMED[use])


def test_an_update_that_gives_the_key_leaves_the_remote_record_the_same() -> None:
    assert list(moved("O1", [CREATED, UPDATED, UPDATED])) == []


@pytest.mark.parametrize(
    ("remote_id", "effects"),
    [
        ("O2", [CREATED, {"effect": "deleted", "user_id": "O1"}, {"effect": "created", "user_id": "O2"}]),
        ("O1", [CREATED, {"effect": "created", "user_id": "O2"}, {"effect": "deleted", "user_id": "O2"}]),
        ("O1", [CREATED, {"effect": "deleted", "user_id": "O1"}, CREATED]),
        ("O2", [CREATED, UPDATED]),
        (None, [CREATED, UPDATED]),
    ],
    ids=["replaced", "doubled for a while", "made again under its id", "linked to another", "not linked"],
)
def test_an_object_with_another_remote_record_is_not_level(remote_id: str | None, effects: list[Any]) -> None:
    assert list(moved(remote_id, effects))


def test_renumbered_orders_crash_at_each_step_of_the_update_and_where_it_is_looked_at() -> None:
    in_one_process = [action for action in Action if not action.of_worker]
    ended = ("unacknowledged", Action.RAISE)  # nothing of ours runs there
    wanted = {
        (phase, place, action)
        for phase in ("push", "drain", "confirm", "recheck")
        for place, action in product(PLACES[phase], in_one_process)
        if (place, action) != ended
    }
    wanted |= {("push", place, action) for place in PLACES["push"] for action in Action if action.of_worker}
    assert {(case.phase, case.place, case.action) for case in cases("renumbered")} == wanted


def test_renumbered_orders_are_renamed_and_nothing_else() -> None:
    assert {(case.operation, case.record) for case in cases("renumbered")} == {("rename", "order")}


@pytest.mark.parametrize("use", ["users", "shop"])
def test_renames_of_the_other_uses_crash_in_each_way_of_one_process(use: str) -> None:
    tried = {(case.phase, case.action) for case in cases(use) if case.operation == "rename"}
    assert tried == set(product(("push", "drain"), [action for action in Action if not action.of_worker]))

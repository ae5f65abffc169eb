"""A quarter of a minute of chaos on the example project; ``python -m tests.chaos.shop --seconds 60`` runs longer.

And its judge, against each way in which an ERP may not be level. CHAOS_SEED chooses another run than that of the day.
"""

from __future__ import annotations

import os
import subprocess
import sys
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest

from syncproject.demo.stack import ROOT
from tests.chaos.shop import judge

SEED = int(os.environ.get("CHAOS_SEED") or datetime.now(UTC).date().toordinal())
WANTED = {
    "shop.customer:1": ["Ada", "ada@example.org", ""],
    "shop.customer:2": ["Bob", "bob@example.org", "7"],
    "shop.order:5": ["N5", "10.00", 1, [["TEA", 2]]],
}
CONTENT: dict[str, list[dict[str, Any]]] = {
    "customers": [
        {"id": "C1", "external_id": "c0de.shop.customer.1", "name": "Ada", "email": "ada@example.org", "phone": ""},
        {"id": "C2", "external_id": "c0de.shop.customer.2", "name": "Bob", "email": "bob@example.org", "phone": "7"},
    ],
    "orders": [
        {
            "id": "O1",
            "external_id": "c0de.shop.order.5",
            "number": "N5",
            "total": "10.00",
            "customer": "C1",
            "lines": [["TEA", 2]],
        }
    ],
}


def told(content: dict[str, list[dict[str, Any]]]) -> list[str]:
    found = [*judge.doubled(content), *judge.differences(WANTED, judge.held(content))]
    return [sentence.partition(":")[0] for sentence in found]


def test_an_erp_that_is_level_is_level() -> None:
    assert told(CONTENT) == []


@pytest.mark.parametrize(
    ("collection", "change", "says"),
    [
        ("orders", {"total": "9.00"}, "stale"),
        ("orders", {"number": "N6"}, "stale"),
        ("orders", {"customer": "C2"}, "another customer's"),
        ("orders", {"customer": "C7"}, "another customer's"),
        ("orders", {"lines": []}, "stale"),
        ("customers", {"phone": "8"}, "stale"),
    ],
)
def test_what_an_erp_holds_otherwise_is_told(collection: str, change: dict[str, Any], says: str) -> None:
    content = deepcopy(CONTENT)
    content[collection][0] |= change
    assert told(content) == [says]


def test_what_is_lost_left_over_or_doubled_is_told() -> None:
    lost, over, twice = deepcopy(CONTENT), deepcopy(CONTENT), deepcopy(CONTENT)
    lost["orders"].clear()
    over["customers"].append({"id": "C3", "external_id": "c0de.shop.customer.3", "name": "", "email": "", "phone": ""})
    twice["customers"].append(CONTENT["customers"][1] | {"id": "C3"})
    assert (told(lost), told(over), told(twice)) == (["lost"], ["left over"], ["doubled"])


def test_what_was_doubled_once_and_what_nobody_announced_is_told() -> None:
    effects = [
        {"seq": 1, "external_id": "c0de.shop.order.5", "user_id": "O1", "effect": "created"},
        {"seq": 2, "external_id": "c0de.shop.order.5", "user_id": "O2", "effect": "created"},
        {"seq": 3, "external_id": "c0de.shop.order.5", "user_id": "O1", "effect": "deleted"},
    ]
    requests = [{"external_id": "shop.order.5", "call": "add"}] * 2
    assert len([*judge.doubled_once(effects)]) == 1
    assert [*judge.unannounced(requests, {("shop.order.5", "add"): 2})] == []
    assert len([*judge.unannounced(requests, {("shop.order.5", "add"): 1})]) == 1


@pytest.mark.xdist_group("chaos shop")
@pytest.mark.timeout(600)
def test_the_erp_of_a_shop_whose_processes_are_killed_and_whose_erp_lies_ends_level() -> None:
    command = [sys.executable, "-m", "tests.chaos.shop", "--seconds", "15", "--seed", str(SEED)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, f"CHAOS_SEED={SEED}\n{ended.stdout[-4000:]}\n{ended.stderr[-2000:]}"

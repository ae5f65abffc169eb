"""How the sandbox's switches are read, and what they make of a request."""

from collections import Counter
from typing import Any

import pytest

from thirdparty.sandbox.faults import RATES, Faults
from thirdparty.sandbox.store import Rules
from thirdparty.sandbox.switches import BadSwitch, parse


def read(body: object) -> Faults:
    return parse(body, Rules())[0]


@pytest.mark.parametrize(
    "words",
    [
        "apply-then-500",
        "apply-then-hang",
        "apply-then-cut",
        "late apply",
        "bad JSON",
        "HTML",
        "slow drip",
        "giant body",
        "refuse",
        "429",
        "5xx",
        "busy",
        "redirect",
        "401",
    ],
)
def test_every_documented_switch_is_known_in_its_spoken_form(words: str) -> None:
    assert list(read({words: True}).rates.values()) == [1.0]


def test_latency_may_be_named_without_its_unit() -> None:
    assert read({"latency": 0.5}).latency_seconds == 0.5


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"explode": True}, "explode"),
        ({"rates": {"explode": 1}}, "explode"),
        ({"only": {"users": []}}, "only.users"),
        ({"only": {"calls": ["ad"]}}, "ad"),
        ({"only": {"first": -1}}, "only.first"),
        ({"busy": 1.5}, "busy"),
        ({"busy": "often"}, "busy"),
        ({"latency_seconds": -1}, "latency_seconds"),
        ({"latency_seconds": True}, "latency_seconds"),
        ({"latency_seconds": float("nan")}, "latency_seconds"),
        ({"retry_after": "2\r\nX: y"}, "retry_after"),
        ({"late_answer": "200"}, "late_answer"),
        ({"redirect_status": 200}, "redirect_status"),
        ({"seed": 1.5}, "seed"),
        ({"capabilities": ["fly"]}, "fly"),
        ({"capabilities": "query"}, "capabilities"),
        ({"unique_usernames": 1}, "unique_usernames"),
        ({"refuse": True, "only": {"first": 1}}, "refuse"),
        ([], "the body"),
    ],
)
def test_a_wrong_switch_is_named(body: object, named: str) -> None:
    with pytest.raises(BadSwitch, match=named):
        read(body)


def test_rules_change_only_where_they_are_named() -> None:
    rules = Rules(frozenset({"query"}), unique_usernames=False)
    assert parse({"busy": True}, rules)[1] == rules
    assert parse({"capabilities": ["list"]}, rules)[1] == Rules(frozenset({"list"}), unique_usernames=False)


def test_what_is_shown_can_be_posted_again() -> None:
    faults = read({"busy": 0.5, "429": 0.1, "retry_after": 3, "only": {"calls": ["add"], "first": 4}, "seed": 9})
    assert read(faults.as_json()) == faults


def test_faults_without_a_seed_get_one_that_is_shown() -> None:
    assert read({}).seed != read({}).seed


def test_the_same_seed_draws_the_same_hits() -> None:
    body = {"429": 0.3, "busy": 0.3, "latency_jitter": 1, "seed": 7}
    assert [read(body).draw(nth) for nth in range(50)] == [read(body).draw(nth) for nth in range(50)]


@pytest.mark.parametrize(
    ("rates", "expected"),
    [
        ({"429": 0.2, "busy": 0.3}, {"429": 0.2, "busy": 0.3, None: 0.5}),
        ({"hang": 1, "cut": 1}, {"hang": 0.5, "cut": 0.5}),
        ({"5xx": 1}, {"500": 0.25, "502": 0.25, "503": 0.25, "504": 0.25}),
        ({"slow_drip": 1}, {"slow_headers": 0.5, "slow_body": 0.5}),
    ],
)
def test_rates_come_true(rates: dict[str, Any], expected: dict[str | None, float]) -> None:
    faults = read({"rates": rates, "seed": 1})
    drawn = Counter(faults.draw(nth).fault for nth in range(4000))
    assert drawn.keys() == expected.keys()
    assert {fault: drawn[fault] / 4000 for fault in expected} == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize("name", sorted(set(RATES) - {"refuse", "user_exists_without_id", "5xx", "slow_drip"}))
def test_a_bare_true_always_hits(name: str) -> None:
    faults = read({name: True})
    assert {faults.draw(nth).fault for nth in range(20)} == {name}


def test_after_the_first_requests_everything_is_well() -> None:
    faults = read({"busy": True, "latency": 1, "only": {"first": 2}})
    assert [faults.draw(nth).fault for nth in (1, 2, 3)] == ["busy", "busy", None]
    assert faults.draw(3).delay_seconds == 0


def test_faults_meet_only_the_chosen_calls_and_usernames() -> None:
    only = read({"busy": True, "only": {"calls": ["add"], "usernames": ["anna1"]}}).only
    assert only.matches("add", "anna1")
    assert not only.matches("update", "anna1")
    assert not only.matches("add", "bert2")

"""What a third party does to us (CONTRACT A, every fault switch of the sandbox), and what it does to record and target."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.conftest import converge, held_records, row_of, step, wanted_records
from thirdparty.models import Attempt, Target
from thirdparty.sandbox.client import SandboxControl
from thirdparty.sandbox.faults import GROUPS, RATES
from users.models import User

TRANSIENT = ("pending", "", "transient", 1)
"""State, why it is parked, how the attempt ended, tries spent."""
UNANSWERED = ("unknown", "", "unknown", 1)
UNTOUCHED = ("pending", "", "transient", 0)
WELL = {"breaker": "closed", "paused": False, "failures": 0, "refusals": 0, "suspects": 0, "limited": False}
FAILING = WELL | {"failures": 1}
REFUSING = WELL | {"refusals": 1}
NO_CLEAR_ANSWER = (
    "408", "500", "502", "504", "hang", "cut", "late_apply",
    "apply_then_500", "apply_then_hang", "apply_then_cut", "apply_then_cut_body",
    "bad_json", "wrong_shape", "missing_data", "html", "slow_headers", "slow_body", "giant_body", "gzip_bomb",
    # With one port only, the sandbox has to read a request before it can tell it from a control call.
    "refuse",
)  # fmt: skip

ANSWERS: dict[str, tuple[tuple[str, str, str, int], dict[str, Any]]] = {
    **{
        status: (("parked", f"http_{status}", "rejected", 1), REFUSING) for status in ("400", "409", "413", "415", "422")
    },
    "invalid": (("parked", "invalid", "rejected", 1), REFUSING),
    "unknown_status": (("parked", "unknown_status", "rejected", 1), REFUSING),
    # The probe is answered in the same way.
    **{fault: (UNTOUCHED, WELL | {"paused": True}) for fault in ("401", "403", "redirect")},
    # So it is here, but that says only that nothing can be looked up: another record decides.
    **{status: (TRANSIENT, WELL | {"suspects": 1}) for status in ("404", "405")},
    **dict.fromkeys(("425", "503", "busy"), (TRANSIENT, FAILING)),
    "423": (TRANSIENT, WELL),
    "429": (TRANSIENT, WELL | {"limited": True}),
    **dict.fromkeys(NO_CLEAR_ANSWER, (UNANSWERED, FAILING)),
    # Only where the username is taken; here it is not.
    "user_exists_without_id": (("synced", "", "ok", 0), WELL),
}  # fmt: skip


@pytest.fixture
def user(sandbox: SandboxControl, partner: Callable[..., None]) -> User:
    partner(timeout_seconds=0.3)
    return User.objects.create(name="张伟", phone="13800000001", email="zw@example.com")


def standing() -> dict[str, Any]:
    row = Target.objects.get()
    return {
        "breaker": row.breaker,
        "paused": row.paused,
        "failures": len(row.failed_keys),
        "refusals": len(row.refused_keys),
        "suspects": len(row.suspect_keys),
        "limited": row.rate_limit is not None,
    }


def test_every_fault_switch_is_listed_here() -> None:
    assert set(ANSWERS) | set(GROUPS) == set(RATES)


@pytest.mark.parametrize("fault", ANSWERS)
def test_an_answer_decides_about_record_and_target(user: User, sandbox: SandboxControl, fault: str) -> None:
    sandbox.faults(rates={fault: 1})
    step(user)
    row, attempt = row_of(user), Attempt.objects.get()
    expected_record, expected_target = ANSWERS[fault]
    assert (row.state, row.parked, attempt.outcome, row.failed_tries) == expected_record
    assert standing() == expected_target


def test_records_that_the_target_has_locked_never_close_it_for_others(user: User, sandbox: SandboxControl) -> None:
    locked = [user, *(User.objects.create(name="Locked", phone=str(number)) for number in range(7))]
    sandbox.faults(rates={"423": 1}, only={"usernames": [each.username for each in locked]})
    other = User.objects.create(name="Other", phone="100")
    for each in locked:
        step(each)
    step(other)
    assert {row_of(each).failed_tries for each in locked} == {1}
    assert row_of(other).state == "synced"
    assert standing() == WELL


@pytest.mark.parametrize("base_url", ["http://127.0.0.1:1", "http://target.invalid"])
def test_where_nothing_was_sent_nothing_is_in_doubt(user: User, partner: Callable[..., None], base_url: str) -> None:
    partner(base_url=base_url)
    step(user)
    row, attempt = row_of(user), Attempt.objects.get()
    assert (row.state, row.parked, attempt.outcome, row.failed_tries) == TRANSIENT
    assert standing() == FAILING


@pytest.mark.parametrize("fault", [fault for fault, (_, target) in ANSWERS.items() if target is not REFUSING])
def test_all_is_level_again_once_the_target_is_well(user: User, sandbox: SandboxControl, fault: str) -> None:
    sandbox.faults(rates={fault: 1})
    step(user)
    sandbox.heal()
    converge()
    assert held_records(sandbox) == wanted_records()
    assert standing()["breaker"] == "closed"


@pytest.mark.parametrize("fault", ["401", "403", "404", "405", "redirect"])
def test_a_write_turned_away_while_reading_is_fine_parks_the_record_alone(
    user: User, sandbox: SandboxControl, fault: str
) -> None:
    sandbox.faults(rates={fault: 1}, only={"usernames": [user.username]})
    other = User.objects.create(name="Other", phone="2")
    step(user)
    step(other)
    assert (row_of(user).state, row_of(other).state) == ("parked", "synced")
    assert row_of(user).parked.startswith("http_3" if fault == "redirect" else f"http_{fault}")
    assert standing() == WELL

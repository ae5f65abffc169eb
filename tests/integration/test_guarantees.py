"""The table of `docs/guarantees.md`: every cell is run, the impossible ones as counter-examples."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.conftest import converge, held_records, step, wanted_records
from thirdparty.models import Record
from thirdparty.sandbox.client import SandboxControl
from users.models import User

PAGE = Path(__file__).parents[2] / "docs" / "guarantees.md"


def cells() -> list[tuple[str, str, str]]:
    """(capabilities, case, promise) of the table that begins with "capabilities"."""
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in PAGE.read_text().partition("| capabilities")[2].partition("\n\n")[0].splitlines()
    ]
    cases = rows[0][1:]
    return [(row[0], case, promise) for row in rows[2:] for case, promise in zip(cases, row[1:], strict=True)]


def lost_answer(sandbox: SandboxControl, user: User) -> None:
    sandbox.faults(rates={"apply_then_cut": 1})
    step(user)


def lost_answer_shared(sandbox: SandboxControl, user: User) -> None:
    sandbox.faults(rates={"apply_then_cut": 1}, unique_usernames=False)
    step(user)


def late_add_shared(sandbox: SandboxControl, user: User) -> None:
    sandbox.faults(rates={"late_apply": 1}, late_seconds=0.4, unique_usernames=False)
    step(user)


def late_update(sandbox: SandboxControl, user: User) -> None:
    converge()
    User.objects.update(name="Old")
    sandbox.faults(rates={"late_apply": 1}, late_seconds=0.4)
    step(user)
    User.objects.update(name="New")


def late_add_after_delete(sandbox: SandboxControl, user: User) -> None:
    sandbox.faults(rates={"late_apply": 1}, late_seconds=0.4)
    step(user)
    user.delete()


CASES: dict[str, Callable[[SandboxControl, User], None]] = {
    "add applied, answer lost": lost_answer,
    "the same, usernames shared": lost_answer_shared,
    "add applied late, usernames shared": late_add_shared,
    "old update lands over a newer one": late_update,
    "add lands after the user was deleted": late_add_after_delete,
}


def one_record(sandbox: SandboxControl) -> bool:
    return held_records(sandbox) == wanted_records() and len(sandbox.users()) == 1


PROMISES: dict[str, Callable[[SandboxControl], bool]] = {
    "one record": one_record,
    "level again": one_record,
    "removed": lambda sandbox: sandbox.users() == [],
    "doubled": lambda sandbox: len(sandbox.users()) == 2,
}


@pytest.mark.parametrize(("capabilities", "case", "promise"), cells())
def test_what_a_target_offers_decides_what_can_be_promised(
    sandbox: SandboxControl, partner: Callable[..., None], capabilities: str, case: str, promise: str
) -> None:
    offered = () if capabilities == "none" else tuple(capabilities.split(", "))
    partner(capabilities=offered, timeout_seconds=0.25, visibility_seconds=0.4)
    sandbox.faults(capabilities=list(offered))
    user = User.objects.create(name="张伟", phone="13800000001")
    CASES[case](sandbox, user)
    sandbox.heal()
    converge()
    assert PROMISES[promise](sandbox), (sandbox.users(), Record.objects.values())
    assert Record.objects.get().state in ("synced", "deleted")

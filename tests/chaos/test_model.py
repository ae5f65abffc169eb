"""The protocol, explored exhaustively: no promise breaks in any interleaving; seeded bugs are all found.

``python -m tests.chaos.model --full`` explores larger budgets than there is time for here.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from syncproject.demo.stack import ROOT
from tests.chaos.model.bugs import BUGS
from tests.chaos.model.configuration import Configuration
from tests.chaos.model.configurations import (
    BARE,
    FROZEN_SENDER,
    HELD,
    PROFILES,
    TARGETS,
    TRUST_DEACTIVATION,
    daily,
)
from tests.chaos.model.explored import explored
from tests.chaos.model.records import explore
from tests.chaos.model.rules import Rules
from tests.chaos.model.state import Budget
from thirdparty.decide.brake import HELD_BY_BRAKE
from thirdparty.decide.plan import Attempted, Call, next_call
from thirdparty.decide.progress import HONEST_STEPS
from thirdparty.models.record import REJECTED_BY_PERSON

DAILY = daily()
RESTORED = [each for each in DAILY if "restored" in each.name]
EVERY = 1 if os.environ.get("MODEL_EVERY", "1") == "1" else 2
"""1 for all that are explored a second time with old looks; otherwise half of them, and the others the next day."""


@pytest.mark.parametrize("configuration", DAILY, ids=lambda configuration: configuration.name)
def test_no_interleaving_breaks_a_promise(configuration: Configuration) -> None:
    found = explored(configuration)
    assert found.violation is None, str(found.violation)
    assert found.quiescent


@pytest.mark.parametrize(
    "configuration",
    RESTORED[datetime.now(UTC).toordinal() % EVERY :: EVERY],
    ids=lambda configuration: configuration.name,
)
def test_nor_where_each_look_is_old_by_the_time_that_its_removal_is_to_go(configuration: Configuration) -> None:
    found = explore(configuration, Rules(next_call=_as_if_looks_were_old))
    assert found.violation is None, str(found.violation)
    assert found.quiescent


def _as_if_looks_were_old(*args: Any, **kwargs: Any) -> Call:
    return next_call(*args, **(kwargs | {"attempted": Attempted(key_is_fresh=True, looked=False)}))


def test_what_the_brake_stops_waits_is_left_as_it_is_or_goes_once_it_is_released() -> None:
    """A record that could never be held, or never be released, would break no promise either."""
    at_rest = [state for state in explored(HELD).at_rest if not state.people[0].present]
    waits = {state.rows[0].parked for state in at_rest if state.people[0].stopped >= 0}
    assert waits == {HELD_BY_BRAKE, REJECTED_BY_PERSON}
    assert any(not state.world.records and state.people[0].let_go >= 0 for state in at_rest)


def test_it_can_be_explored_from_the_command_line() -> None:
    env = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    command = [sys.executable, "-m", "tests.chaos.model", "--only", "query: refusals"]
    ended = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=60)
    assert (ended.returncode, "none" in ended.stdout) == (0, True), ended.stderr


def test_the_numbers_of_states_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    found = [explored(configuration) for configuration in DAILY]
    lines = [
        f"  {result.states:>9,} states {result.moves:>11,} moves  {result.configuration.name}" for result in found
    ]
    total = sum(result.states for result in found)
    with capsys.disabled():
        sys.stdout.write("\n".join([f"\nmodel: {total:,} states in {len(found)} configurations", *lines, ""]))


def test_no_honest_chain_of_steps_is_as_long_as_those_that_back_off() -> None:
    assert max(explored(configuration).longest for configuration in DAILY) < HONEST_STEPS


@pytest.mark.parametrize("name", BUGS)
def test_a_seeded_bug_is_found(name: str) -> None:
    bug = BUGS[name]
    found = explore(bug.configuration, bug.rules)
    assert found.violation is not None
    assert found.violation.what.startswith(bug.caught), str(found.violation)


@pytest.mark.parametrize(
    "configuration", dict.fromkeys(bug.configuration for bug in BUGS.values()), ids=lambda item: item.name
)
def test_without_its_seeded_bug_the_same_run_is_clean(configuration: Configuration) -> None:
    found = explored(configuration)
    assert found.violation is None, str(found.violation)


def test_a_sender_frozen_after_its_lease_check_and_killed_is_the_one_exception() -> None:
    found = explored(FROZEN_SENDER)
    assert found.violation is not None
    assert found.violation.what.startswith("I4")
    assert "the worker on row 0 is frozen until its lease has run out" in found.violation.trace
    assert "the worker on row 0 is killed" in found.violation.trace
    assert explored(replace(FROZEN_SENDER, frozen_senders=False)).violation is None


def test_the_repair_makes_good_what_a_frozen_sender_did_if_it_survives() -> None:
    surviving = replace(FROZEN_SENDER, budget=FROZEN_SENDER.budget._replace(kills=0))
    assert explored(surviving).violation is None


def test_versions_keep_the_updates_of_a_frozen_sender_out() -> None:
    budget = FROZEN_SENDER.budget._replace(timeouts=1)
    found = explored(replace(FROZEN_SENDER, offers=TARGETS["query, versions"], budget=budget))
    assert found.violation is None, str(found.violation)


@pytest.mark.parametrize(
    "budget", [Budget(deletes=1, kills=1, freezes=1), Budget(toggles=2, kills=1, freezes=1)], ids=["add", "delete"]
)
def test_versions_do_not_keep_the_adds_and_deletes_of_a_frozen_sender_out(budget: Budget) -> None:
    """No version guards what is not there, and the contract's delete carries none: a limit, not a fault."""
    found = explored(replace(FROZEN_SENDER, offers=TARGETS["query, versions"], budget=budget))
    assert found.violation is not None


@pytest.mark.parametrize("profile", PROFILES)
def test_with_neither_look_ups_nor_keys_nor_unique_usernames_records_may_be_doubled(profile: str) -> None:
    """Impossible in principle (CONTRACT A): nothing tells whether an unanswered add took effect."""
    found = explored(Configuration("", BARE, PROFILES[profile]))
    assert found.violation is not None
    assert found.violation.what == "I4: the target does not hold user 0 as they are"
    assert len(found.violation.state.world.records) > 1


def test_what_was_adopted_on_trust_is_never_deleted() -> None:
    found = explored(TRUST_DEACTIVATION)
    assert found.violation is None, str(found.violation)

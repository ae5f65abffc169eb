"""Every interleaving of a strict write with deaths, lost answers, refusals and other writes, at two targets.

`tests/chaos/model/strict` says what a state is; `python -m tests.chaos.model --only strict` explores it, and
`--full` with more than there is time for here.
"""

from __future__ import annotations

import sys

import pytest

from tests.chaos.model.strict.bugs import BUGS
from tests.chaos.model.strict.configuration import StrictConfiguration
from tests.chaos.model.strict.configurations import daily
from tests.chaos.model.strict.exploration import explore, explored

DAILY = daily()


@pytest.mark.parametrize("configuration", DAILY, ids=lambda configuration: configuration.name)
def test_no_interleaving_of_a_strict_write_breaks_a_promise(configuration: StrictConfiguration) -> None:
    found = explored(configuration)
    assert found.violation is None, str(found.violation)
    assert found.quiescent


@pytest.mark.parametrize("name", BUGS)
def test_a_seeded_bug_of_strict_writes_is_found(name: str) -> None:
    bug = BUGS[name]
    found = explore(bug.configuration, bug.rules)
    assert found.violation is not None
    assert found.violation.what.startswith(bug.caught), str(found.violation)


@pytest.mark.parametrize(
    "configuration", dict.fromkeys(bug.configuration for bug in BUGS.values()), ids=lambda item: item.name
)
def test_without_its_seeded_bug_the_same_strict_write_is_clean(configuration: StrictConfiguration) -> None:
    found = explored(configuration)
    assert found.violation is None, str(found.violation)


@pytest.mark.parametrize("kind", ["update", "delete", "activate"])
def test_both_ends_are_reached(kind: str) -> None:
    """A strict write that could never be applied, or never be refused, would break no promise either."""
    ends = set()
    for configuration in DAILY:
        if configuration.kind == kind:
            ends |= {whole.applied for whole in explored(configuration).at_rest}
    assert ends == {True, False}


def test_the_numbers_of_states_of_strict_writes_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    found = [explored(configuration) for configuration in DAILY]
    total = sum(result.states for result in found)
    with capsys.disabled():
        sys.stdout.write(f"\nmodel of strict writes: {total:,} states in {len(found)} configurations\n")

"""What the chaos run demands while a new version of a mapping is tried on a sample."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction

from syncproject.demo.process import ProcessError
from tests.chaos.run import trials, witness
from tests.chaos.run.ledger import Ledger
from tests.chaos.run.promises import History
from tests.chaos.run.side import key_of
from tests.chaos.run.trials import Row, Trial, left_standing, sent_untried
from tests.chaos.run.troubles.trouble import Trouble
from tests.chaos.run.upgraded import mapping
from tests.chaos.run.witness import Content, Evidence, Generation
from tests.chaos.test_chaos_run import SOMEBODY, effect
from tests.chaos.test_chaos_upgrade import _watched  # noqa: F401  # a fixture
from thirdparty import targets
from thirdparty.decide.sample import in_sample
from thirdparty.models import Declaration, Record, Target
from thirdparty.store.attempts import AUDIT, NEW_VERSION
from users.models import User

SINCE, SENT, UNTIL = 10.0, 12.0, 20.0
FEW, ALL = 0.0001, 100.0
EDIT = "transaction 7"


def content(version: int, email: str = "a@x") -> Content:
    return Content("Ann", "1", email, (mapping.role(version),))


def trial(percent: float = FEW, until: float = UNTIL, *, amid: bool = False) -> Trial:
    return Trial(2, percent, SINCE, until, amid)


def seen(*raised: tuple[float, str], acknowledged_at: float = 1.5) -> Evidence:
    """One who was level before the trial, and was owed anew at these moments, for these reasons."""
    later = [Generation(number, at, content(2)) for number, (at, _) in enumerate(raised, 2)]
    causes = {number: why for number, (_, why) in enumerate(raised, 2) if why}
    return Evidence([Generation(1, 1.0, content(1)), *later], acknowledged=[(1, acknowledged_at)], causes=causes)


def history(evidence: Evidence, *entries: dict[str, Any], at: float = SENT, version: int = 2) -> History:
    effects = Ledger([*entries, effect(20, at, content=content(version))]).effects[SOMEBODY]
    return History(SOMEBODY, (), evidence, (), effects)


def is_broken(told: History, *some: Trial, candidates: tuple[str, ...] = ()) -> bool:
    return bool(list(sent_untried("partner", told, some or (trial(),), candidates=candidates)))


def test_whoever_is_not_in_the_sample_is_not_sent_the_version_for_its_own_sake() -> None:
    assert is_broken(history(seen((11.0, NEW_VERSION))))


def test_whoever_is_in_the_sample_is() -> None:
    assert not is_broken(history(seen((11.0, NEW_VERSION))), trial(ALL))


def test_an_edit_of_theirs_is_sent_by_the_version_that_is_tried() -> None:
    assert not is_broken(history(seen((11.0, EDIT))))
    assert not is_broken(history(seen((11.0, NEW_VERSION), (11.5, EDIT))))


def test_what_an_answer_from_before_has_to_have_sent_anew_is_sent_by_the_version_that_is_tried() -> None:
    assert not is_broken(history(seen((11.0, ""))))


def test_an_edit_that_came_after_it_was_sent_is_no_reason() -> None:
    assert is_broken(history(seen((11.0, NEW_VERSION), (13.0, EDIT))))


def test_what_was_owed_before_the_trial_is_sent_by_the_version_that_is_tried() -> None:
    assert not is_broken(history(seen((11.0, NEW_VERSION), acknowledged_at=10.5)))


def test_before_and_after_the_trial_everybody_may_be_sent_it() -> None:
    assert not is_broken(history(seen((21.0, NEW_VERSION)), at=22.0))
    assert not is_broken(history(seen((11.0, NEW_VERSION)), version=1))


def test_what_an_unfinished_walk_of_the_version_before_still_owes_is_not_owed_for_the_trial() -> None:
    assert not is_broken(history(seen((11.0, NEW_VERSION))), trial(amid=True))


def test_a_strict_write_is_an_edit_of_theirs_before_it_is_here() -> None:
    assert not is_broken(history(seen((11.0, NEW_VERSION))), candidates=("a@x",))


def test_an_audit_that_finds_nothing_but_the_version_missing_sends_it_to_nobody() -> None:
    assert is_broken(history(seen((11.0, AUDIT))))


def test_an_audit_mends_what_somebody_at_the_third_party_has_changed() -> None:
    theirs = effect(18, 11.0, content=content(1, "theirs@x")) | {"request": None}
    assert not is_broken(history(seen((11.5, AUDIT)), theirs))


def test_the_judge_and_the_product_have_the_same_sample() -> None:
    keys = [key_of("partner", f"{number:08}-0000-4000-8000-000000000000") for number in range(500)]
    assert [trial(20.0).has(key) for key in keys] == [in_sample(key, 20.0) for key in keys]


def test_a_version_that_rises_meanwhile_ends_one_trial_and_begins_another() -> None:
    rows = [Row(1.0, None, 1, owing=False), Row(2.0, 20.0, 2, owing=False), Row(3.0, 20.0, 3, owing=True)]
    superseded, standing = trials.trials([*rows, Row(4.0, 20.0, 3, owing=True)])
    assert superseded == Trial(2, 20.0, 2.0, 3.0)
    assert standing == Trial(3, 20.0, 3.0, math.inf, amid=True)


def test_in_the_end_nothing_is_on_trial() -> None:
    assert not list(left_standing("partner", [trial()]))
    assert list(left_standing("partner", [trial(until=math.inf)]))


@pytest.fixture
def _version_one_again() -> Iterator[None]:
    yield
    Declaration.objects.update(version=1)


def rise(percent: float, version: int) -> None:
    Target.objects.update(owing_to=None, owing_left=[])
    with transaction.atomic():
        Declaration.objects.filter(kind=mapping.KIND).update(version=version)
        targets.owe_raised(mapping.KIND, using="default")


@pytest.mark.usefixtures("_watched", "_version_one_again")
def test_the_witness_notes_when_a_trial_stands_and_of_which_version(settings: Any) -> None:
    settings.SYNC_TRIAL_PERCENT = 20.0
    Target.objects.update(unrecorded=False, backfill=False, raised={})
    rise(20.0, 2)
    rise(20.0, 3)
    with transaction.atomic():
        assert targets.end_trial("partner")
    first, second = trials.by_target()["partner"]
    assert (first.version, first.percent, first.amid, second.version) == (2, 20.0, False, 3)
    assert first.since < first.until == second.since < second.until < math.inf


@pytest.mark.usefixtures("_watched", "_version_one_again")
def test_the_witness_notes_that_a_backfill_ends_a_trial(settings: Any) -> None:
    settings.SYNC_TRIAL_PERCENT = 20.0
    Target.objects.update(unrecorded=False, backfill=False, raised={})
    rise(20.0, 2)
    targets.begin_backfill("partner")
    (only,) = trials.by_target()["partner"]
    assert only.until < math.inf


@pytest.mark.usefixtures("_watched")
def test_the_witness_notes_why_a_record_is_owed() -> None:
    user = User.objects.create(name="Ann", phone="1")
    row = Record.objects.filter(object_id=user.uuid.hex)
    for number in (2, 3):
        row.update(generation=number, caused_by=NEW_VERSION)
    (evidence,) = witness.evidence_by_key().values()
    assert evidence.causes == {2: NEW_VERSION, 3: NEW_VERSION}


@pytest.mark.usefixtures("_watched")
def test_the_witness_takes_what_a_row_was_caused_by_before_for_no_reason() -> None:
    """As where an unanswered request is read back, or a worker's late result is made good."""
    user = User.objects.create(name="Ann", phone="1")
    row = Record.objects.filter(object_id=user.uuid.hex)
    row.update(generation=2, caused_by=NEW_VERSION, lease_token="t")
    row.update(generation=3, caused_by=NEW_VERSION, lease_token=None)
    row.update(generation=4)
    (evidence,) = witness.evidence_by_key().values()
    assert evidence.causes == {}


def _manages(*ends: bool) -> Any:
    """An operator of a system where the command fails each time; ``ends``: whether it has nothing left to do, by then."""
    complaints: list[str] = []

    class Stack:
        tried = 0

        def manage(self, *_: str, **__: str) -> str:
            self.tried += 1
            raise ProcessError("manage.py sync", "failed (1)", "no new version is tried")

    class Stopped:
        def wait(self, _: float) -> None: ...

    class Operator:
        stage = type("Stage", (), {"system": type("System", (), {"stack": Stack()})()})()
        stopped = Stopped()
        manage = Trouble.manage
        answers = iter(ends)

        def complain(self, invariant: str, _: str) -> None:
            complaints.append(invariant)

    return Operator(), complaints


def test_a_command_whose_work_is_done_already_has_not_failed() -> None:
    operator, complaints = _manages(False, True)
    assert operator.manage("sync", over=operator.answers.__next__) == ""
    assert (operator.stage.system.stack.tried, complaints) == (2, [])


def test_a_command_that_fails_again_and_again_is_complained_about() -> None:
    operator, complaints = _manages()
    with pytest.raises(ProcessError):
        operator.manage("sync", over=lambda: False)
    assert complaints == ["I14"]

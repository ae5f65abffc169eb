"""What the brake counts, and when it stops."""

from __future__ import annotations

import pytest

from thirdparty.connectors.base import fields_of
from thirdparty.decide import sent
from thirdparty.decide.brake import Change, Counted, Fresh, Policy, change_of, obstacle
from thirdparty.decide.plan import Call
from thirdparty.decide.sent import Hashes, hash_key

KEY = hash_key("secret")
HOUR = Policy(least=50, percent=20, window_seconds=3600)
NONE = Counted(0, 0, 0)
ANN = {"name": "Ann", "phone": "138", "active": True}


def of(**values: object) -> Hashes:
    return sent.hashes({**ANN, **values}, fields_of, KEY)


INACTIVE = {"active": KEY.of("active", False)}


def test_a_deletion_is_one() -> None:
    assert change_of(Call.DELETE, known=None, wanted=None, inactive={}) is Change.DELETE


@pytest.mark.parametrize("call", [call for call in Call if call not in (Call.UPDATE, Call.DEACTIVATE, Call.DELETE)])
def test_no_other_call_takes_anything_away(call: Call) -> None:
    assert change_of(call, known=of(), wanted=of(name="", phone=""), inactive=INACTIVE) is None


def test_a_deactivation_is_one_unless_the_record_is_inactive_already() -> None:
    assert change_of(Call.DEACTIVATE, known=of(), wanted=None, inactive=INACTIVE) is Change.DEACTIVATE
    assert change_of(Call.DEACTIVATE, known=None, wanted=None, inactive=INACTIVE) is Change.DEACTIVATE
    assert change_of(Call.DEACTIVATE, known=of(active=False), wanted=None, inactive=INACTIVE) is None


def test_an_update_that_deactivates_is_one_where_the_connector_can_tell() -> None:
    off = of(active=False)
    assert change_of(Call.UPDATE, known=of(), wanted=off, inactive=INACTIVE) is Change.DEACTIVATE
    assert change_of(Call.UPDATE, known=None, wanted=off, inactive=INACTIVE) is Change.DEACTIVATE
    assert change_of(Call.UPDATE, known=of(), wanted=off, inactive={}) is None


def test_an_update_of_a_record_that_is_inactive_already_deactivates_nothing() -> None:
    known, wanted = of(active=False), of(active=False, name="Anna")
    assert change_of(Call.UPDATE, known=known, wanted=wanted, inactive=INACTIVE) is None


def test_an_update_that_empties_a_field_is_one() -> None:
    assert change_of(Call.UPDATE, known=of(), wanted=of(phone=""), inactive={}) is Change.EMPTY


def test_an_update_of_most_fields_is_one_and_of_fewer_is_none() -> None:
    assert change_of(Call.UPDATE, known=of(), wanted=of(name="Bo", phone="1"), inactive={}) is Change.REWRITE
    assert change_of(Call.UPDATE, known=of(), wanted=of(name="Bo"), inactive={}) is None


def test_what_is_not_known_is_not_rewritten() -> None:
    assert change_of(Call.UPDATE, known=None, wanted=of(name="", phone=""), inactive={}) is None


@pytest.mark.parametrize(("holds", "limit"), [(0, 50), (200, 50), (255, 51), (1_000_000, 200_000)])
def test_the_limit_is_the_floor_or_the_share_whichever_is_more(holds: int, limit: int) -> None:
    assert HOUR.limit(holds) == limit


def why(counted: Counted, fresh: int, *, limit: int = 50) -> str:
    return obstacle(counted, Fresh(fresh, fresh), limit=limit, holds=100, policy=HOUR)


def test_up_to_the_limit_everything_goes() -> None:
    assert why(NONE, 50) == ""
    assert why(Counted(20, 20, 20), 10) == ""


@pytest.mark.parametrize("counted", [Counted(50, 50, 0), Counted(0, 0, 50), Counted(25, 25, 25)])
def test_one_more_does_not_whatever_went_or_is_owed(counted: Counted) -> None:
    assert why(counted, 1)


def test_twice_the_limit_goes_in_a_day() -> None:
    assert why(Counted(0, 99, 0), 1) == ""
    assert "within a day, and 100 may" in why(Counted(0, 100, 0), 1)


def test_a_record_that_counts_already_may_go_again() -> None:
    assert why(Counted(50, 100, 50), 0) == ""


def test_with_a_limit_of_nothing_every_change_asks() -> None:
    assert why(NONE, 1, limit=0)


def test_the_reason_says_how_many_and_of_how_many() -> None:
    said = why(Counted(3, 3, 40), 10)
    assert said == (
        "53 of the 100 records that the target holds would lose something within 1 hour, and 50 may "
        "(already: 3, now: 10, deletions owed besides: 40)"
    )

"""What came of the last hour and day, by a few marks of how much had been counted."""

from __future__ import annotations

from itertools import pairwise

from thirdparty.observe.recent import Mark, Span, mark, since

MINUTE, HOUR, DAY = 60.0, 3_600.0, 86_400.0
AT = 1_800_000_000.0


def counted(at: float, *, acknowledged: int | None = None, in_time: int = 0, **outcomes: int) -> Mark:
    """So much by then. Left out: one acknowledgement a minute."""
    return Mark(at, round((at - AT) / MINUTE) if acknowledged is None else acknowledged, in_time, outcomes)


def day(hours: float) -> list[Mark]:
    """The marks of so many hours of a reconciler that counts once a minute."""
    marks: list[Mark] = []
    for minute in range(round(hours * 60) + 1):
        marks = mark(marks, counted(AT + minute * MINUTE))
    return marks


def test_a_day_takes_forty_marks_at_most() -> None:
    assert max(len(day(hours)) for hours in (1.5, 26.9, 30, 31.97)) <= 40


def test_of_the_last_hour_there_is_a_mark_in_five_minutes() -> None:
    marks = day(30)
    of_hour = [each.at for each in marks if each.at > marks[-1].at - HOUR]
    assert [later - earlier for earlier, later in pairwise(of_hour)] == [5 * MINUTE] * 11


def test_the_last_hour_is_one_within_five_minutes() -> None:
    marks = day(30)
    came = since(marks, counted(marks[-1].at + 4 * MINUTE), Span.HOUR.length)
    assert 60 <= came.acknowledged <= 69


def test_the_last_day_is_one_within_an_hour() -> None:
    marks = day(50)
    came = since(marks, counted(marks[-1].at), Span.DAY.length)
    assert 24 * 60 <= came.acknowledged <= 25 * 60


def test_what_is_younger_than_a_day_counts_from_its_beginning() -> None:
    marks = day(3)
    assert since(marks, counted(marks[-1].at), Span.DAY.length).acknowledged == 180


def test_before_the_first_mark_nothing_has_come() -> None:
    assert since([], counted(AT, acknowledged=7), Span.HOUR.length).acknowledged == 0


def test_marks_of_a_clock_that_was_ahead_are_forgotten() -> None:
    assert [each.at for each in mark(day(3), counted(AT + HOUR))][-1] <= AT + HOUR


def test_what_failed_is_told_by_outcome_and_what_went_well_is_not() -> None:
    before = counted(AT, acknowledged=0, ok=5, transient=1, unknown=2)
    came = since(
        [before], counted(AT + HOUR, acknowledged=4, in_time=3, ok=9, transient=3, unknown=2), Span.HOUR.length
    )
    assert came.failed == {"transient": 2}


def test_the_share_in_time_is_rounded_down_so_that_a_hundred_means_all() -> None:
    start = counted(AT, acknowledged=0)
    almost = since([start], counted(AT + HOUR, acknowledged=100_000, in_time=99_999), Span.HOUR.length)
    assert almost.percent_in_time == 99.9


def test_counts_that_began_anew_are_no_negative_number() -> None:
    came = since([counted(AT, acknowledged=50, in_time=50)], counted(AT + HOUR, acknowledged=2), Span.HOUR.length)
    assert (came.acknowledged, came.in_time) == (0, 0)

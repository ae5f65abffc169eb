"""How far something long has come, for whoever waits: a bar on a terminal, and a line from time to time elsewhere."""

from __future__ import annotations

import sys
from io import StringIO

import pytest

from thirdparty.management.sync.progress import progress


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def seconds() -> list[float]:
    """The time is the last of these."""
    return [0.0]


def test_without_a_terminal_a_line_has_the_rate_and_the_time_left(
    seconds: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with progress("owing partner", total=1_000, clock=lambda: seconds[-1]) as shown:
        for second in range(6):
            seconds.append(float(second))
            shown.to(100 * second)

    said = capsys.readouterr()
    assert said.err == "owing partner: 500 of 1000 records, 100 a second, 0:00:05 left\n"
    assert said.out == ""


def test_without_a_terminal_there_is_no_more_than_a_line_every_five_seconds(
    seconds: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with progress("owing partner", total=10_000, clock=lambda: seconds[-1]) as shown:
        for tenth in range(1, 121):
            seconds.append(tenth / 10)
            shown.to(tenth)

    assert len(capsys.readouterr().err.splitlines()) == 2


def test_what_is_soon_done_is_not_talked_of(seconds: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    with progress("owing partner", total=1, clock=lambda: seconds[-1]) as shown:
        shown.to(1)

    assert capsys.readouterr().err == ""


def test_what_stands_still_is_said_once(seconds: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    with progress("auditing", clock=lambda: seconds[-1]) as shown:
        for second in range(60):
            seconds.append(float(second))
            shown.to(0, note="waiting")

    assert capsys.readouterr().err == "auditing: 0 records; waiting\n"


def test_a_total_that_is_known_better_later_is_taken(seconds: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    with progress("importing", unit="rows", clock=lambda: seconds[-1]) as shown:
        seconds.append(5.0)
        shown.to(10, total=40)

    assert capsys.readouterr().err.startswith("importing: 10 of 40 rows")


def test_on_a_terminal_it_is_a_bar_and_no_lines(monkeypatch: pytest.MonkeyPatch, seconds: list[float]) -> None:
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)

    with progress("owing partner", total=10, clock=lambda: seconds[-1]) as shown:
        seconds.append(6.0)
        shown.to(5)
        shown.bar.refresh()

    assert "5/10" in terminal.getvalue()
    assert "a second" not in terminal.getvalue()

"""``sync status --watch``: looks again by itself, until somebody stops it."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError
from rich.console import Console

from thirdparty import targets
from thirdparty.management.sync import status as status_command
from thirdparty.management.sync import watch as watch_module
from thirdparty.models import Target
from thirdparty.observe.status import status
from users.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _all_is_well(at_work: None) -> None:
    targets.publish_rows()
    Target.objects.update(behind_since=None, swept=True, fence=None)


@pytest.fixture
def ends_after(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[float]]:
    """Somebody presses Ctrl-C after so many looks; the waits between them."""

    def press(looks: int, meanwhile: Callable[[], object] = lambda: None) -> list[float]:
        waits: list[float] = []

        def wait(seconds: float) -> None:
            waits.append(seconds)
            meanwhile()
            if len(waits) == looks:
                raise KeyboardInterrupt

        monkeypatch.setattr(watch_module.time, "sleep", wait)
        return waits

    return press


def watched(*arguments: str) -> str:
    out = StringIO()
    call_command("sync", "status", "--watch", *arguments, stdout=out)
    return out.getvalue()


def on_a_terminal(width: int = 80) -> str:
    out = StringIO()
    console = Console(file=out, force_terminal=True, width=width, height=40, markup=False, highlight=False)
    status_command.run(console, {"json": False, "watch": 2.0, "max_age": None, "check": False})
    return out.getvalue()


def test_it_looks_again_until_somebody_presses_ctrl_c_and_ends_well(ends_after: Callable[..., list[float]]) -> None:
    waits = ends_after(2, lambda: User.objects.create_user(name="Ada", phone="1"))

    printed = watched()

    assert printed.splitlines() == [
        "partner: Nothing is to be at partner yet.", "  no records", "healthy",
        "partner: 1 of 1 person differs at partner. 1 is on its way.", printed.splitlines()[4], "healthy",
    ]  # fmt: skip
    assert waits == [watch_module.EVERY_SECONDS] * 2


def test_it_looks_as_often_as_it_is_told(ends_after: Callable[..., list[float]]) -> None:
    waits = ends_after(1)

    watched("0.5")

    assert waits == [0.5]


def test_as_json_each_look_is_a_line(ends_after: Callable[..., list[float]]) -> None:
    ends_after(2)

    looks = [json.loads(line) for line in watched("--json").splitlines()]

    assert [look["healthy"] for look in looks] == [True, True]
    assert looks[0].keys() == status().as_json().keys()


def test_on_a_terminal_the_new_look_takes_the_place_of_the_old_one(ends_after: Callable[..., list[float]]) -> None:
    ends_after(2)

    printed = on_a_terminal()

    assert "\x1b[2K" in printed


def test_a_database_that_does_not_answer_is_one_line_and_it_goes_on(
    ends_after: Callable[..., list[float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    ends_after(2)
    answers: list[Any] = [OperationalError("password=secret"), status()]

    def look() -> Any:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(status_command, "status", look)
    monkeypatch.setattr(watch_module.connection, "close", lambda: None)

    printed = watched()

    assert printed.splitlines()[0] == "the database does not answer (OperationalError)"
    assert printed.splitlines()[-1] == "healthy"


@pytest.mark.parametrize("judging", [["--max-age", "60"], ["--check"]])
def test_it_watches_or_judges_not_both(judging: list[str]) -> None:
    with pytest.raises(CommandError, match="not allowed with"):
        call_command("sync", "status", "--watch", *judging)


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "1e9"])
def test_a_wait_that_is_none_is_refused(seconds: str) -> None:
    with pytest.raises(CommandError, match="more than 0"):
        call_command("sync", "status", f"--watch={seconds}")


def test_it_is_readable_on_eighty_columns(ends_after: Callable[..., list[float]]) -> None:
    User.objects.create_user(name="Ada", phone="1")
    out = StringIO()
    Console(file=out, width=80, markup=False, highlight=False).print(status_command._shown(status()))

    assert all(len(line.rstrip()) <= 80 for line in out.getvalue().splitlines())
    assert "partner: 1 of 1 person differs at partner. 1 is on its way." in out.getvalue()

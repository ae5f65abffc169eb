"""A worker's processes share a few places to drain a target with a rate."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import Any

import pytest

from users.sync import places

FORK = multiprocessing.get_context("fork")


@pytest.fixture(autouse=True)
def _three_processes() -> Iterator[None]:
    places.divide_among(3)
    yield
    places.divide_among(1)


def hold(told: Connection) -> None:
    with places.place("partner") as nth:
        told.send(nth)
        signal.pause()


@pytest.fixture
def holders() -> Iterator[list[Any]]:
    """Processes of the same worker that hold a place each, one after the other, and which."""
    found = []
    for _ in range(2):
        hears, told = FORK.Pipe()
        process = FORK.Process(target=hold, args=(told,))
        process.start()
        found.append((process, hears.recv()))
    yield found
    for process, _ in found:
        process.kill()
        process.join()


def test_every_process_but_one_has_a_place(holders: list[Any]) -> None:
    assert [nth for _, nth in holders] == [0, 1]
    with places.place("partner") as nth:
        assert nth is None


def test_each_target_has_places_of_its_own(holders: list[Any]) -> None:
    with places.place("saas") as nth:
        assert nth == 0


def test_the_place_of_a_process_that_was_killed_is_free(holders: list[Any]) -> None:
    process, _ = holders[0]
    process.kill()
    process.join()
    with places.place("partner") as nth:
        assert nth == 0


@pytest.mark.parametrize("processes", [1, 2, "auto"])
def test_there_is_always_one_place(processes: object) -> None:
    places.divide_among(processes)
    with places.place("partner") as nth:
        assert nth == 0

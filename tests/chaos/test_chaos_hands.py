"""The chaos run's own hands: nobody acts on what is judged, and no two of them start one process."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from tests.chaos.run import adversary, campaign
from tests.chaos.run.options import read


class Hands:
    """What whoever starts a process has to hold."""

    held = 0

    def __enter__(self) -> None:
        self.held += 1

    def __exit__(self, *_: object) -> None:
        self.held -= 1


class Down:
    """A process that ended by itself."""

    alive = died = False

    def __init__(self, hands: Hands) -> None:
        self.hands = hands
        self.started_by_hand: list[bool] = []

    def start(self) -> None:
        self.started_by_hand.append(self.hands.held > 0)
        self.alive = True

    def ready(self, _: object) -> bool:
        return self.alive


def test_whoever_heals_starts_a_process_only_with_its_hands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adversary, "deck", lambda *_: [])
    hands = Hands()
    web = Down(hands)
    system: Any = SimpleNamespace(hands=hands, process={"web": web}, third_parties={})
    adversary.Adversary(read([]), system, print).heal()
    assert web.started_by_hand == [True]


def test_a_run_is_not_judged_while_somebody_is_still_at_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(campaign, "_LAST_DEED_SECONDS", 0.0)
    over = threading.Event()
    deploying = threading.Thread(target=over.wait, name="deploying", daemon=True)
    deploying.start()
    with pytest.raises(TimeoutError, match="deploying"):
        campaign._await_end([deploying])
    over.set()
    deploying.join()
    campaign._await_end([deploying])

"""Writes of every kind that Django and SQL know, drawn at random."""

from __future__ import annotations

import random
import threading
import time

from django.db import close_old_connections, connection

from tests.chaos.run.clients import Admin, Api
from tests.chaos.run.gate import Gate
from tests.chaos.run.key_writes import KeyWrites
from tests.chaos.run.population import Population
from tests.chaos.run.roster import Roster
from tests.chaos.run.saved_writes import SavedWrites
from tests.chaos.run.silent_writes import SilentWrites
from tests.chaos.run.tally import Tally
from tests.chaos.run.web_writes import WebWrites


class Writer(threading.Thread):
    """Writes until told to stop, so many times per second.

    ``signals_only``: nothing but what sends Django's signals, which is all that the textbook
    application can see. ``changes_keys``: primary keys, too. ``check_owed``: see `hand.Hand`.
    """

    def __init__(
        self,
        chance: random.Random,
        population: Population,
        tally: Tally,
        *,
        api: Api,
        admin: Admin,
        per_second: float,
        roster: Roster,
        gate: Gate,
        signals_only: bool,
        changes_keys: bool,
        check_owed: bool,
    ) -> None:
        super().__init__(name="writer", daemon=True)
        self.stopped = threading.Event()
        self._chance = chance
        self._tally = tally
        self._per_second = per_second
        self._gate = gate
        hand = (chance, population, tally, roster, check_owed, self.stopped)
        ways = {**WebWrites(*hand, api, admin).ways(), **SavedWrites(*hand).ways()}
        if not signals_only:
            ways |= SilentWrites(*hand).ways()
        if changes_keys:
            ways |= KeyWrites(*hand).ways()
        self._ways, self._weights = list(ways), list(ways.values())

    def run(self) -> None:
        due = time.monotonic()
        while not self.stopped.is_set():
            with self._gate.passing():
                self.write()
            due = max(due + self._chance.expovariate(self._per_second), time.monotonic() - 1)
            self.stopped.wait(max(due - time.monotonic(), 0))
        connection.close()

    def write(self) -> None:
        """One write of a random kind; failures are counted, since the chaos may hit us too."""
        (way,) = self._chance.choices(self._ways, self._weights)
        try:
            rows = way()
        except Exception as error:  # noqa: BLE001  # web and database are killed on purpose
            self._tally.failed(way.__name__, error)
        else:
            if rows:
                self._tally.wrote(way.__name__, rows)
        close_old_connections()

"""Transactions that are open for seconds."""

from __future__ import annotations

from tests.chaos.run.troubles.long_transaction import LongTransaction
from tests.chaos.run.troubles.trouble import Trouble

_OPEN_SECONDS = (2.0, 6.0)


class Transactions(Trouble):
    """On PostgreSQL; on SQLite one would merely stop everybody else."""

    kind = "transactions"

    def strike(self) -> None:
        one = LongTransaction(self.stage, self.chance)
        with self.stage.gate.passing():
            one.open()
            self.stopped.wait(self.chance.uniform(*_OPEN_SECONDS))
            one.close()
        if one.committed:
            self.did("repeatable read" if one.repeatable else "read committed")

"""A transaction that stays open for seconds, with edits at its beginning and at its end."""

from __future__ import annotations

import random
import threading
from contextlib import suppress

from django.db import Error, connection, transaction

from tests.chaos.run.population import chosen, turn_over
from tests.chaos.run.troubles.trouble import Stage
from users.models import User

_REPEATABLE_READ = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"
_PEOPLE = 3
"""All are edited at the beginning, and just one of them again at the end."""
_MEMBERS = 5
"""They join or leave a group at the beginning, which locks no row of theirs: whoever looks for people nobody holds, finds
them free.
"""
_PATIENCE_SECONDS = 60.0


class LongTransaction(threading.Thread):
    """Open from `start` on until `close`, or for as long as it has patience. ``committed``: what became of it."""

    def __init__(self, stage: Stage, chance: random.Random) -> None:
        super().__init__(name="long transaction", daemon=True)
        self._stage = stage
        self._chance = chance
        self._opened = threading.Event()
        self._over = threading.Event()
        self.repeatable = chance.random() < 0.5
        self.committed = False
        self.people: list[str] = []

    def open(self) -> None:
        """Return once its first edits are made."""
        self.start()
        self._opened.wait(_PATIENCE_SECONDS)

    def close(self) -> None:
        """Let it make its last edits and commit."""
        self._over.set()
        self.join(_PATIENCE_SECONDS)

    def run(self) -> None:
        try:
            self._write()
        except Error as error:
            self._stage.tally.failed("transactions", error)
        finally:
            self._opened.set()
            connection.close()

    def _write(self) -> None:
        with transaction.atomic():
            if self.repeatable:
                with connection.cursor() as cursor:
                    cursor.execute(_REPEATABLE_READ)
            people = chosen(self._chance, _PEOPLE, least=_PEOPLE)
            members = self._others_than(people)
            self.people = [str(user.uuid) for user in (*people, *members)]
            for user in people:
                user.email = self._stage.population.new_email()
                user.save(update_fields=["email"])
            for member in members:
                turn_over(member, self._chance)
            with suppress(_Regretted), transaction.atomic():
                people[0].name = self._stage.population.new_name(people[0].name)
                people[0].save(update_fields=["name"])
                raise _Regretted
            people[0].refresh_from_db()
            self._opened.set()
            self._over.wait(_PATIENCE_SECONDS)
            with transaction.atomic():
                people[-1].name = self._stage.population.new_name(people[-1].name)
                people[-1].save(update_fields=["name"])
        self.committed = True

    def _others_than(self, people: list[User]) -> list[User]:
        others = User.objects.filter(is_superuser=False).exclude(pk__in=[user.pk for user in people])
        return sorted(self._chance.sample(list(others), min(_MEMBERS, len(others))), key=lambda user: user.pk)


class _Regretted(Exception):
    """To leave a savepoint without what was written in it."""

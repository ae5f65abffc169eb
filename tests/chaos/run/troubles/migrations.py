"""``migrate`` again and again, with triggers that are of another version, or gone."""

from __future__ import annotations

from django.db import connection

from tests.chaos.run import witness
from tests.chaos.run.population import chosen
from tests.chaos.run.troubles.trouble import Trouble
from thirdparty.capture import triggers
from users.models import User

_PATIENCE_SECONDS = 4.0
_MARK = "RETURN NULL; END"


class Migrations(Trouble):
    """I14: ``migrate`` is its own cure, and exits with 0."""

    kind = "migrations"
    pauses = (3.0, 7.0)

    def strike(self) -> None:
        ways = [self._nothing_to_do, self._dropped]
        if self.stage.on_postgresql:
            ways += [self._of_another_version] * 2
        self.chance.choice(ways)()

    def undo(self) -> None:
        self._migrate()

    def _migrate(self) -> None:
        self.manage("migrate", "--verbosity", "0", SYNC_TARGETS=",".join(self.stage.system.roster.present()))

    def _nothing_to_do(self) -> None:
        self._migrate()
        self.did("with nothing to do")

    def _of_another_version(self) -> None:
        """As an older version of the product wrote it: it does the same, and reads otherwise."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_get_functiondef('thirdparty_users_user__users_user__insert()'::regprocedure)")
            (definition,) = cursor.fetchone()
            cursor.execute(definition.replace(_MARK, f"/* of another version */ {_MARK}").replace("%", "%%"), [])
        self._migrate()
        self.did("of another version")

    def _dropped(self) -> None:
        """What is written while they are gone is unrecorded, and owed once they are back."""
        with self.stage.gate.closed(within_seconds=_PATIENCE_SECONDS):
            triggers.drop()
            people = chosen(self.chance, 3)
            User.objects.filter(pk__in=[user.pk for user in people]).update(email=self.stage.population.new_email())
            witness.note([user.uuid for user in people])
            self._migrate()
        self.did("dropped")

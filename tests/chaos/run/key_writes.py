"""Writes that change who a row is: its primary key, its identity, or both, along with what is synced."""

from __future__ import annotations

from uuid import UUID, uuid4

from django.db import connection, transaction

from tests.chaos.run.hand import Hand, Ways
from users.models import User

_FAR = 10_000_000
"""No sequence gets there within a run."""


class KeyWrites(Hand):
    """By SQL, since no ORM would do it."""

    def ways(self) -> Ways:
        return {self.sql_new_key: 3, self.sql_new_uuid: 1, self.sql_new_key_and_uuid: 1}

    def sql_new_key(self) -> int:
        """The same person under another primary key, with another address, in one statement."""
        with transaction.atomic():
            (user,) = self.some()
            self._change(user, key=_FAR + self.population.edition())
            return self.owed([user.uuid])

    def sql_new_uuid(self) -> int:
        """Somebody else in the same row: the old record goes, a new one comes."""
        with transaction.atomic():
            (user,) = self.some()
            uuid = uuid4()
            self._change(user, uuid=uuid)
            return self.owed([user.uuid, uuid])

    def sql_new_key_and_uuid(self) -> int:
        with transaction.atomic():
            (user,) = self.some()
            uuid = uuid4()
            self._change(user, key=_FAR + self.population.edition(), uuid=uuid)
            return self.owed([user.uuid, uuid])

    def _change(self, user: User, *, key: int | None = None, uuid: UUID | None = None) -> None:
        values = [
            key or user.pk,
            User._meta.get_field("uuid").get_db_prep_value(uuid or user.uuid, connection),
            self.population.new_email(),
            user.pk,
        ]
        with connection.cursor() as cursor:
            cursor.execute("UPDATE users_user SET id = %s, uuid = %s, email = %s WHERE id = %s", values)
            if key is not None:
                cursor.execute("UPDATE users_user_groups SET user_id = %s WHERE user_id = %s", [key, user.pk])

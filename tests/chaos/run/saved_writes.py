"""Writes by the ORM that send Django's signals."""

from __future__ import annotations

from django.db import transaction

from tests.chaos.run.hand import Hand, Ways, first_life
from tests.chaos.run.population import scarce, turn_over
from users.models import User


class SavedWrites(Hand):
    """``save()``, ``delete()`` and roles given and taken."""

    def ways(self) -> Ways:
        return {
            self.save: 10,
            self.create: 2,
            self.delete: 2,
            self.queryset_delete: 2,
            self.recreate: 4,
            self.recreate_at_once: 2,
            self.roles: 4,
        }

    def create(self) -> int:
        (person,) = self.population.newcomers(1)
        with transaction.atomic():
            return self.owed([self.second_life(person).uuid])

    def save(self) -> int:
        with transaction.atomic():
            (user,) = self.some()
            user.email = self.population.new_email()
            user.save()
            return self.owed([user.uuid])

    def delete(self) -> int:
        if scarce():
            return self.create()
        with transaction.atomic():
            (user,) = self.some()
            uuid = user.uuid
            user.delete()
            return self.owed([uuid])

    def queryset_delete(self) -> int:
        if scarce():
            return self.create()
        with transaction.atomic():
            users = self.some(3)
            User.objects.filter(pk__in=[user.pk for user in users]).delete()
            return self.owed(user.uuid for user in users)

    def recreate(self) -> int:
        """Gone, and here again under the same username as somebody else."""
        (user,) = self.some()
        person, uuid = first_life(user), user.uuid
        with transaction.atomic():
            user.delete()
            self.owed([uuid])
        self.pause(self.chance.choice((0, 0, 0.3, 1.5)))
        with transaction.atomic():
            again = self.second_life(person)
            return 1 + self.owed([again.uuid])

    def recreate_at_once(self) -> int:
        with transaction.atomic():
            (user,) = self.some()
            person, uuid = first_life(user), user.uuid
            user.delete()
            again = self.second_life(person)
            return self.owed([uuid, again.uuid])

    def roles(self) -> int:
        with transaction.atomic():
            (user,) = self.some()
            turn_over(user, self.chance)
            return self.owed([user.uuid])

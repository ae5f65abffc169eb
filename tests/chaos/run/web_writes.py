"""Writes through the API and the admin's form."""

from __future__ import annotations

from dataclasses import dataclass

from tests.chaos.run.clients import Admin, Api
from tests.chaos.run.hand import Hand, Ways, first_life
from tests.chaos.run.population import GROUPS, crowded, scarce


@dataclass(frozen=True)
class WebWrites(Hand):
    """As people and other programs write. Raises `Refused` and `requests.RequestException`."""

    api: Api
    admin: Admin

    def ways(self) -> Ways:
        return {
            self.api_create: 7,
            self.api_change: 14,
            self.api_activity: 5,
            self.api_roles: 4,
            self.api_delete: 3,
            self.api_recreate: 3,
            self.admin_form: 6,
        }

    def api_create(self) -> int:
        if crowded():
            return self.api_delete()
        (person,) = self.population.newcomers(1)
        groups = self.chance.sample(GROUPS, self.chance.randint(0, 2))
        self.api.create(name=person.name, phone=person.phone, email=self.population.new_email(), groups=groups)
        return 1

    def api_change(self) -> int:
        (user,) = self.some()
        if self.chance.random() < 0.5:
            self.api.change(user.uuid, name=self.population.new_name(user.name))
        else:
            self.api.change(user.uuid, email=self.population.new_email())
        return 1

    def api_activity(self) -> int:
        (user,) = self.some()
        self.api.change(user.uuid, is_active=not user.is_active)
        return 1

    def api_roles(self) -> int:
        (user,) = self.some()
        self.api.change(
            user.uuid,
            groups=self.chance.sample(GROUPS, self.chance.randint(0, 3)),
            email=self.population.new_email(),
        )
        return 1

    def api_delete(self) -> int:
        if scarce():
            return self.api_create()
        (user,) = self.some()
        self.api.delete(user.uuid)
        return 1

    def api_recreate(self) -> int:
        (user,) = self.some()
        person = first_life(user)
        self.api.delete(user.uuid)
        self.api.create(name=person.name, phone=person.phone, email=self.population.new_email())
        return 2

    def admin_form(self) -> int:
        (user,) = self.some()
        fields = {
            "name": self.population.new_name(user.name),
            "phone": user.phone,
            "email": self.population.new_email(),
            "groups": list(user.groups.values_list("pk", flat=True)),
        }
        if user.is_active:
            fields["is_active"] = "on"
        self.admin.change(user.pk, **fields)
        return 1

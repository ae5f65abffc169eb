"""Writes that send no signals: only the database's own triggers can see them."""

from __future__ import annotations

from uuid import uuid4

from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.utils import timezone

from tests.chaos.run.hand import Hand, Ways
from tests.chaos.run.population import GROUPS, crowded, scarce
from users.models import RoleMapping, User


class SilentWrites(Hand):
    """``update()``, the bulk methods, SQL, and roles from the group's side."""

    def ways(self) -> Ways:
        return {
            self.update: 8,
            self.update_activity: 4,
            self.bulk_create: 3,
            self.bulk_update: 5,
            self.sql_update: 5,
            self.sql_insert: 2,
            self.sql_delete: 2,
            self.members: 2,
            self.role_mapping: 1,
            self.rename: 1,
        }

    def update(self) -> int:
        with transaction.atomic():
            users = self.some(10)
            User.objects.filter(pk__in=[user.pk for user in users]).update(email=self.population.new_email())
            return self.owed(user.uuid for user in users)

    def update_activity(self) -> int:
        with transaction.atomic():
            users = self.some(4)
            picked = User.objects.filter(pk__in=[user.pk for user in users])
            picked.update(is_active=self.chance.random() < 0.6, email=self.population.new_email())
            return self.owed(user.uuid for user in users)

    def bulk_create(self) -> int:
        if crowded():
            return self.sql_delete()
        people = self.population.newcomers(self.chance.randint(2, 8))
        users = [User(name=person.name, phone=person.phone, password="!") for person in people]
        with transaction.atomic():
            User.objects.bulk_create(users)
            return self.owed(user.uuid for user in users)

    def bulk_update(self) -> int:
        with transaction.atomic():
            users = self.some(10)
            for user in users:
                user.name = self.population.new_name(user.name)
            User.objects.bulk_update(users, ["name"])
            return self.owed(user.uuid for user in users)

    def sql_update(self) -> int:
        with transaction.atomic(), connection.cursor() as cursor:
            (user,) = self.some()
            name = self.population.new_name(user.name)
            cursor.execute("UPDATE users_user SET name = %s WHERE id = %s", [name, user.pk])
            return self.owed([user.uuid])

    def sql_insert(self) -> int:
        if crowded():
            return self.sql_delete()
        (person,) = self.population.newcomers(1)
        uuid = uuid4()
        values = {
            "uuid": User._meta.get_field("uuid").get_db_prep_value(uuid, connection),
            "username": f"bysql{person.number}",
            "name": person.name,
            "phone": person.phone,
            "email": "",
            "password": "!",
            "is_active": True,
            "is_staff": False,
            "is_superuser": False,
            "date_joined": timezone.now(),
        }
        with transaction.atomic(), connection.cursor() as cursor:
            sql = f"INSERT INTO users_user ({', '.join(values)}) VALUES ({', '.join(['%s'] * len(values))})"
            cursor.execute(sql, list(values.values()))
            return self.owed([uuid])

    def sql_delete(self) -> int:
        if scarce():
            return self.sql_insert()
        with transaction.atomic(), connection.cursor() as cursor:
            (user,) = self.some()
            cursor.execute("DELETE FROM users_user_groups WHERE user_id = %s", [user.pk])
            cursor.execute("DELETE FROM users_user WHERE id = %s", [user.pk])
            return self.owed([user.uuid])

    def members(self) -> int:
        """A group gets or loses members, from the group's side."""
        group = Group.objects.get(name=self.chance.choice(GROUPS))
        with transaction.atomic():
            users = self.some(6)
            before = set(group.user_set.values_list("pk", flat=True))
            if self.chance.random() < 0.5:
                group.user_set.add(*users)
                changed = [user for user in users if user.pk not in before]
            else:
                group.user_set.remove(*users)
                changed = [user for user in users if user.pk in before]
            return self.owed(user.uuid for user in changed)

    def role_mapping(self) -> int:
        """A role is called otherwise at the target: every member is owed."""
        with transaction.atomic():
            mapping = RoleMapping.objects.select_related("group").get(
                group__name=self.chance.choice(GROUPS), target=self.chance.choice(sorted(self.roster.owed()))
            )
            mapping.remote_role_id = f"{mapping.group.name}-{self.population.edition()}"
            mapping.save()
            members = mapping.group.user_set.filter(is_superuser=False).values_list("uuid", flat=True)
            return self.owed(members, targets=[mapping.target])

    def rename(self) -> int:
        """The local username changes behind everybody's back; the remote one must not."""
        with transaction.atomic():
            (user,) = self.some()
            User.objects.filter(pk=user.pk).update(username=f"renamed{self.population.edition()}")
            return self.owed([user.uuid])

"""The people of a run, and the values that they are given."""

from __future__ import annotations

import itertools
import random
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

from django.contrib.auth.models import Group
from django.db import connection, transaction

from tests.chaos.run.options import POPULATION
from users.models import RoleMapping, User

GROUPS = ("staff", "guests", "night shift")
_NAMES = ("张伟", "王芳", "李娜", "Ann", "Björk", "O'Neil", "Нина", "Jo-Anne van den Berg")


@dataclass(frozen=True, slots=True)
class Person:
    """Whoever has this number has this name and phone at first, hence always the same username."""

    number: int

    @property
    def name(self) -> str:
        return _NAMES[self.number % len(_NAMES)]

    @property
    def phone(self) -> str:
        return f"138{self.number:08d}"


class Population:
    """New people, their second lives, and values that were never used before. Safe for threads."""

    def __init__(self, *, first_number: int = 1) -> None:
        self._numbers = itertools.count(first_number)
        self._editions = itertools.count(1)
        self._lock = threading.Lock()

    def edition(self) -> int:
        """A number that no value had before, so that every content is told from every other."""
        with self._lock:
            return next(self._editions)

    def newcomers(self, count: int) -> list[Person]:
        with self._lock:
            return [Person(next(self._numbers)) for _ in range(count)]

    def new_name(self, name: str) -> str:
        return f"{name.partition(' no. ')[0]} no. {self.edition()}"

    def new_email(self) -> str:
        return f"e{self.edition()}@example.com"


def settle_in(count: int, population: Population, targets: Iterable[str]) -> None:
    """The groups with their roles at each target, and the first people."""
    for name, target in product(GROUPS, targets):
        group, _ = Group.objects.get_or_create(name=name)
        RoleMapping.objects.get_or_create(group=group, target=target, remote_role_id=f"{name}-0")
    with transaction.atomic():
        for person in population.newcomers(count):
            User.objects.create(name=person.name, phone=person.phone, password="!")


def chosen(chance: random.Random, most: int, *, least: int = 1) -> list[User]:
    """Some people, each once; fewer where there are not so many. Locked, within a transaction."""
    keys = list(User.objects.filter(is_superuser=False).order_by("pk").values_list("pk", flat=True))
    picked = chance.sample(keys, min(chance.randint(least, most), len(keys)))
    users = User.objects.filter(pk__in=picked).order_by("pk")
    return list(users.select_for_update() if connection.in_atomic_block else users)


def turn_over(user: User, chance: random.Random) -> None:
    """This person joins a group, or leaves it."""
    group = Group.objects.get(name=chance.choice(GROUPS))
    if user.groups.filter(pk=group.pk).exists():
        user.groups.remove(group)
    else:
        user.groups.add(group)


def crowded() -> bool:
    """Whether there are enough people, so that some had better go."""
    return User.objects.filter(is_superuser=False).count() > POPULATION


def scarce() -> bool:
    """Whether there are so few that nobody more may go."""
    return User.objects.filter(is_superuser=False).count() < POPULATION // 2

"""The invented people of the demo."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

from syncproject.demo.stack import TARGET

ROLE_IDS = {"Sales": "r-sales", "Support": "r-support", "Warehouse": "r-warehouse"}
"""The groups of the local system, and what the third party calls each."""

_SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
_GIVEN_NAMES = ("伟", "芳", "娜", "敏", "静", "秀英", "丽", "强", "磊", "军", "洋", "艳", "勇", "杰", "娟", "涛", "明")
_FIRST_NAMES = ("Zoë", "Łukasz", "Søren", "Amélie", "Müge", "José", "Ann", "Björn", "Chloé", "Dana", "Eoin")
_LAST_NAMES = ("O'Neill", "García", "Müller", "Nováková", "Smith", "Øster", "Đorđević", "Brown", "d'Arc", "Weiß")


@dataclass(frozen=True, slots=True)
class Person:
    """What the demo sends to the API for a new user."""

    name: str
    phone: str
    email: str
    groups: tuple[str, ...]


def people() -> Iterator[Person]:
    """People without end, each with another phone number; every second one has a Chinese name."""
    roles = [(), *((group,) for group in ROLE_IDS), tuple(ROLE_IDS)[:2]]
    for number in count():
        nth = number // 2
        if number % 2:
            name = f"{_FIRST_NAMES[nth % len(_FIRST_NAMES)]} {_LAST_NAMES[nth % len(_LAST_NAMES)]}"
        else:
            name = _SURNAMES[nth % len(_SURNAMES)] + _GIVEN_NAMES[nth % len(_GIVEN_NAMES)]
        yield Person(name, f"138{number:08d}", f"person{number}@example.com", roles[number % len(roles)])


def roles() -> list[dict[str, Any]]:
    """The groups and their role ids as rows for `Stack.load`."""
    rows: list[dict[str, Any]] = []
    for key, (group, role_id) in enumerate(ROLE_IDS.items(), start=1):
        rows.append({"model": "auth.group", "pk": key, "fields": {"name": group}})
        mapping = {"group": key, "target": TARGET, "remote_role_id": role_id}
        rows.append({"model": "users.rolemapping", "pk": key, "fields": mapping})
    return rows

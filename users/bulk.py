"""Many new people at once, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db import transaction

from users import permissions, services
from users.models import User
from users.permissions import OPERATOR, Account, Right
from users.services import PersonValues

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Item:
    """What became of one: a saved ``user``, or ``errors`` by field."""

    user: User | None
    errors: Mapping[str, Any]


class NotValid(Exception):
    """An item is no person; ``errors`` by field."""

    def __init__(self, errors: Mapping[str, Any]) -> None:
        super().__init__("not valid")
        self.errors = errors


class Refused(Exception):
    """Some of them cannot be saved, so none was: ``errors`` by their index."""

    def __init__(self, errors: Mapping[int, Mapping[str, Any]]) -> None:
        super().__init__(f"{len(errors)} refused")
        self.errors = errors


def create(
    items: Sequence[T],
    *,
    checked: Callable[[T], PersonValues],
    atomic: bool,
    kept: Callable[[list[Item]], None],
    by: Account = OPERATOR,
) -> None:
    """Save a new person for each item; ``kept`` is called with what became of them, in the same transaction.

    ``checked`` gives an item's values, or raises `NotValid`. ``atomic``: one that is refused keeps all of them out.
    Raises `Refused` then, and `NotAllowed` for a single group that ``by`` cannot give. One hint wakes them all.
    """
    permissions.require(by, Right.ADD)
    with transaction.atomic():
        results = [_create(item, checked, by) for item in items]
        refused = {index: result.errors for index, result in enumerate(results) if result.user is None}
        if atomic and refused:
            raise Refused(refused)
        kept(results)


def _create(item: T, checked: Callable[[T], PersonValues], by: Account) -> Item:
    try:
        with transaction.atomic():
            return Item(services.create_user(by=by, **checked(item)), {})
    except NotValid as invalid:
        return Item(None, invalid.errors)
    except ValidationError as problem:
        return Item(None, problem.message_dict)

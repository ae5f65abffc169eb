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
    drafts = [_draft(item, checked) for item in items]
    with transaction.atomic():
        # By username, as everybody inserts them: two requests with the same people in another order would
        # each wait for a username that the other has.
        created = {
            nth: _create(drafts[nth], by) for nth in sorted(range(len(drafts)), key=lambda nth: drafts[nth].wants)
        }
        results = [created[nth] for nth in range(len(drafts))]
        refused = {index: result.errors for index, result in enumerate(results) if result.user is None}
        if atomic and refused:
            raise Refused(refused)
        kept(results)


@dataclass(frozen=True, slots=True)
class _Draft:
    """``wants``: the username that will be tried first; empty for no person."""

    person: User
    values: PersonValues
    wants: str = ""
    errors: Mapping[str, Any] | None = None


def _draft(item: T, checked: Callable[[T], PersonValues]) -> _Draft:
    person = services.new_person()
    try:
        values = checked(item)
    except NotValid as invalid:
        return _Draft(person, {}, errors=invalid.errors)
    person.name, person.phone = values["name"], values.get("phone", "")
    return _Draft(person, values, values.get("username") or person.wanted_username())


def _create(draft: _Draft, by: Account) -> Item:
    if draft.errors is not None:
        return Item(None, draft.errors)
    try:
        with transaction.atomic():
            return Item(services.create_user(draft.person, by=by, **draft.values), {})
    except ValidationError as problem:
        return Item(None, problem.message_dict)

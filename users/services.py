"""Create, change and delete people. The targets follow by themselves: the triggers record what is owed.

Every value goes through `User.full_clean`, as the admin's forms do, so there is one set of rules. ``by`` is the
account that acts, and `users.permissions` says what it may; whoever calls without one acts as an operator.
How long a write waits for the targets is chosen in `users.consistency`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TypedDict, Unpack
from uuid import UUID

from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from thirdparty.consistency.strict import require_none
from thirdparty.models import Record
from users import permissions
from users.models import User
from users.permissions import OPERATOR, Account, Right
from users.synced import person

_BATCH = 500


class Outdated(Exception):
    """The person is not as the caller last saw them: read, then write again."""


class PersonValues(TypedDict, total=False):
    """What may be said of a person; ``groups`` by name. Nothing here makes anybody an operator."""

    name: str
    phone: str
    email: str
    username: str
    is_active: bool
    groups: Collection[str]


def people() -> QuerySet[User]:
    """Everybody whom the targets are to know: all accounts but operators."""
    everybody: QuerySet[User] = User.objects.all()
    return everybody.filter(is_superuser=False)


@transaction.atomic
def create_user(newcomer: User | None = None, /, *, by: Account = OPERATOR, **values: Unpack[PersonValues]) -> User:
    """Save a new person, who cannot log in. A blank username is made from name and phone.

    ``newcomer``: of `new_person`, given by a caller who has to know the uuid beforehand.
    Raises `NotAllowed`, or `ValidationError` with the fields at fault.
    """
    permissions.require(by, Right.ADD)
    user = newcomer or new_person()
    return save(user, fill(user, values, by=by))


@transaction.atomic
def update_user(
    user_uuid: UUID, *, seen: Collection[str] = (), by: Account = OPERATOR, **changes: Unpack[PersonValues]
) -> User:
    """Change what is given and leave the rest, also of what others change at the same time.

    ``seen``: the fingerprints that the person may have; none given, any.
    Raises `NotAllowed`, `User.DoesNotExist`, `Outdated`, `thirdparty.consistency.strict.Underway`, or `ValidationError` with
    the fields at fault; a username stays.
    """
    user = locked(user_uuid, Right.CHANGE, seen=seen, by=by)
    return save(user, fill(user, changes, by=by))


@transaction.atomic
def delete_user(user_uuid: UUID, *, seen: Collection[str] = (), by: Account = OPERATOR) -> None:
    """Delete the person; their records stay as tombstones until the targets have followed.

    Raises as `update_user`.
    """
    locked(user_uuid, Right.DELETE, seen=seen, by=by).delete()


def locked(user_uuid: UUID, right: Right, *, seen: Collection[str] = (), by: Account = OPERATOR) -> User:
    """The person, whom ``by`` has this right to, locked until the transaction ends, and in no strict write.

    Raises as `update_user`.
    """
    permissions.require(by, right)
    user = people().select_for_update().get(uuid=user_uuid)
    permissions.require_touch(by, user)
    if seen and user.fingerprint() not in seen:
        raise Outdated
    require_none(person(user_uuid))
    return user


def new_person() -> User:
    """A new person, not saved, who cannot log in."""
    user = User()
    user.set_unusable_password()
    return user


def fill(user: User, values: PersonValues, *, by: Account = OPERATOR) -> list[Group] | None:
    """Set and check these values, without saving. Returns the groups, None where they stay.

    Raises `ValidationError` with the fields at fault, or `NotAllowed` for a group that ``by`` cannot give.
    """
    if user.pk is not None and values.get("username", user.username) != user.username:
        raise ValidationError({"username": ValidationError("A username cannot be changed.", code="fixed")})
    for field, value in values.items():
        if field != "groups":
            setattr(user, field, value)
    groups, problems = _groups(values.get("groups", ()))
    before = set(user.groups.all()) if user.pk is not None and groups else set()
    permissions.require_grant(by, [group for group in groups if group not in before])
    try:
        user.full_clean(exclude={"password"})  # whoever was written past this module has none, and needs none
    except ValidationError as problem:
        problem.update_error_dict(problems)
    if problems:
        raise ValidationError(problems)
    return groups if "groups" in values else None


def replacement(values: PersonValues) -> PersonValues:
    """These values, and what a new person has for each that is not given. A username stays where it is not given, or blank."""
    fresh = new_person()
    whole: PersonValues = {
        "phone": fresh.phone,
        "email": fresh.email,
        "is_active": fresh.is_active,
        "groups": (),
        **values,
    }
    if not whole.get("username"):
        whole.pop("username", None)
    return whole


def save(user: User, groups: Collection[Group] | None) -> User:
    """Save a person whose values are checked. Raises `ValidationError` for a username taken meanwhile."""
    try:
        with transaction.atomic():
            user.save()
    except IntegrityError:
        user.validate_unique()  # somebody took the username since full_clean: this names the field
        raise
    if groups is not None:
        user.groups.set(groups)
    return user


def records_of(users: Iterable[User]) -> dict[UUID, list[Record]]:
    """The records of these users by their uuid, ordered by target; one query for them all. Users without any get an empty list."""
    records: dict[UUID, list[Record]] = {user.uuid: [] for user in users}
    for row in Record.objects.of(*map(person, records)).order_by("target"):
        records[UUID(row.object_id)].append(row)
    return records


def _groups(names: Collection[str]) -> tuple[list[Group], dict[str, list[ValidationError]]]:
    groups = list(Group.objects.filter(name__in=names))
    unknown = sorted(set(names) - {group.name for group in groups})
    if not unknown:
        return groups, {}
    listed = ", ".join(repr(name) for name in unknown)
    return groups, {"groups": [ValidationError(f"There is no group named {listed}.", code="unknown_group")]}

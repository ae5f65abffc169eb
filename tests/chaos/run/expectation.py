"""What each third party is to hold in the end: the judge's own mapping, written apart from the declaration. It knows what
strangers, restores, refused strict writes and retirement leave there (docs/guarantees.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from tests.chaos.run import findings, witness
from tests.chaos.run.comparison import Expected, Values
from tests.chaos.run.side import Side, external_id_of, is_of, is_person
from tests.chaos.run.upgraded import mapping
from thirdparty.decide.interpret import IDENTITY_CONFLICT
from thirdparty.models import Record
from users.models import RoleMapping, User


def expected_at(side: Side, evidence: Mapping[str, witness.Evidence]) -> Expected:
    rows = Record.objects.filter(target=side.name)
    apart = {UUID(row.object_id) for row in rows if meets_a_stranger(row, side)}
    frozen = {UUID(external_id_of(key)): seen.frozen[-1] for key, seen in evidence.items() if is_of(side, key)}
    frozen |= _called_there(side)
    users = User.objects.filter(is_superuser=False).prefetch_related("groups")
    mappings = RoleMapping.objects.filter(target=side.name).select_related("group")
    active = {str(user.uuid) for user in users if user.is_active}
    return Expected(
        people=[person(user, frozen.get(user.uuid, "")) for user in users if user.uuid not in apart],
        roles={each.group.name: each.remote_role_id for each in mappings}
        | {mapping.NAME: mapping.role(mapping.version())},
        strangers={**side.strangers.records, **findings.extras(side.entries())},
        left=_left_there(side) - active,
        adoptable=side.strangers.adoptable,
        never_wanted={
            external_id_of(key) for key, seen in evidence.items() if is_of(side, key) and not seen.was_wanted
        },
        revived=set(side.archive.revived(side.control.ledger())) | findings.handed_on(side.entries()),
    )


def wanted_at(side: Side) -> list[Values]:
    """What the target is to hold of people, in the third party's words."""
    expected = expected_at(side, witness.evidence_by_key())
    return [
        {
            "externalId": str(one["uuid"]),
            **{name: one[name] for name in ("name", "phone", "email")},
            "roleIds": sorted(expected.roles[group] for group in one["groups"]),
        }
        for one in expected.people
        if one["is_active"]
    ]


def person(user: User, username: str) -> Values:
    """A user as `comparison` takes them. ``username``: as the target is to know them; empty for theirs here."""
    return {
        "uuid": user.uuid,
        "username": username or user.username,
        "name": user.name,
        "phone": user.phone,
        "email": user.email,
        "is_active": user.is_active,
        "groups": [group.name for group in user.groups.all()] + ([mapping.NAME] if mapping.version() else []),
    }


def meets_a_stranger(row: Record, side: Side) -> bool:
    """Whether it is rightly parked: a stranger has its username, or somebody whose record is from before the target was retired."""
    if row.parked != IDENTITY_CONFLICT:
        return False
    if row.natural_key in side.strangers.usernames or row.natural_key in _overwritten_strangers(side):
        return True
    return bool(side.dropped_at) and any(
        record["username"] == row.natural_key and record["externalId"] != str(UUID(row.object_id))
        for record in side.control.users()
    )


def _left_there(side: Side) -> set[str]:
    """External ids of whoever was gone here before a retired target was named again: it keeps what it held of them."""
    if not side.dropped_at:
        return set()
    known = set(Record.objects.filter(target=side.name).values_list("object_id", flat=True))
    ids = {record["externalId"] for record in side.control.users() if is_person(record["externalId"])}
    return {external_id for external_id in ids if UUID(external_id).hex not in known}


def _called_there(side: Side) -> dict[UUID, str]:
    """By what names a target that was retired still knows people whom it had been told of by these names."""
    if not side.dropped_at:
        return {}
    called = {external_id_of(key): names for key, names in witness.called_ever().items() if is_of(side, key)}
    return {
        UUID(record["externalId"]): record["username"]
        for record in side.control.users()
        if record["username"] in called.get(record["externalId"], ())
    }


def _overwritten_strangers(side: Side) -> set[str]:
    """Usernames of the third party's own records that a restore brought back under an id that somebody of ours had by then, and
    that a change of theirs went astray to before the backfill (docs/guarantees.md).
    """
    revived = side.archive.revived(side.control.ledger())
    return {
        record["username"]
        for record in side.control.users()
        if record["externalId"] and revived.get((record["userId"], record["username"])) == ""
    }

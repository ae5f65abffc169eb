"""What a found record means, compared with the wanted one. Pure.

A record is compared only as it was at two looks, one before and one after the target was asked, between which nobody
worked on it: else a newer edit of ours would look like somebody's meddling.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_noop

from thirdparty.connectors.base import RemoteObject, RemoteRecord
from thirdparty.connectors.identity import has_key, may_have_key, same_external_id, same_remote_id
from thirdparty.decide import sent
from thirdparty.decide.brake import HELD_BY_BRAKE
from thirdparty.decide.compare import NOT_TOLD, Comparable, differences
from thirdparty.decide.ownership import TRUST
from thirdparty.decide.sent import Hashes, HashKey
from thirdparty.models.audit import Ahead, Owner, Verdict

EXTERNAL_ID = "external_id"
REMOTE_ID = "remote_id"
KEY = "key"
_IDENTITY = (EXTERNAL_ID, REMOTE_ID, KEY)


@dataclass(frozen=True, slots=True)
class Look:
    """A record's row at one moment."""

    key: str
    kind: str
    object_id: str
    generation: int
    synced_generation: int
    claims: int
    is_leased: bool
    in_doubt: bool
    deleted: bool
    parked: str
    remote_id: str | None
    natural_key: str
    adopted: str
    sent: str | None
    synced_at: datetime | None
    left_at: datetime | None = None

    @property
    def busy(self) -> str:
        """Why nothing can be concluded from what the target holds now; empty where something can."""
        if self.parked == HELD_BY_BRAKE:
            return gettext_noop("the brake holds it")
        if self.parked:
            return f"{gettext_noop('it is parked')} ({self.parked})"
        if self.is_leased:
            return gettext_noop("a worker is at it")
        if self.in_doubt:
            return gettext_noop("an unanswered request may still take effect")
        if self.synced_generation < self.generation:
            return gettext_noop("a change of ours is yet to be acknowledged")
        return ""


def unsettled(before: Look, after: Look | None) -> str:
    """Why two looks do not bear a comparison; empty where they do."""
    if after is None:
        return gettext_noop("its row has gone meanwhile")
    if before.busy or after.busy:
        return before.busy or after.busy
    if (before.generation, before.claims) != (after.generation, after.claims):
        return gettext_noop("it was worked on while the target was asked")
    return ""


@dataclass(frozen=True, slots=True)
class Rules:
    """By what is compared. ``key``: of the hashes in `Look.sent`. ``ignored``: fields that the target may have as it likes.
    ``inactive``: the fields of what has left and stays there; empty where it stays as it is."""

    comparable: Comparable
    key: HashKey
    ignored: Collection[str] = ()
    inactive: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Judged:
    """``fields``: in which both sides differ. ``found``, ``wanted``: what these hold, by name. ``owner``: of an extra record."""

    verdict: Verdict
    fields: tuple[str, ...] = ()
    ahead: Ahead = Ahead.UNKNOWN
    owner: str = ""
    reason: str = ""
    found: Mapping[str, Any] | None = None
    wanted: Mapping[str, Any] | None = None


def not_comparable(reason: str) -> Judged:
    return Judged(Verdict.NOT_COMPARABLE, reason=reason[:300])


def is_of(found: RemoteRecord, look: Look, external_id: str) -> bool:
    """Whether this remote record is the one of ours: by its external id, or by our link to it where it has none.

    An id may have been given out again: what has neither our external id nor our natural key is another's. Where the target keeps
    no natural keys, only what we adopted is taken for ours by its id.
    """
    if found.external_id:
        return same_external_id(found.external_id, external_id)
    if look.remote_id is None or not same_remote_id(found.remote_id, look.remote_id):
        return False
    has_ours = may_have_key if look.adopted else has_key
    return not look.natural_key or has_ours(found.key, look.natural_key)


def compared(
    look: Look,
    wanted: RemoteObject | None,
    found: RemoteRecord | None,
    rules: Rules,
) -> Judged:
    """The verdict on a record that is not `Look.busy`; what is ``found`` is its own (`is_of`), None for nothing."""
    if wanted is None:
        # What was only taken on trust stays at the target when its object goes (PROTOCOL 7).
        if found is None or look.adopted == TRUST:
            return Judged(Verdict.EQUAL)
        return _left(look, found, rules) if look.left_at is not None else Judged(Verdict.EXTRA, owner=Owner.OURS)
    if found is None:
        return Judged(Verdict.MISSING, ahead=Ahead.OURS if look.remote_id is None else Ahead.THEIRS)
    ours, theirs = _identity(look, wanted, found)
    for each in differences(wanted.payload, found.payload, rules.comparable, sent.names(look.sent)):
        ours[each.field], theirs[each.field] = each.wanted, each.found
    return _differing(look, ours, theirs, rules) or Judged(Verdict.EQUAL)


def _left(look: Look, found: RemoteRecord, rules: Rules) -> Judged:
    """The object has left, and its record stays there as the target's policy says (decision 0031)."""
    held = rules.comparable(found.payload)
    wrong = {name: held.get(name) for name, value in rules.inactive.items() if held.get(name) != value}
    if not _was_deactivated(look, rules):
        wrong = {}
    differing = _differing(look, {name: rules.inactive[name] for name in wrong}, wrong, rules)
    return differing or Judged(Verdict.LEFT, reason=gettext_noop("its object has left, and its record was left there"))


def _was_deactivated(look: Look, rules: Rules) -> bool:
    """Whether it left under a policy that deactivates, as far as is known; else it was left as it was."""
    known = sent.read(look.sent, rules.key)
    return known is None or all(known.get(name) == rules.key.of(name, value) for name, value in rules.inactive.items())


def _differing(look: Look, ours: Mapping[str, Any], theirs: Mapping[str, Any], rules: Rules) -> Judged | None:
    fields = tuple(name for name in ours if name not in rules.ignored)
    if not fields:
        return None
    wanted_values, found_values = ({name: side[name] for name in fields} for side in (ours, theirs))
    ahead = _ahead(sent.read(look.sent, rules.key), wanted_values, found_values, rules.key)
    return Judged(Verdict.DIFFERING, fields, ahead, found=found_values, wanted=wanted_values)


def _ahead(known: Hashes | None, wanted: Mapping[str, Any], found: Mapping[str, Any], key: HashKey) -> Ahead:
    """Which side is not any more what the target was last known to hold. Of identities only theirs can move."""
    if known is None:
        return Ahead.UNKNOWN
    content = [name for name in wanted if name not in _IDENTITY]
    ours = any(key.of(name, wanted[name]) != known.get(name) for name in content)
    told = [name for name in content if found[name] != NOT_TOLD]
    theirs = len(content) < len(wanted) or any(key.of(name, found[name]) != known.get(name) for name in told)
    if ours and theirs:
        return Ahead.BOTH
    return Ahead.OURS if ours else Ahead.THEIRS


def _identity(look: Look, wanted: RemoteObject, found: RemoteRecord) -> tuple[dict[str, Any], dict[str, Any]]:
    ours, theirs = dict[str, Any](), dict[str, Any]()
    if not found.external_id and not look.adopted:
        ours[EXTERNAL_ID], theirs[EXTERNAL_ID] = wanted.external_id, ""
    if wanted.key and not may_have_key(found.key, wanted.key):
        ours[KEY], theirs[KEY] = wanted.key, found.key
    if look.remote_id is None or not same_remote_id(look.remote_id, found.remote_id):
        ours[REMOTE_ID], theirs[REMOTE_ID] = look.remote_id, found.remote_id
    return ours, theirs

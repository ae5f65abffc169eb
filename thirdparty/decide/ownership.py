"""Whose record is it that was found at the target (PROTOCOL 7)? Pure: what was found and the lease in, yes or no out."""

from __future__ import annotations

from thirdparty.connectors.base import RemoteRecord
from thirdparty.connectors.identity import has_key, may_have_key, same_external_id, same_remote_id
from thirdparty.decide.lease import Lease

TRUST = "trust"
MATCH = "match"
NEVER = "never"


def is_ours(found: RemoteRecord, lease: Lease) -> bool:
    """Its external id is ours; or it has none yet, is linked to us, and has the natural key under which we adopted it.

    Every add and update of ours carries ours, so that whatever has none was never added by us. By its id alone nothing is
    ours: the target's own people may have deleted what we adopted, and the id may be that of another record of theirs.
    """
    if found.external_id:
        return same_external_id(found.external_id, lease.external_id)
    return bool(lease.adopted) and found.remote_id == lease.remote_id and has_our_key(found, lease)


def is_questionable(found: RemoteRecord, lease: Lease) -> bool:
    """Its external id is ours and its natural key is not, or the other way round for one that we may have added."""
    if same_external_id(found.external_id, lease.external_id):
        return not has_our_key(found, lease)
    added = lease.add_key is not None or found.remote_id == lease.remote_id
    # A target that keeps no natural keys has said nothing for us either.
    return bool(found.external_id) and added and any(has_key(found.key, key) for key in _keys(lease))


def has_our_key(found: RemoteRecord, lease: Lease) -> bool:
    """Its natural key is the one that the record is known by at the target, or one of the two; or the target keeps none."""
    return any(may_have_key(found.key, key) for key in _keys(lease))


def key_of(found: RemoteRecord, lease: Lease) -> str:
    """Which of two natural keys a record of ours has. One that somebody else has given it stands for none of them: the later one
    is what it is to have."""
    return lease.former_key if _has_the_former(found, lease) else lease.natural_key


def has_the_later_key(found: RemoteRecord, lease: Lease) -> bool:
    """Whether it has the natural key that it is to have, and not the one of two that it is not to have any more."""
    return may_have_key(found.key, lease.natural_key) and not (lease.former_key and _has_the_former(found, lease))


def _has_the_former(found: RemoteRecord, lease: Lease) -> bool:
    # In the same case first: they may differ in that alone.
    if found.key in (lease.natural_key, lease.former_key):
        return found.key == lease.former_key
    return has_key(found.key, lease.former_key) and not has_key(found.key, lease.natural_key)


def _keys(lease: Lease) -> tuple[str, ...]:
    return (lease.natural_key, lease.former_key) if lease.former_key else (lease.natural_key,)


def known_as(remote_id: str, lease: Lease) -> str:
    """The id by which we have spoken of the record, where the target now writes it in another way."""
    known = lease.remote_id
    return known if known is not None and same_remote_id(known, remote_id) else remote_id

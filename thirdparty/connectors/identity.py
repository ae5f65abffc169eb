"""Whether two ids name the same thing, however they are written."""

from __future__ import annotations

from uuid import UUID


def same_external_id(one: str, other: str) -> bool:
    """Whether these are one external id: case, dashes, braces and ``urn:uuid:`` of a UUID do not matter.

    An empty one is nobody's.
    """
    one, other = one.strip().casefold(), other.strip().casefold()
    return bool(one) and (one == other or (as_uuid(one) is not None and as_uuid(one) == as_uuid(other)))


def same_remote_id(one: str, other: str) -> bool:
    """Whether a target that answers with the one may mean the other: case and leading zeros of a number aside."""
    one, other = one.casefold(), other.casefold()
    return one == other or (
        one.isascii()
        and one.isdigit()
        and other.isascii()
        and other.isdigit()
        and one.lstrip("0") == other.lstrip("0")
    )


def has_key(found: str | None, ours: str) -> bool:
    """Whether a record that was found has this natural key, in whichever case; never, where its target keeps none."""
    return found is not None and found.casefold() == ours.casefold()


def may_have_key(found: str | None, ours: str) -> bool:
    """The same; but a target that keeps none says nothing against it either."""
    return found is None or has_key(found, ours)


def as_uuid(text: str) -> UUID | None:
    """The UUID that this text writes, or None."""
    try:
        return UUID(text)
    except ValueError:
        return None

"""One decision about many records: each is decided about as on its own page, and one of which it cannot be keeps no other up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.db import OperationalError, connection, transaction

from thirdparty import permissions
from thirdparty.decisions.compensation import CannotCompensate, Deed, compensate
from thirdparty.permissions import Account, Right
from thirdparty.store.contention import is_contention, wait_briefly

TOGETHER = (Deed.RETRY, Deed.OVERWRITE)
"""What may be decided about records that nobody looks at one by one: they say nothing of what the target holds, and ask it nothing.

To adopt, to accept and to settle is to say what the target holds of one record, so that is seen first.
"""
MOST_AT_ONCE = 500
"""Each is a transaction of its own, with its entry in the history, and somebody waits for all of them."""
_MOST_HELD = 10
"""Each that somebody is writing is waited for, for a second. After so many of them the others are not."""
_HELD = "Somebody is writing this record at the moment. Try again."


@dataclass(frozen=True, slots=True)
class Refusal:
    """One record about which it could not be decided, and why."""

    key: str
    why: str


@dataclass(frozen=True, slots=True)
class DecidedTogether:
    """About how many it was decided, and about which it could not be, by their keys."""

    count: int
    refused: tuple[Refusal, ...]


def decide_together(seen: Mapping[str, int], deed: Deed, *, account: Account, reason: str) -> DecidedTogether:
    """Do it to each of these records, and note in the history of each who did it and why.

    ``seen``: the generation that they saw of each record, by its key; at most `MOST_AT_ONCE`. ``deed``: one of `TOGETHER`.
    Raises `NotAllowed`, and `CannotCompensate` where it holds for none of them, having changed nothing.
    """
    permissions.require(account, Right.DECIDE)
    if not reason.strip():
        raise CannotCompensate("Say why: the reason is kept with the record.")
    if deed not in TOGETHER:
        raise CannotCompensate("That is decided about one record at a time, on its own page.")
    if len(seen) > MOST_AT_ONCE:
        raise CannotCompensate(f"That is decided about {MOST_AT_ONCE} records at a time.")
    refused: list[Refusal] = []
    held = 0
    for key in sorted(seen):
        if held == _MOST_HELD:
            refused.append(Refusal(key, _HELD))
            continue
        try:
            with transaction.atomic():
                wait_briefly(connection)
                compensate(key, deed, account=account, seen=seen[key], reason=reason)
        except CannotCompensate as why:
            refused.append(Refusal(key, str(why)))
        except OperationalError as problem:
            if not is_contention(problem):
                raise
            held += 1
            refused.append(Refusal(key, _HELD))
    return DecidedTogether(len(seen) - len(refused), tuple(refused))

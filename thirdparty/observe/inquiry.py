"""What a target holds of one record, asked because a person wants to know: for an explanation, for a decision by hand.

The one way to ask so. The guard is obeyed as by any other call, and told how it ended; and whatever happens at the target,
people who look at pages neither load it nor stand in each other's way.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from thirdparty import protect, targets
from thirdparty.connectors.base import Connector, RemoteRecord
from thirdparty.connectors.errors import CapabilityMissing, TargetError
from thirdparty.connectors.identity import same_external_id
from thirdparty.connectors.masking import mask
from thirdparty.declaration import of_kind
from thirdparty.models import Record
from thirdparty.protect import Admission
from thirdparty.run import guard_decision
from thirdparty.store import manual

AT_ONCE = 2
"""So many questions of one process are under way at a target: a frozen one holds no more of its threads."""
INTERVAL_SECONDS = 3.0
"""No record is asked about for explanations more often than this, by however many processes."""
_OFF = "it is said to offer a look-up and answers it as if it did not; try again"
_slots: dict[str, threading.BoundedSemaphore] = {}
_making_slots = threading.Lock()


class NotAsked(Exception):
    """The target was not asked; the message says why."""


def held(row: Record, *, remote_id: str = "", polled: bool = False) -> RemoteRecord | None:
    """What the target holds: the record of this ``remote_id``, or else of every key of ours, None for none.

    ``polled``: for an explanation, which may be asked for again and again. One to three calls, each with its own
    deadline. Raises `NotAsked`, `CapabilityMissing` where it is not said to offer a look-up, and `TargetError` for whatever else the target answers. Not to be
    used inside a transaction.
    """
    if row.target not in targets.names():
        raise NotAsked("it is not configured")
    connector = targets.connector(row.target, row.kind)
    with _slot(row.target):
        admission = _admission(row, polled=polled)
        try:
            found = look_up(connector, row, remote_id)
        except CapabilityMissing as missing:
            if missing.http_status is None:
                protect.give_back(row.target, admission, made=0)
                raise
            guard_decision.of_question(row.target, row.key, connector, admission, missing)
            raise NotAsked(_OFF) from None
        except TargetError as error:
            mask(
                error,
                filter(
                    None,
                    (*connector.secrets(), remote_id, row.natural_key, row.former_key, row.wanted_key, row.remote_id),
                ),
            )
            guard_decision.of_question(row.target, row.key, connector, admission, error)
            raise
        guard_decision.of_question(row.target, row.key, connector, admission, None, looked_up=True)
        return found


@contextmanager
def _slot(target: str) -> Iterator[None]:
    with _making_slots:
        slot = _slots.setdefault(target, threading.BoundedSemaphore(AT_ONCE))
    if not slot.acquire(blocking=False):
        raise NotAsked("others are waiting for its answers at this moment; try again")
    try:
        yield
    finally:
        slot.release()


def _admission(row: Record, *, polled: bool) -> Admission:
    taken: list[bool] = []

    def may_ask() -> bool:
        taken.append(not polled or manual.take_question(row.key, INTERVAL_SECONDS))
        return taken[-1]

    # Asked first, so that a turn is spent only on what is asked; where calls are free, the guard does not ask.
    admission = protect.admit(row.target, has_work=may_ask)
    if admission.granted and not taken:
        may_ask()
    if taken and not taken[-1]:
        raise NotAsked(f"it was, about this record, less than {INTERVAL_SECONDS:g} s ago; try again")
    if not admission.granted:
        raise NotAsked(admission.why)
    if not admission.await_turn():
        protect.give_back(row.target, admission, made=0)
        raise NotAsked("its turn had passed; try again")
    if "query" in admission.without:
        protect.give_back(row.target, admission, made=0)
        raise NotAsked(_OFF)
    return admission


def look_up(connector: Connector, row: Record, remote_id: str) -> RemoteRecord | None:
    """The record of this ``remote_id``, or else of every key of ours, the surest first."""
    if remote_id:
        return connector.find(remote_id=remote_id)
    ours = of_kind(row.kind).external_id(row.object_id)
    if row.remote_id is not None:
        found = connector.find(remote_id=row.remote_id)
        external_id = found.external_id if found is not None else None
        if external_id is not None and (same_external_id(external_id, ours) or (row.adopted and not external_id)):
            return found
    found = connector.find(external_id=ours)
    if found is None and row.natural_key:
        found = connector.find(key=row.natural_key)
    return found

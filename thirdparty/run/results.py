"""The end of a step, in the database: write what came of some records."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from django.db import OperationalError

from thirdparty import events, store
from thirdparty.connectors.config import TargetConfig
from thirdparty.decide.brake import HELD_BY_BRAKE
from thirdparty.decide.result import FinishedStep
from thirdparty.run.following import follow_references
from thirdparty.store import Settled
from thirdparty.store.contention import is_contention

logger = logging.getLogger(__name__)


def write_results(
    target: TargetConfig, ended: Sequence[FinishedStep], *, grace_seconds: float, waits: bool = True
) -> Settled:
    """Write the results; those whose rows are locked, by all that can be seen, are left for another time.

    A result whose lease was lost may have overwritten a newer one: its record is pushed again.
    ``grace_seconds``: how much later than a result's own delay its record becomes due. ``waits``: a single result
    waits for its row, as long as the database lets it.
    """
    try:
        settled = store.settle(
            ended, visibility_seconds=target.visibility_seconds, grace_seconds=grace_seconds, waits=waits
        )
    except OperationalError as error:
        if not is_contention(error):
            raise
        logger.warning("%s results cannot be written yet: %s", len(ended), error)
        return Settled(locked=list(ended))
    follow_references(list(settled.rows))
    _announce(ended, settled)
    held = {*settled.rows, *(each.lease.key for each in settled.locked)}
    lost = [each for each in ended if each.lease.key not in held]
    for each in lost:
        logger.warning("%s: the lease was lost before the step could settle", each.lease.key)
    for each in lost:
        if each.sent and not _repaired(each.lease.key):
            settled.locked.append(each)
    return settled


def _announce(ended: Sequence[FinishedStep], settled: Settled) -> None:
    for each in ended:
        row, result = settled.rows.get(each.lease.key), each.settlement
        if row is None:
            continue
        told = {"record": row, "reason": result.reason, "message": result.message}
        if each.sent or each.heard is not None:
            events.send(
                events.attempt_finished,
                row.kind,
                call=each.call,
                outcome=result.outcome,
                http_status=result.http_status,
                **told,
            )
        if row.parked and row.parked != HELD_BY_BRAKE:
            events.send(events.record_parked, row.kind, **told)


def _repaired(key: str) -> bool:
    """Whether the record is pushed again; False where its row was locked for too long."""
    try:
        store.repair([key])
    except OperationalError as error:
        if not is_contention(error):
            raise
        logger.warning("%s: cannot be owed again yet: %s", key, error)
        return False
    return True

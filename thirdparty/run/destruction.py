"""Whether a step would take something away from its target: what the brake is asked about."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

from thirdparty.connectors.base import Connector, RemoteObject
from thirdparty.decide import sent
from thirdparty.decide.brake import Change, change_of
from thirdparty.decide.plan import Call
from thirdparty.settings import settings

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Effect:
    """``change``: None where nothing is taken away. ``sent``: what the row keeps once it is acknowledged; None where that
    was not asked. ``dropped``: as `thirdparty.connectors.base.RemoteObject`."""

    change: Change | None
    sent: str | None = None
    dropped: tuple[str, ...] = ()


def effect(
    call: Call, wanted: RemoteObject | None, kept: str | None, connector: Connector, *, renames: bool = False
) -> Effect:
    """What this call does to its target. ``kept``: the record's `sent`. ``renames``: it gives the record another natural key, which
    counts as one that rewrites it: nothing else of its content may tell.
    """
    found = _effect(call, wanted, kept, connector)
    rewritten = renames and call is Call.UPDATE and found.change is None
    return replace(found, change=Change.REWRITE) if rewritten else found


def _effect(call: Call, wanted: RemoteObject | None, kept: str | None, connector: Connector) -> Effect:
    key = settings.hash_key()
    known = sent.read(kept, key)
    inactive = {name: key.of(name, value) for name, value in connector.inactive.items()}
    if call is Call.DEACTIVATE:
        change = change_of(call, known=known, wanted=None, inactive=inactive)
        return Effect(change, sent.written({**known, **inactive}, key) if known is not None else None)
    if call is not Call.UPDATE or wanted is None:
        return Effect(change_of(call, known=None, wanted=None, inactive={}))
    if not kept and not connector.inactive:
        return Effect(None)
    try:
        wanted_hashes = sent.hashes(wanted.payload, connector.comparable, key)
    except Exception:  # the connector cannot compare what it is to be sent: the step itself says so
        logger.exception("%s: what it changes cannot be told", wanted.external_id)
        return Effect(None)
    change = change_of(call, known=known, wanted=wanted_hashes, inactive=inactive)
    # The fields of who was deactivated are the connector's own, and it gives them their other values.
    dropped = tuple(sorted(sent.names(kept) - wanted_hashes.keys() - connector.inactive.keys()))
    return Effect(change, sent.written(wanted_hashes, key), dropped)

"""Whether a step would take something away from its target: what the brake is asked about."""

from __future__ import annotations

import logging

from thirdparty.connectors.base import Connector, RemoteObject
from thirdparty.decide import sent
from thirdparty.decide.brake import Change, change_of
from thirdparty.decide.plan import Call
from thirdparty.settings import settings

logger = logging.getLogger(__name__)


def change(call: Call, wanted: RemoteObject | None, kept: str | None, connector: Connector) -> Change | None:
    """Which change this call makes; None where it takes nothing away. ``kept``: the record's `sent`."""
    if call is not Call.UPDATE or wanted is None:
        return change_of(call, known=None, wanted=None, inactive={})
    key = settings.hash_key()
    known = sent.read(kept, key)
    if known is None and not connector.inactive:
        return None
    inactive = {name: key.of(name, value) for name, value in connector.inactive.items()}
    try:
        wanted_hashes = sent.hashes(wanted.payload, connector.comparable, key)
    except Exception:  # the connector cannot compare what it is to be sent: the step itself says so
        logger.exception("%s: what it changes cannot be told", wanted.external_id)
        return None
    return change_of(call, known=known, wanted=wanted_hashes, inactive=inactive)

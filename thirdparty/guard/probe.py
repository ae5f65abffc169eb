"""A harmless call: it changes nothing and names nobody, and shows whether the target turns us away."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

from thirdparty.connector import Capabilities, Connector
from thirdparty.errors import CapabilityMissing, Rejected, TargetError, TargetRefuses
from thirdparty.guard.breaker import Probe


def probe(connector: Connector, offered: Capabilities) -> Probe:
    """Look up a record that cannot exist, or else list a single one. Takes one call's time, or two."""
    seen = Probe.NONE
    calls: list[Callable[[], object]] = []
    if offered.query:
        calls.append(lambda: connector.find(external_id=str(uuid4())))
    if offered.list:
        calls.append(lambda: connector.page(None, limit=1))
    for call in calls:
        try:
            call()
        except CapabilityMissing:
            continue
        except TargetRefuses:
            return Probe.REFUSED
        except Rejected:
            seen = Probe.REJECTED  # it read the request and found fault with the id, or refuses everything
            continue
        except TargetError:
            return Probe.UNCLEAR
        return Probe.FINE
    return seen

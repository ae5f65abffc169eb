"""A harmless call: it changes nothing and names nobody, and shows whether the target turns us away."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from uuid import uuid4

from thirdparty.connectors.base import Capabilities, Connector
from thirdparty.connectors.errors import AccessDenied, CapabilityMissing, Rejected, TargetError


class Probe(StrEnum):
    """What a harmless call said: answered, refused for its content, turned away as well, no clear answer, or there is none."""

    FINE = "fine"
    REJECTED = "rejected"
    REFUSED = "refused"
    UNCLEAR = "unclear"
    NONE = "none"


def probe(connector: Connector, offered: Capabilities) -> Probe:
    """Look up a record that cannot exist, or else list a single one. Takes one call's time, or two."""
    return look(connector, offered)[0]


def look(connector: Connector, offered: Capabilities) -> tuple[Probe, str]:
    """As `probe`, with the reason of what went wrong; empty where nothing did."""
    seen, reason = Probe.NONE, ""
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
        except AccessDenied as denied:
            return Probe.REFUSED, denied.reason
        except Rejected as rejected:
            # It read the request and found fault with the id, or refuses everything.
            seen, reason = Probe.REJECTED, rejected.reason
            continue
        except TargetError as error:
            return Probe.UNCLEAR, error.reason
        return Probe.FINE, ""
    return seen, reason

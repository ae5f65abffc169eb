"""Keeps the records of any Django model equal at third parties.

What is named here is public, and nothing else is. It is imported when it is asked for: some of it needs Django's models,
and connectors are read with Django's settings, before there are any.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # under their own names, which makes them public to type checkers
    from thirdparty.connectors.base import (
        Capabilities as Capabilities,
    )
    from thirdparty.connectors.base import (
        Connector as Connector,
    )
    from thirdparty.connectors.base import (
        Page as Page,
    )
    from thirdparty.connectors.base import (
        RemoteObject as RemoteObject,
    )
    from thirdparty.connectors.base import (
        RemoteRecord as RemoteRecord,
    )
    from thirdparty.connectors.errors import (
        AccessDenied as AccessDenied,
    )
    from thirdparty.connectors.errors import (
        AlreadyExists as AlreadyExists,
    )
    from thirdparty.connectors.errors import (
        CapabilityMissing as CapabilityMissing,
    )
    from thirdparty.connectors.errors import (
        NotFound as NotFound,
    )
    from thirdparty.connectors.errors import (
        OutcomeUnknown as OutcomeUnknown,
    )
    from thirdparty.connectors.errors import (
        RecordBusy as RecordBusy,
    )
    from thirdparty.connectors.errors import (
        Rejected as Rejected,
    )
    from thirdparty.connectors.errors import (
        Transient as Transient,
    )
    from thirdparty.connectors.errors import (
        VersionConflict as VersionConflict,
    )
    from thirdparty.connectors.options import Option as Option
    from thirdparty.connectors.rest.auth import (
        Basic as Basic,
    )
    from thirdparty.connectors.rest.auth import (
        Bearer as Bearer,
    )
    from thirdparty.connectors.rest.auth import (
        HeaderAuth as HeaderAuth,
    )
    from thirdparty.connectors.rest.auth import (
        NoAuth as NoAuth,
    )
    from thirdparty.connectors.rest.connector import RestConnector as RestConnector
    from thirdparty.connectors.rest.listing import Listing as Listing
    from thirdparty.declaration import (
        AtTarget as AtTarget,
    )
    from thirdparty.declaration import CannotAccept as CannotAccept
    from thirdparty.declaration import KeyChanges as KeyChanges
    from thirdparty.declaration import PerTarget as PerTarget
    from thirdparty.declaration import (
        Synced as Synced,
    )
    from thirdparty.declaration import (
        Unmappable as Unmappable,
    )
    from thirdparty.declaration import accepts as accepts
    from thirdparty.declaration import (
        register as register,
    )
    from thirdparty.events import (
        attempt_finished as attempt_finished,
    )
    from thirdparty.events import (
        audit_finished as audit_finished,
    )
    from thirdparty.events import brake_latched as brake_latched
    from thirdparty.events import (
        record_parked as record_parked,
    )
    from thirdparty.events import (
        target_changed as target_changed,
    )

_HOMES = {
    "thirdparty.connectors.base": ("Capabilities", "Connector", "Page", "RemoteObject", "RemoteRecord"),
    "thirdparty.connectors.errors": (
        "AccessDenied", "AlreadyExists", "CapabilityMissing", "NotFound", "OutcomeUnknown", "RecordBusy", "Rejected",
        "Transient", "VersionConflict",
    ),
    "thirdparty.connectors.options": ("Option",),
    "thirdparty.connectors.rest.auth": ("Basic", "Bearer", "HeaderAuth", "NoAuth"),
    "thirdparty.connectors.rest.connector": ("RestConnector",),
    "thirdparty.connectors.rest.listing": ("Listing",),
    "thirdparty.events": ("attempt_finished", "audit_finished", "brake_latched", "record_parked", "target_changed"),
    "thirdparty.declaration": ("AtTarget", "CannotAccept", "KeyChanges", "PerTarget", "Synced", "Unmappable", "accepts", "register"),
}  # fmt: skip
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [*_HOME_OF]  # noqa: PLE0604  # they are texts


def __getattr__(name: str) -> Any:
    """Import a public name from where it is."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME_OF[name]), name)

"""Which class a connector's name means: a short name, an entry point's, or a dotted path."""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from django.utils.module_loading import import_string

if TYPE_CHECKING:
    from thirdparty.connectors.base import Connector

ENTRY_POINTS = "thirdparty.connectors"
"""The group in which an installed package names its connectors."""
BUILT_IN = {
    "landcloud": "thirdparty.connectors.landcloud.connector.LandcloudConnector",
    "rest": "thirdparty.connectors.rest.configured.ConfiguredRest",
}


class UnknownConnector(LookupError):
    """There is no such connector; the message goes on after the setting's name."""


@cache
def connector_class(name: str) -> type[Connector]:
    """The class of this name. Raises `UnknownConnector`, and whatever its module raises when it is imported."""
    from thirdparty.connectors.base import Connector  # noqa: PLC0415  # which imports the settings of its HTTP client

    path = BUILT_IN.get(name) or _of_entry_point(name) or (name if "." in name else "")
    if not path:
        raise UnknownConnector(
            f"is {name!r}; use one of {', '.join(sorted(names()))}, or a dotted path such as shop.erp.Erp"
        )
    try:
        found = import_string(path)
    except ImportError as error:
        raise UnknownConnector(f"is {name!r}, which cannot be imported: {error}") from error
    if not (isinstance(found, type) and issubclass(found, Connector)):
        raise UnknownConnector(f"is {name!r}, which is no subclass of thirdparty.Connector")
    return found


def names() -> set[str]:
    """The short names that are known here."""
    return {*BUILT_IN, *(point.name for point in entry_points(group=ENTRY_POINTS))}


def _of_entry_point(name: str) -> str:
    points = entry_points(group=ENTRY_POINTS, name=name)
    return next((point.value.replace(":", ".") for point in points), "")

"""The short name ``rest``: a partner whose API is so ordinary that settings say all of it."""

from __future__ import annotations

import time
from collections.abc import Callable

from thirdparty.connectors.config import TargetConfig
from thirdparty.connectors.http import address
from thirdparty.connectors.options import Option
from thirdparty.connectors.rest.connector import RestConnector
from thirdparty.connectors.rest.listing import Listing


def _path(text: str) -> str:
    if not address.is_path(text):
        raise ValueError(f"is {text!r}; use a path below the base address, e.g. /users")
    return text.rstrip("/")


def _method(text: str) -> str:
    if text not in ("PUT", "PATCH"):
        raise ValueError(f"is {text!r}; use PUT or PATCH")
    return text


class ConfiguredRest(RestConnector):
    """One collection, of one kind of object; a bearer token. For anything else subclass `RestConnector`."""

    options = (
        Option("collection", "the path of the collection, e.g. /users", read=_path),
        Option("id_field", "where the partner's id stands in an item", default=RestConnector.id_field),
        Option("external_id_field", "where it keeps our id", default=RestConnector.external_id_field),
        Option("key_field", "where it keeps the natural key, if there is one", default=RestConnector.key_field),
        Option("update_method", "PUT or PATCH", default=RestConnector.update_method, read=_method),
        Option("items_field", "where the items stand in a listing, if it is no list itself", default=""),
        Option("next_field", "where a listing says how it goes on, if pages have no numbers", default=""),
        Option("cursor_parameter", "how a page is asked for", default=Listing().cursor_parameter),
    )

    def __init__(self, config: TargetConfig, kind: str, *, clock: Callable[[], float] = time.time) -> None:
        chosen = config.options
        self.collection = chosen["collection"]
        self.id_field = chosen["id_field"]
        self.external_id_field = chosen["external_id_field"]
        self.key_field = chosen["key_field"]
        self.update_method = chosen["update_method"]
        self.listing = Listing(chosen["items_field"], chosen["next_field"], chosen["cursor_parameter"])
        super().__init__(config, kind, clock=clock)

"""What a payload reads is watched, or a change of it would be owed to nobody: a check for development and tests."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from django.db import connections

from thirdparty.declaration.unmappable import Unmappable

UNWATCHED = "unwatched_read"
_COLUMN = re.compile(r'"([^"]+)"\."([^"]+)"')
_SHOWN = 5


class UnwatchedRead(Unmappable):
    """A payload asked the database for what its declaration does not watch, or does not read along."""

    def __init__(self, kind: str, read: str) -> None:
        message = f"the payload of {kind} reads {read}: name it in `watch`, and read relations with .all()"
        super().__init__(UNWATCHED, message)


@contextmanager
def refusing_unwatched(kind: str) -> Iterator[None]:
    """Refuse every query of this block, in which payloads are made of objects that were read with what is watched alone.

    Raises `UnwatchedRead` out of the query.
    """

    def refuse(_execute: Any, sql: str, *_: Any) -> Any:
        raise UnwatchedRead(kind, _named(sql))

    with ExitStack() as stack:
        for connection in connections.all():
            stack.enter_context(connection.execute_wrapper(refuse))
        yield


def _named(sql: str) -> str:
    """The columns that a query asks for, as far as it says so, else the query's beginning."""
    found = dict.fromkeys(".".join(column) for column in _COLUMN.findall(sql.partition(" FROM ")[0]))
    # Django reads the key along with a column that was left out.
    columns = list(found)[1:] if len(found) > 1 else list(found)
    if not columns:
        return sql[:80]
    return ", ".join(columns[:_SHOWN]) + (f" and {len(columns) - _SHOWN} more" if len(columns) > _SHOWN else "")

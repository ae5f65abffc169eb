"""The SQL expressions in which PostgreSQL and SQLite differ.

Times are the database's, so that every worker shares one clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper


@dataclass(frozen=True, slots=True)
class Dialect:
    """``now`` is fixed within a statement and can use an index; ``clock`` is read when evaluated.

    ``cause``: what makes the present write, as a text; empty where the database does not know.
    """

    vendor: str
    now: str
    clock: str
    epoch: str
    greatest: str
    new_token: str
    skip_locked: str
    for_update: str
    true: str
    false: str
    cause: str

    def after(self, seconds_parameter: str = "%s", *, fixed: bool = False) -> str:
        """The time so many seconds from now; the parameter is a float, or an expression of one. ``fixed``: as ``now``."""
        if self.vendor == "postgresql":
            return f"{self.now if fixed else self.clock} + make_interval(secs => {seconds_parameter})"
        # Not `||`: the text of a very small float has an exponent, which strftime does not know.
        return f"strftime('{_SQLITE_FORMAT}', 'now', printf('%%.6f seconds', {seconds_parameter}))"

    def given(self, **columns: str) -> str:
        """A query of the objects in one parameter, a JSON array; ``columns`` are their names and types."""
        if self.vendor == "postgresql":
            listed = ", ".join(f"{name} {kind}" for name, kind in columns.items())
            return f"SELECT * FROM json_to_recordset(%s::json) AS given({listed})"
        listed = ", ".join(f"json_extract(value, '$.{name}') AS {name}" for name in columns)
        return f"SELECT {listed} FROM json_each(%s)"

    def in_order(self, table: str, condition: str) -> str:
        """The condition of an UPDATE that locks the rows of ``table`` in the order of their keys, as everybody does."""
        if not self.for_update:
            return condition
        return f"key IN (SELECT key FROM {table} WHERE {condition} ORDER BY key {self.for_update})"

    def among(self, column: str, query: str) -> str:
        """Whether the column has one of the values of a query that is made once a statement, and joins nothing."""
        if self.vendor == "postgresql":
            return f"{column} = ANY (ARRAY({query}))"
        return f"+{column} IN ({query})"  # the plus keeps SQLite from looking the rows up by this column

    def hex(self, uuid: str) -> str:
        """The 32 hex digits of a uuid column."""
        return f"replace({uuid}::text, '-', '')" if self.vendor == "postgresql" else uuid

    def timestamp(self, moment: datetime) -> Any:
        """A time as a parameter that equals what this dialect stored, to the microsecond."""
        if self.vendor == "postgresql":
            return moment
        return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")

    def moment(self, stored: Any) -> datetime | None:
        """A time of a row that was read by hand; SQLite gives the text that it is stored as."""
        return datetime.fromisoformat(stored).replace(tzinfo=UTC) if isinstance(stored, str) else stored


# Six digits, as Django writes them: text timestamps must sort and compare with Django's own.
_SQLITE_FORMAT = "%%Y-%%m-%%d %%H:%%M:%%f000"

POSTGRESQL = Dialect(
    vendor="postgresql",
    now="statement_timestamp()",
    clock="clock_timestamp()",
    epoch="timestamptz '1970-01-01 00:00:00+00'",
    greatest="greatest",
    new_token="replace(gen_random_uuid()::text, '-', '')",  # noqa: S106  # SQL, no password
    skip_locked="FOR UPDATE SKIP LOCKED",
    for_update="FOR UPDATE",
    true="true",
    false="false",
    # The role that logged in, not the triggers' owner; and what the application has said of itself, if it has.
    cause=(
        "left('transaction ' || pg_current_xact_id()::text || ', user ' || session_user "
        "|| COALESCE(', application ' || NULLIF(current_setting('application_name'), ''), '') "
        "|| COALESCE(', source ' || NULLIF(current_setting('thirdparty.source', true), ''), ''), 200)"
    ),
)
SQLITE = Dialect(
    vendor="sqlite",
    now=f"strftime('{_SQLITE_FORMAT}', 'now')",
    clock=f"strftime('{_SQLITE_FORMAT}', 'now')",
    epoch="'1970-01-01 00:00:00'",
    greatest="max",
    new_token="lower(hex(randomblob(16)))",  # noqa: S106  # the same
    skip_locked="",
    for_update="",
    true="1",
    false="0",
    cause="''",
)


def dialect(connection: BaseDatabaseWrapper) -> Dialect:
    """The dialect of this connection. Raises `NotImplementedError` for any other database."""
    try:
        return {"postgresql": POSTGRESQL, "sqlite": SQLITE}[connection.vendor]
    except KeyError:
        raise NotImplementedError(f"usersync runs on PostgreSQL and SQLite, not on {connection.vendor}") from None

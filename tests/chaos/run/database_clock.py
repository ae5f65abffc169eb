"""A PostgreSQL cluster of ours whose clock can be set: every statement, trigger and default sees it.

The two functions that tell the time are replaced in the cluster's own catalogue, before anything has used them.
"""

from __future__ import annotations

from tests.chaos.run.servers import PostgreSQL

REAL = "pg_catalog.chaos_real_clock_timestamp()"
"""The time as it is, for those who watch."""
_FILE = "chaos-clock.conf"
_FUNCTIONS = {"clock_timestamp": "VOLATILE", "statement_timestamp": "STABLE"}


def install(postgres: PostgreSQL) -> None:
    """Call once, when the cluster is new and nobody is connected."""
    with postgres.data("postgresql.conf").open("a") as settings:
        settings.write(f"\ninclude '{_FILE}'\n")
    put(postgres, 0)
    with postgres.connect() as connection:
        for name, volatility in _FUNCTIONS.items():
            connection.execute(f"ALTER FUNCTION pg_catalog.{name}() RENAME TO chaos_real_{name}")
            connection.execute(
                f"CREATE FUNCTION pg_catalog.{name}() RETURNS timestamptz LANGUAGE sql {volatility} AS $$ SELECT "
                f"pg_catalog.chaos_real_{name}() + coalesce(current_setting('chaos.ahead', true), '0')::interval $$"
            )


def put(postgres: PostgreSQL, seconds: float) -> None:
    """So many seconds ahead of the real time. Raises `psycopg.OperationalError` where the server is down."""
    postgres.data(_FILE).write_text(f"chaos.ahead = '{seconds} seconds'\n")
    with postgres.connect("postgres") as connection:
        connection.execute("SELECT pg_reload_conf()")

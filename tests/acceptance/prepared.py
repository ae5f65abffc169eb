"""A system's database as it is before anything happens: migrated, with one operator. Each system begins with a copy of it."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import pytest

from syncproject.demo.stack import Operator, Stack
from tests.once import once


class Prepared(NamedTuple):
    """``database``: of SQLite, for one target that is called as `Stack` calls it."""

    database: Path
    operator: Operator


def prepared(factory: pytest.TempPathFactory) -> Prepared:
    folder = once(factory, "prepared", _prepare)
    return Prepared(folder / "db.sqlite3", Operator(**json.loads((folder / "operator.json").read_text())))


def _prepare(folder: Path) -> None:
    with Stack(folder) as stack:
        stack.manage("migrate", "--verbosity", "0")
        operator = stack.create_operator()
    (folder / "operator.json").write_text(json.dumps(asdict(operator)))


def triggers(database: Path) -> dict[str, str]:
    """The text of each."""
    with closing(sqlite3.connect(database)) as connection:
        return dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall())


def drop_triggers(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        for name in triggers(database):
            connection.execute(f'DROP TRIGGER "{name}"')

"""Which kinds of objects this process may work on: those of which it has the version that the database has.

A process of an older declaration would acknowledge what is wanted now with what was wanted before. So every statement that
claims a record or acknowledges one names the version that it rests on, and the database compares.
"""

from __future__ import annotations

from thirdparty.declaration import declared
from thirdparty.store.dialect import Dialect
from thirdparty.store.tables import DECLARATIONS


def is_current(db: Dialect, kind: str = "kind") -> str:
    """Whether this process has the database's version of the declaration of the kind in this column."""
    ours = " OR ".join(f"(d.kind = '{each.kind}' AND d.version = {each.version:d})" for each in declared())
    return db.among(kind, f"SELECT d.kind FROM {DECLARATIONS} d WHERE {ours or db.false}")

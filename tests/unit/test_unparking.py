"""Whoever may take a record out of the park stands in the table of docs/protocol.md (PROTOCOL 22)."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_TABLE = (ROOT / "docs" / "protocol.md").read_text().split("22. **A rejection stands.**")[1].split("\n## ")[0]
_CLEARS = re.compile(r"""(?<!AND s\.)(?<!AND )\bparked = (?:''|CASE)|parked="''\"""")


def test_every_statement_that_un_parks_stands_in_the_table() -> None:
    engine = ROOT / "thirdparty"
    clearing = {
        path.relative_to(engine).as_posix()
        for path in engine.rglob("*.py")
        if "migrations" not in path.parts and any(_CLEARS.search(line) for line in path.read_text().splitlines())
    }
    assert clearing == set(re.findall(r"`((?:store|capture)/[\w/]+\.py)`", _TABLE))

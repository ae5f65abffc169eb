"""Cells of CSV files that a spreadsheet would take for a formula (OWASP, "CSV Injection"). Pure.

They are written with an apostrophe before them and read without it, so what was written and read again is what it was.
"""

from __future__ import annotations

import re

_FORMULA = r"\s*[=+\-@＝＋－＠]|[\t\r\n]"
_TO_GUARD = re.compile(f"'*(?:{_FORMULA})")
_GUARDED = re.compile(f"'+(?:{_FORMULA})")


def guarded(cell: str) -> str:
    """The cell as it is to be written."""
    return f"'{cell}" if _TO_GUARD.match(cell) else cell


def unguarded(cell: str) -> str:
    """The cell that was written as this."""
    return cell[1:] if _GUARDED.match(cell) else cell

"""What docs/adopting.md shows of the example project is what the example project is made of."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHOP = ROOT / "examples" / "shop"
PAGE = (ROOT / "docs" / "adopting.md").read_text()
SHOWN = re.findall(r"```python\n# ([\w/]+\.py)\n(.*?)```", PAGE, flags=re.DOTALL)


def lines(text: str) -> list[str]:
    """Without what a page leaves out of a file, and what a file leaves to its reader."""
    return [
        line for line in text.splitlines() if line.strip() and not line.lstrip().startswith(('"""', "#", "...", "]"))
    ]


def test_every_line_of_a_file_that_the_page_shows_stands_in_that_file_in_this_order() -> None:
    assert {name for name, _ in SHOWN} == {"config/settings.py", "config/celery.py", "shop/synced.py", "shop/erp.py"}
    for name, shown in SHOWN:
        there = iter(lines((SHOP / name).read_text()))
        absent = [line for line in lines(shown) if line not in there]
        assert not absent, f"{name}: {absent}"


def test_a_partner_takes_no_more_lines_than_the_page_promises() -> None:
    assert len((SHOP / "shop" / "erp.py").read_text().splitlines()) <= 60

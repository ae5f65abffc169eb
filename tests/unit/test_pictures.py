"""The pictures of the documents are those that `make pictures` makes: none is made by hand, and none is left over."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "images"


def named(paths: list[Path], pattern: str) -> set[str]:
    return {name for path in paths for name in re.findall(pattern, path.read_text())}


def test_every_picture_is_made_by_the_browser_tests_and_shown_by_a_document() -> None:
    there = {path.stem for path in FOLDER.iterdir()}
    documents = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    made = named(list((ROOT / "tests" / "browser").glob("*.py")), r'picture\(\w+, "([\w-]+)"\)')

    assert there == made
    assert there == named(documents, r"\]\((?:docs/)?images/([\w-]+)\.png\)")


def test_no_picture_is_heavier_than_a_page_bears() -> None:
    assert [path.name for path in FOLDER.iterdir() if path.stat().st_size > 150_000] == []

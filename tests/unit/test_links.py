"""The documents name files and headings that are there."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
_CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:")
_HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)


def documents() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode:  # no checkout: an archive of it
        return [str(path.relative_to(ROOT)) for path in sorted((ROOT / "docs").rglob("*.md"))]
    return [name for name in listed.stdout.split() if (ROOT / name).exists()]


@cache
def anchors(document: Path) -> set[str]:
    """What the headings are called in links, as forges make it."""
    text = re.sub(r"```.*?```", "", document.read_text(), flags=re.DOTALL)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in _HEADING.findall(text)}


def broken(document: Path) -> list[str]:
    links = _LINK.findall(_CODE.sub("`", document.read_text()))
    found = []
    for link in links:
        if _ELSEWHERE.match(link):
            continue
        path, _, anchor = link.partition("#")
        named = (document.parent / path).resolve() if path else document
        if not named.exists() or (anchor and anchor not in anchors(named)):
            found.append(link)
    return found


@pytest.mark.parametrize("name", documents())
def test_every_link_of_a_document_leads_somewhere(name: str) -> None:
    assert broken(ROOT / name) == []


@pytest.mark.parametrize("name", documents())
def test_every_test_that_a_document_names_is_there(name: str) -> None:
    said = re.findall(r"`(?:tests/[\w/]*/)?(test_[\w*]+\.py)`", (ROOT / name).read_text())

    assert [each for each in said if not any((ROOT / "tests").rglob(each))] == []


def test_a_link_to_a_file_or_heading_that_is_gone_is_found(tmp_path: Path) -> None:
    (tmp_path / "there.md").write_text("# One, two\n")
    page = tmp_path / "page.md"
    page.write_text(
        "[a](there.md) [b](there.md#one-two) [`c`](gone.md) [d](there.md#gone) [e](https://x.example/) `[f](no.md)`"
    )

    assert broken(page) == ["gone.md", "there.md#gone"]

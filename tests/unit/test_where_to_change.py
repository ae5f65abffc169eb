"""docs/where-to-change.md sends nobody to a file that is gone, or to a name that is not in it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGE = (DOCS / "where-to-change.md").read_text()
_FILE = re.compile(r"\[`[^`]+`\]\(([^)#]+)\)")
_NAME = re.compile(r"`([^`]+)`")


def rows(heading: str) -> list[list[str]]:
    """The cells of the table under this heading."""
    section = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[1:]]


def answers() -> Iterator[tuple[str, str, str]]:
    """What somebody wants, the file that is named for it, and each name that has to be in it."""
    for wish, where in [*rows("The ten first guesses"), *rows("And more")]:
        parts = _FILE.split(where)[1:]
        assert parts, f"no file is named for: {wish}"
        for path, said in zip(parts[::2], parts[1::2], strict=True):
            for name in _NAME.findall(said) or [""]:
                yield wish, path, name


def defined(text: str) -> set[str]:
    """Whatever a module defines: functions, classes, attributes and constants, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.FunctionDef() | ast.ClassDef():
                found.add(node.name)
            case ast.Name(ctx=ast.Store()):
                found.add(node.id)
    return found


@pytest.mark.parametrize(("wish", "path", "name"), list(answers()))
def test_the_name_is_in_the_file(wish: str, path: str, name: str) -> None:
    text = (DOCS / path).resolve().read_text()

    if path.endswith(".py") and name:
        assert set(name.split(".")) <= defined(text), wish
    else:
        assert name in text, wish


def test_the_ten_first_guesses_are_ten_and_there_are_fifteen_more() -> None:
    assert len(rows("The ten first guesses")) == 10
    assert len(rows("And more")) >= 15


def test_every_folder_and_file_of_the_engine_has_its_line() -> None:
    told = {cell for row in rows("What is in `thirdparty/`") for cell in _FILE.findall(row[0])}
    there = {
        f"../thirdparty/{item.name}{'/' if item.is_dir() else ''}"
        for item in (ROOT / "thirdparty").iterdir()
        if item.suffix == ".py" or (item / "__init__.py").exists() or item.name in ("static", "templates")
    }

    assert told == there

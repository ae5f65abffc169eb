"""Chinese is complete: whatever the pages say of ours has a translation, and the compiled catalogue is that of its source."""

from __future__ import annotations

import ast
import gettext
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parents[2]
APPS = ["thirdparty", "users"]
MARKS = {"_", "gettext", "gettext_lazy", "gettext_noop", "ngettext", "ngettext_lazy"}


def catalogue(app: str) -> gettext.GNUTranslations:
    with (ROOT / app / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.mo").open("rb") as file:
        return gettext.GNUTranslations(file)


def marked(app: str) -> Iterator[str]:
    """Every text of its code and templates that is marked for translation; of a plural its singular."""
    for path in (ROOT / app).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MARKS and node.args:
                first = node.args[0]
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    yield first.value
    for path in (ROOT / app / "templates").rglob("*.html"):
        for text in re.findall(r"gettext\(u?('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")", templatize(path.read_text())):
            yield str(ast.literal_eval(text))


def source(app: str) -> dict[str, str]:
    """Of the catalogue that people edit: each text and its translation."""
    text = (ROOT / app / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po").read_text()
    quoted = r'((?:"(?:[^"\\]|\\.)*"\n?)+)'
    found = re.findall(
        rf"^msgid {quoted}(?:msgid_plural {quoted})?msgstr(?:\[0\])? {quoted}", text + "\n", re.MULTILINE
    )
    return {joined(singular): joined(translated) for singular, _, translated in found if joined(singular)}


def joined(quoted: str) -> str:
    return "".join(str(ast.literal_eval(line)) for line in quoted.strip().split("\n"))


@pytest.mark.parametrize("app", APPS)
def test_whatever_is_said_has_a_translation(app: str) -> None:
    translated = source(app)
    texts = list(marked(app))
    assert len(texts) > 30
    assert [text for text in texts if not translated.get(text)] == []


@pytest.mark.parametrize("app", APPS)
def test_the_compiled_catalogue_is_that_of_its_source(app: str) -> None:
    """If this fails: ``msgfmt -o django.mo django.po`` in the folder of the catalogue."""
    compiled = catalogue(app)
    known = {key if isinstance(key, str) else key[0]: text for key, text in compiled._catalog.items()}  # type: ignore[attr-defined]  # there is no other way to list them
    known.pop("")
    assert known == source(app)


@pytest.mark.parametrize("app", APPS)
def test_a_translation_has_the_placeholders_of_its_text(app: str) -> None:
    names = re.compile(r"%\((\w+)\)")
    wrong = [text for text, said in source(app).items() if set(names.findall(text)) != set(names.findall(said))]
    assert wrong == []

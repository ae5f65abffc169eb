"""All texts that the apps have translated, each as Django translates it."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest
from django.utils import translation

from thirdparty.observe.catalogue import translated


def compiled(folder: Path, language: str, texts: dict[str, str], order: str) -> None:
    """A project's own folder of translations, in the format of GNU gettext; numbers in this order of bytes."""
    there = folder / language / "LC_MESSAGES"
    there.mkdir(parents=True)
    given = {"": "Content-Type: text/plain; charset=UTF-8\n"} | texts
    columns = [[text.encode() for text in column] for column in (given, given.values())]
    head, table = 28, 8 * len(given)
    words, body, at = [0x950412DE, 0, len(given), head, head + table, 0, 0], b"", head + 2 * table
    for text in (text for column in columns for text in column):
        words += [len(text), at + len(body)]
        body += text + b"\0"
    (there / "django.mo").write_bytes(struct.pack(f"{order}{len(words)}I", *words) + body)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Decide by hand", "手工决定"),  # of the engine
        ("Import people", "导入人员"),  # of an application
        ("Monday", "星期一"),  # of Django
    ],
)
def test_it_holds_the_texts_of_every_app_and_of_django(text: str, said: str) -> None:
    assert translated("zh-hans")[text] == said


def test_of_a_plural_there_is_the_singular() -> None:
    assert translated("zh-hans")["%(count)s record is due now."] == "%(count)s 条记录将立即处理。"


def test_what_is_translated_in_a_context_is_left_out() -> None:
    """Django's own has one, of a text that means two things."""
    assert not [text for text in translated("zh-hans") if "\x04" in text]


@pytest.mark.parametrize("language", ["", "xx"])
def test_of_a_language_that_nobody_has_translated_into_there_is_nothing(language: str) -> None:
    assert translated(language) == {}


def test_the_language_that_is_spoken_stays_what_it_was() -> None:
    with translation.override("en"):
        translated("zh-hans")

        assert translation.get_language() == "en"


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_project_has_texts_of_its_own(tmp_path: Path, settings: Any, order: str) -> None:
    compiled(tmp_path, "nds", {"ours": "uns"}, order)
    settings.LOCALE_PATHS = [str(tmp_path)]

    # Django's own cache of a language outlives the setting that it was read by.
    assert list(translated("nds")) == ["ours"]

"""A document in Chinese says what its English original says: whatever can be compared without reading is the same in both."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TRANSLATED = [
    str(path.relative_to(ROOT))
    for folder in (ROOT.glob("*.zh-CN.md"), (ROOT / "docs").rglob("*.zh-CN.md"))
    for path in sorted(folder)
]
_BLOCK = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
_HEADING = re.compile(r"^(#+) +(.+?) *$", re.MULTILINE)
_LINK = re.compile(r"(?<!!)\[(?:!\[[^\]]*\]\([^)]*\)|[^\]])*\]\(([^)\s]+)\)")
_IMAGE = re.compile(r"!\[[^\]]*\]\(([^)\s]+)\)")
_TABLE = re.compile(r"(?:^\|.*\|$\n?)+", re.MULTILINE)
_ITEM = re.compile(r"^(?:- |\d+\. )", re.MULTILINE)
_CODE = re.compile(r"`([^`\n]+)`")
_FIGURE = re.compile(r"\d+(?:[.,]\d+)*")
_BLOCK_STANDS_HERE = "\0"


@dataclass(frozen=True)
class Section:
    """A heading (level 0 for what stands before the first) and all up to the next one; ``text`` is what is no code block."""

    level: int
    heading: str
    text: str
    blocks: list[str]


def sections(document: Path) -> list[Section]:
    text = document.read_text("utf-8")
    blocks = iter(_BLOCK.findall(text))
    text = _BLOCK.sub(_BLOCK_STANDS_HERE, text)
    starts = list(_HEADING.finditer(text))
    ends = [start.start() for start in starts] + [len(text)]
    found = [Section(0, "", text[: ends[0]], [])]
    found += [
        Section(len(start[1]), start[2], text[start.start() : end], [])
        for start, end in zip(starts, ends[1:], strict=True)
    ]
    for each in found:
        each.blocks.extend(next(blocks) for _ in range(each.text.count(_BLOCK_STANDS_HERE)))
    return found


def place(document: Path, target: str) -> str:
    """Where a link leads, in whatever language: a file without its language, a heading by its number in that file."""
    path, _, anchor = target.partition("#")
    named = document.parent / path if path else document
    if anchor and named.is_file():
        called = [re.sub(r"[^\w\- ]", "", each.heading.lower()).replace(" ", "-") for each in sections(named)]
        anchor = f"heading {called.index(anchor)}" if anchor in called else anchor
    return f"{path.replace('.zh-CN.md', '.md')}#{anchor}" if anchor else path.replace(".zh-CN.md", ".md")


def shape(table: str) -> str:
    rows = [len(re.split(r"(?<!\\)\|", row)) - 2 for row in table.strip().splitlines()]
    return f"{len(rows)} rows x {'/'.join(str(columns) for columns in sorted(set(rows)))} columns"


# Of a section's text, what has to be the same. Words may change places in a sentence, so what stands in sentences is sorted.
COMPARED: dict[str, Callable[[Path, str], list[str]]] = {
    "images": lambda _, text: _IMAGE.findall(text),
    "links": lambda document, text: sorted(place(document, target) for target in _LINK.findall(text)),
    "tables": lambda _, text: [shape(table) for table in _TABLE.findall(text)],
    "items of lists": lambda _, text: [str(len(_ITEM.findall(text)))],
    "code in sentences": lambda _, text: sorted(set(_CODE.findall(text))),
    "figures": lambda _, text: sorted(_FIGURE.findall(re.sub(r"\]\([^)\s]+\)", "]", text))),
}


def difference(original: Path, translation: Path) -> str:
    """Where the two differ first, as a sentence; nothing where they are in step."""
    ours, theirs = sections(original), sections(translation)
    pair = f"{original.name} and {translation.name} differ"
    for number, (one, other) in enumerate(zip(ours, theirs, strict=False)):
        at = f'{pair} in section {number} ("{one.heading}", "{other.heading}")'
        if one.level != other.level:
            return f"{at}: its heading is of level {one.level} in the first and of level {other.level} in the second."
        if len(one.blocks) != len(other.blocks):
            return f"{at}: the first has {len(one.blocks)} code blocks, the second {len(other.blocks)}."
        for block, (wanted, found) in enumerate(zip(one.blocks, other.blocks, strict=True), start=1):
            if wanted != found:
                return f"{at}: code block {block} is not the same. The first has:\n{wanted}\nThe second has:\n{found}"
        for what, of in COMPARED.items():
            wanted_there, found_there = of(original, one.text), of(translation, other.text)
            if wanted_there != found_there:
                only = [each for each in wanted_there if wanted_there.count(each) > found_there.count(each)]
                more = [each for each in found_there if found_there.count(each) > wanted_there.count(each)]
                return f"{at}: the {what} are not the same. Only in the first: {only}; only in the second: {more}."
    if len(ours) != len(theirs):
        return f"{pair}: the first has {len(ours) - 1} headings, the second {len(theirs) - 1}."
    return ""


def of(translation: str) -> Path:
    return ROOT / translation.replace(".zh-CN.md", ".md")


def test_what_a_newcomer_reads_first_is_there_in_chinese() -> None:
    assert {"README.zh-CN.md", "docs/adopting.zh-CN.md"} <= set(TRANSLATED)


@pytest.mark.parametrize("name", TRANSLATED)
def test_a_translation_is_in_step_with_its_original(name: str) -> None:
    assert not (said := difference(of(name), ROOT / name)), said


@pytest.mark.parametrize("name", TRANSLATED)
def test_both_languages_name_each_other_right_under_the_title(name: str) -> None:
    original, translation = of(name), ROOT / name
    for page, other in ((original, translation), (translation, original)):
        assert other.name in _LINK.findall(page.read_text("utf-8").split("\n\n")[1]), page.name


ORIGINAL = """# Title

Ten of 1,200 take `a` and [this](there.md#two), then [that](#second).

```sh
run it
```

## Second

![a page](images/page.png)

- one
- two

| a | b |
|---|---|
| 1 | `x` |
"""
TRANSLATION = """# 标题

1,200 中的十个：先 [那个](#第二)，再 [这个](there.zh-CN.md#二) 和 `a`。

```sh
run it
```

## 第二

![页面](images/page.png)

- 一
- 二

| 甲 | 乙 |
|---|---|
| 1 | `x` |
"""


@pytest.fixture
def pages(tmp_path: Path) -> tuple[Path, Path]:
    (tmp_path / "there.md").write_text("# One\n\n# Two\n", "utf-8")
    (tmp_path / "there.zh-CN.md").write_text("# 一\n\n# 二\n", "utf-8")
    (tmp_path / "page.md").write_text(ORIGINAL, "utf-8")
    return tmp_path / "page.md", tmp_path / "page.zh-CN.md"


def test_words_may_differ_and_change_places(pages: tuple[Path, Path]) -> None:
    original, translation = pages
    translation.write_text(TRANSLATION, "utf-8")

    assert difference(original, translation) == ""


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        ("## 第二", "### 第二", 'section 2 ("Second", "第二"): its heading is of level 2 in the first and of level 3'),
        ("## 第二\n", "", "section 1"),
        ("```sh\nrun it\n```", "", "the first has 1 code blocks, the second 0"),
        ("run it", "run  it", "code block 1 is not the same"),
        ("page.png", "other.png", "the images are not the same. Only in the first: ['images/page.png']"),
        ("(#第二)", "(#标题)", "the links are not the same. Only in the first: ['#heading 2']"),
        ("there.zh-CN.md#二", "there.zh-CN.md#一", "the links are not the same. Only in the first: ['there.md#heading 2']"),
        ("| 1 | `x` |\n", "", "the tables are not the same. Only in the first: ['3 rows x 2 columns']"),
        ("- 二\n", "", "the items of lists are not the same"),
        ("`a`", "`A`", "the code in sentences are not the same. Only in the first: ['a']"),
        ("1,200", "1,300", "the figures are not the same. Only in the first: ['1,200']; only in the second: ['1,300']"),
        ("| 1 |", "| 2 |", "the figures are not the same"),
    ],
)  # fmt: skip
def test_a_difference_is_told_in_a_sentence(pages: tuple[Path, Path], was: str, now: str, said: str) -> None:
    original, translation = pages
    assert was in TRANSLATION
    translation.write_text(TRANSLATION.replace(was, now), "utf-8")

    assert said in difference(original, translation)


def test_a_heading_too_many_is_told(pages: tuple[Path, Path]) -> None:
    original, translation = pages
    translation.write_text(TRANSLATION + "\n## 第三\n", "utf-8")

    assert difference(original, translation).endswith("the first has 2 headings, the second 3.")

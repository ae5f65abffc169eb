"""Messages that code writes in English are said in the reader's language, and none is forgotten."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.utils import translation

import thirdparty
from thirdparty.consistency.strict.errors import WithinTransaction
from thirdparty.observe.known_messages import KNOWN
from thirdparty.observe.messages import message_in_words
from thirdparty.observe.reasons import words

ROOT = Path(thirdparty.__file__).parent
WRITERS = (
    "connectors/errors.py", "connectors/http/*.py", "connectors/landcloud/*.py", "connectors/rest/*.py", "decide/*.py", "run/*.py",
    "store/*.py", "protect/*.py", "audit/*.py", "decisions/*.py", "consistency/strict/*.py", "observe/inquiry.py",
    "declaration/at_target.py", "declaration/json_values.py", "declaration/unwatched.py",
)  # fmt: skip
"""Where messages come from that are stored, or shown as they were raised."""
ELSEWHERE = {
    "ImproperlyConfigured", "BadAddress", "ValueError", "TypeError", "RuntimeError", "OSError", "TimeoutError", "gaierror",
    "ConnectionResetError", "NotSupportedError", "IntegrityError", "Option", "CannotAudit", "NotNow", "warning", "exception", "error",
    "debug", "info",
}  # fmt: skip
"""What is called with sentences for logs, checks and the command line, or with some that nobody is shown."""
UNSHOWN = {
    "some records are held by others",
    "people's edits go first",
    "usersync runs on PostgreSQL and SQLite, not on ",
    "timestamptz '1970-01-01 00:00:00+00'",
    "at {name}, no new version is tried on a sample",
    "this connection does not know a statement that was prepared on it",
    "this connection already has a statement of that name",
    "this connection has another statement of that name",
    "a pooler stands before the database and keeps no prepared statements",
    "a migration has changed what a prepared statement returns",
    str(WithinTransaction()),
}
"""For logs, for code, or for the command line alone."""


@pytest.fixture(autouse=True)
def _in_chinese() -> Iterator[None]:
    with translation.override("zh-hans"):
        yield


def texts(node: ast.AST) -> Iterator[list[str]]:
    """The texts of a piece of code, each in the parts between which values stand; not those given to who is `ELSEWHERE`."""
    if isinstance(node, ast.Call):
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if called in ELSEWHERE:
            return
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return  # a docstring
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield [node.value]
    if isinstance(node, ast.JoinedStr):
        values = [str(part.value) if isinstance(part, ast.Constant) else "\0" for part in node.values]
        yield "".join(values).split("\0")
    for child in ast.iter_child_nodes(node):
        if not isinstance(node, ast.JoinedStr) or isinstance(child, ast.FormattedValue):
            yield from texts(child)


def is_sentence(parts: list[str]) -> bool:
    """Three words of English at least; SQL, formats and media types are none."""
    text = "7".join(parts)
    return (
        re.search(r"[A-Za-z,;:]+( [A-Za-z0-9,;:'()-]+){2}", text) is not None
        and re.search(
            r"=|%[smY%(]|::|->|\|\||\$|[a-z]\.[a-z_]+ |_[a-z]|\b(AND|WHERE|COALESCE|NULL|DESC|SELECT|FROM|IN|CASE|SKIP|UPDATE|HTTP/1)\b",
            text,
        )
        is None
    )


def is_known(parts: list[str]) -> bool:
    """It is found in the catalogue, or it is a piece that a known message is made of."""
    text = "7".join(parts)
    return message_in_words(text) != text or any(all(part in known for part in parts) for known in KNOWN)


def test_every_message_that_code_writes_is_known() -> None:
    written = [
        (str(path.relative_to(ROOT)), parts)
        for pattern in WRITERS
        for path in sorted(ROOT.glob(pattern))
        for parts in texts(ast.parse(path.read_text()))
        if is_sentence(parts) and "".join(parts) not in UNSHOWN
    ]
    assert len(written) > 120
    assert [(path, parts) for path, parts in written if not is_known(parts)] == []


@pytest.mark.parametrize("text", KNOWN)
def test_a_known_message_is_found_again_whatever_stands_in_its_places(text: str) -> None:
    message = re.sub(r"%\(\w+\)[sd]", "7", text)
    assert message_in_words(message) != message


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("the target refused the connection; nothing was sent", "目标拒绝连接；没有发送任何内容"),
        ("refused: the proxy refused the connection; nothing was sent", "refused: 代理拒绝连接；没有发送任何内容"),
        ("it is parked (unmapped_role)", "它已搁置 (unmapped_role)"),
        ("2 missing, 1 extra", "缺失 2 条，多余 1 条"),
        (
            "5 calls failed one after the other, the last with timeout: no complete answer in time",
            "连续 5 次调用失败，最后一次是 timeout: 没有及时得到完整的应答",
        ),
        ("transaction 7, user shop, application web", "事务 7，用户 shop，应用 web"),
        (
            "2 records of users.user are parked: it answered HTTP 422.",
            "users.user 的 2 条记录已搁置：应答为 HTTP 422。",
        ),
    ],
)
def test_a_message_and_those_within_it_are_said_in_the_readers_language(message: str, said: str) -> None:
    assert message_in_words(message) == said


def test_what_a_target_says_in_its_own_words_stays_as_it_is() -> None:
    assert message_in_words("invalid: the phone is too short, try +49") == "invalid: the phone is too short, try +49"
    assert message_in_words("100 % of it is wrong: %(count)s") == "100 % of it is wrong: %(count)s"
    assert message_in_words("") == ""


def test_in_english_every_message_stays_as_it_is() -> None:
    with translation.override("en"):
        assert [text for text in KNOWN if message_in_words(text) != text] == []


@pytest.mark.parametrize("ago", [timedelta(minutes=5), timedelta(days=30)])
def test_a_time_that_was_written_into_an_english_sentence_is_said_as_chinese_ones_are(ago: timedelta) -> None:
    now = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
    with translation.override("en"):
        sentence = words.trouble("refused", words.moment(now - ago, now))
    assert message_in_words(sentence) == words.trouble("refused", words.moment(now - ago, now))

"""What a PromQL expression names: enough of its grammar to tell metrics from functions, keywords and labels."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_TOKEN = re.compile(
    r"""(?P<space>\s+|\#[^\n]*)
      | (?P<text>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
      | (?P<range>\[[^\]]*\])
      | (?P<number>\d[\d.]*(?:[smhdwy]|[eE][+-]?\d+)?)
      | (?P<name>[A-Za-z_:][\w:]*)
      | (?P<sign>=~|!~|!=|==|<=|>=|[-+*/%^<>=(),{}])""",
    re.VERBOSE,
)
_LISTS = {"by", "without", "on", "ignoring", "group_left", "group_right"}
_WORDS = {"and", "or", "unless", "bool", "offset", "inf", "nan"}
FUNCTIONS = {"absent", "histogram_quantile", "increase", "label_values", "max", "min", "rate", "sum"}
"""Those that the files use; another one is added here by whoever uses it."""
_MATCHES = {"=", "!=", "=~", "!~"}


@dataclass(slots=True)
class Named:
    """``metrics``: each, with the matchers that it was given: label, sign, value. ``grouped``: labels of lists."""

    metrics: list[tuple[str, list[tuple[str, str, str]]]] = field(default_factory=list)
    grouped: list[str] = field(default_factory=list)


def named(expression: str) -> Named:
    """What this expression names. Raises `ValueError` for what it cannot read."""
    found, tokens = Named(), list(_tokens(expression))
    place = 0
    while place < len(tokens):
        kind, text = tokens[place]
        after = tokens[place + 1][1] if place + 1 < len(tokens) else ""
        place += 1
        if text == "{":
            raise ValueError(f"matchers of no metric: {expression}")
        if kind != "name" or text.lower() in _WORDS:
            continue
        if text in _LISTS:
            end = tokens.index(("sign", ")"), place)
            found.grouped += [name for kind, name in tokens[place:end] if kind == "name"]
            place = end + 1
        elif text in FUNCTIONS:
            if text == "label_values":  # Grafana's own: a metric, and a label of it
                found.grouped.append(tokens[-2][1])
                tokens = tokens[:-3]
        elif after == "(":
            raise ValueError(f"an unknown function {text}: {expression}")
        elif after == "{":
            end = tokens.index(("sign", "}"), place)
            found.metrics.append((text, list(_matchers(tokens[place + 1 : end], expression))))
            place = end + 1
        else:
            found.metrics.append((text, []))
    return found


def _tokens(expression: str) -> Iterator[tuple[str, str]]:
    place = 0
    while place < len(expression):
        match = _TOKEN.match(expression, place)
        if match is None or match.lastgroup is None:
            raise ValueError(f"cannot be read from {expression[place:]!r} on: {expression}")
        place = match.end()
        if match.lastgroup != "space":
            yield match.lastgroup, match[0]


def _matchers(tokens: list[tuple[str, str]], expression: str) -> Iterator[tuple[str, str, str]]:
    texts = [text for _, text in tokens if text != ","]
    if len(texts) % 3 or any(sign not in _MATCHES for sign in texts[1::3]):
        raise ValueError(f"matchers that cannot be read: {expression}")
    for label, sign, value in zip(texts[::3], texts[1::3], texts[2::3], strict=True):
        yield label, sign, value[1:-1]

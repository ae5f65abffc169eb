"""Reads the switches of a request body; whatever it does not know, it names."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection
from dataclasses import fields, replace
from typing import Any, cast

from thirdparty.sandbox.faults import RATES, Faults, Only
from thirdparty.sandbox.manner import CLOSES, CODINGS, Manner
from thirdparty.sandbox.store import CALLS, CAPABILITIES, Rules

_MANY = 10**9
_RULES = ("unique_usernames", "reuse_ids", "alters_values")
_ALIASES = {"latency": "latency_seconds", "latency_jitter": "latency_jitter_seconds"}


class BadSwitch(ValueError):
    """A switch that does not exist or cannot have this value; the message names it."""


def parse(body: object, rules: Rules) -> tuple[Faults, Rules]:
    """The switches of a request body: fault names at the top level or under ``rates``, ``-`` or a blank for ``_``.

    ``rules`` change only where the body names ``capabilities``, ``unique_usernames``, ``reuse_ids`` or ``alters_values``. Without
    a ``seed`` one is drawn. Raises `BadSwitch`.
    """
    switches = {_plain(name): value for name, value in _object("the body", body).items()}
    rates = {_plain(name): value for name, value in _object("rates", switches.pop("rates", {})).items()}
    for name in [name for name in switches if name in RATES]:
        rates[name] = switches.pop(name)
    if "capabilities" in switches:
        chosen = _words("capabilities", switches.pop("capabilities"), CAPABILITIES)
        rules = replace(rules, capabilities=frozenset(chosen))
    for name in _RULES:
        if name in switches:
            flags: dict[str, Any] = {name: _flag(name, switches.pop(name))}
            rules = replace(rules, **flags)
    values = {name: _reader(name)(name, value) for name, value in switches.items()}
    values.setdefault("seed", random.SystemRandom().randrange(2**32))
    for name in rates:
        if name not in RATES:
            raise BadSwitch(f"unknown rate {name!r}; known: {', '.join(RATES)}")
    chosen_rates = {name: rate for name, value in rates.items() if (rate := _rate(name, value))}
    faults = Faults(rates=chosen_rates, **values)
    if "refuse" in chosen_rates and faults.only != Only():
        raise BadSwitch("refuse happens before a request is read, so 'only' cannot go with it")
    return faults, rules


def _plain(name: str) -> str:
    plain = name.strip().lower().replace("-", "_").replace(" ", "_")
    return _ALIASES.get(plain, plain)


def _object(name: str, value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadSwitch(f"{name} must be a JSON object")
    return value


def _flag(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise BadSwitch(f"{name} must be true or false")
    return value


def _rate(name: str, value: object) -> float:
    if not isinstance(value, bool | int | float) or not 0 <= value <= 1:
        raise BadSwitch(f"{name} must be true, false or a rate from 0 to 1")
    return float(value)


def _seconds(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _MANY:
        raise BadSwitch(f"{name} must be a number from 0 to {_MANY}")
    return float(value)


def _whole(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise BadSwitch(f"{name} must be a whole number from 0")
    return value


def _retry_after(name: str, value: object) -> float | str | None:
    if value is None or (isinstance(value, str) and value.isascii() and value.isprintable()):
        return value
    return _seconds(name, value)


def _late_answer(name: str, value: object) -> str:
    if value not in ("hang", "504"):
        raise BadSwitch(f"{name} must be 'hang' or '504'")
    return str(value)


def _redirect_status(name: str, value: object) -> int:
    if value not in (301, 302, 303, 307, 308):
        raise BadSwitch(f"{name} must be 301, 302, 303, 307 or 308")
    return int(value)


def _words(name: str, value: object, known: tuple[str, ...] | None = None) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(word, str) for word in value):
        raise BadSwitch(f"{name} must be a list of strings")
    for word in value:
        if known is not None and word not in known:
            raise BadSwitch(f"{name} knows no {word!r}; use any of {', '.join(known)}")
    return tuple(value)


def _one_of(name: str, value: object, known: Collection[str]) -> str | None:
    if value is not None and value not in known:
        raise BadSwitch(f"{name} must be null or one of {', '.join(known)}")
    return cast("str | None", value)


def _charset(name: str, value: object) -> str | None:
    try:
        "\N{CJK UNIFIED IDEOGRAPH-5F20}".encode("utf-8" if value is None else str(value))
    except (LookupError, ValueError):
        raise BadSwitch(f"{name} must be null or a charset with Chinese in it") from None
    return None if value is None else str(value)


def _skew(name: str, value: object) -> float | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > _MANY):
        raise BadSwitch(f"{name} must be null or a number of seconds")
    return cast("float | None", value)


def _manner(name: str, value: object) -> Manner:
    given = _object(name, value if value is not None else {})
    for word in given:
        if word not in {item.name for item in fields(Manner)}:
            raise BadSwitch(f"unknown switch {name}.{word}; known: {', '.join(item.name for item in fields(Manner))}")
    return Manner(
        charset=_charset("manner.charset", given.get("charset")),
        coding=_one_of("manner.coding", given.get("coding"), CODINGS),
        interim=_whole("manner.interim", given.get("interim", 0)),
        closes=_one_of("manner.closes", given.get("closes"), CLOSES),
        clock_skew_seconds=_skew("manner.clock_skew_seconds", given.get("clock_skew_seconds")),
    )


def _only(name: str, value: object) -> Only:
    given = _object(name, value if value is not None else {})
    for word in given:
        if word not in {item.name for item in fields(Only)}:
            raise BadSwitch(f"unknown switch {name}.{word}; known: calls, usernames, first")
    first = given.get("first")
    return Only(
        _words("only.calls", given.get("calls", ()), CALLS),
        _words("only.usernames", given.get("usernames", ())),
        first if first is None else _whole("only.first", first),
    )


_READERS: dict[str, Callable[[str, object], Any]] = {
    "latency_seconds": _seconds,
    "latency_jitter_seconds": _seconds,
    "retry_after": _retry_after,
    "late_seconds": _seconds,
    "late_answer": _late_answer,
    "drip_seconds": _seconds,
    "giant_bytes": _whole,
    "redirect_status": _redirect_status,
    "apply_before_garbage": _rate,
    "only": _only,
    "manner": _manner,
    "seed": _whole,
}


def _reader(name: str) -> Callable[[str, object], Any]:
    if name not in _READERS:
        known = (*RATES, *_READERS, "rates", "capabilities", *_RULES)
        raise BadSwitch(f"unknown switch {name!r}; known: {', '.join(known)}")
    return _READERS[name]

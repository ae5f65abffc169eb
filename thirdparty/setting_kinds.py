"""What a setting may be: how it is looked up, which values it accepts, and what is said of others."""

from __future__ import annotations

import os
from typing import Any, Generic, Self, TypeVar, overload

from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.validators import validate_email

ABSENT = object()
"""Django's settings have none of that name."""
_SWITCHED = {"1": True, "true": True, "on": True, "yes": True, "0": False, "false": False, "off": False, "no": False}

T = TypeVar("T")


class Setting(Generic[T]):
    """One setting. Read from an instance of the class that declares it; the class itself gives the declaration."""

    name: str

    def __init__(self, default: T, *, unit: str = "", meaning: str) -> None:
        self.default = default
        self.unit = unit
        self.meaning = meaning
        self._value: T | None = None

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type) -> T: ...
    def __get__(self, instance: object | None, owner: type) -> Self | T:
        if instance is None:
            return self
        value = self._value
        if value is None:
            given = getattr(django_settings, self.name, ABSENT)
            self._value = value = self.of_environment() if given is ABSENT else self.accepted(given)
        return value

    def forget(self) -> None:
        """Read it anew the next time; it is kept, since each step for a record reads some."""
        self._value = None

    def of_environment(self) -> T:
        """The environment's value, or the default, whatever Django's settings say: they themselves may need it."""
        given = os.environ.get(self.name, "").strip()
        return self.accepted(given) if given else self.default

    def accepted(self, given: Any) -> T:
        """The value that is meant. Raises `ImproperlyConfigured`, naming the setting and how to mend it."""
        raise NotImplementedError


class Number(Setting[float]):
    """Fractions are allowed. Above 0; ``or_zero``: or 0, for never."""

    def __init__(self, default: float, *, unit: str, meaning: str, or_zero: bool = False) -> None:
        super().__init__(default, unit=unit, meaning=meaning)
        self.or_zero = or_zero

    def accepted(self, given: Any) -> float:
        number = _number(given)
        if not (0 < number < float("inf") or (self.or_zero and number == 0)):
            least = "from 0 on" if self.or_zero else "above 0"
            raise ImproperlyConfigured(f"{self.name} is {given!r}; use a number {least}, e.g. {self.default:g}")
        return number


class Share(Setting[float]):
    """Of a hundred, from 0 to 100; fractions are allowed."""

    def accepted(self, given: Any) -> float:
        number = _number(given)
        if not 0 <= number <= 100:  # noqa: PLR2004  # per cent
            raise ImproperlyConfigured(f"{self.name} is {given!r}; use a number from 0 to 100, e.g. {self.default:g}")
        return number


class Count(Setting[int]):
    """A whole number, from ``least`` on."""

    def __init__(self, default: int, *, least: int, unit: str, meaning: str) -> None:
        super().__init__(default, unit=unit, meaning=meaning)
        self.least = least

    def accepted(self, given: Any) -> int:
        number = _number(given)
        if not (self.least <= number < float("inf") and number.is_integer()):
            raise ImproperlyConfigured(
                f"{self.name} is {given!r}; use a whole number from {self.least} on, e.g. {self.default}"
            )
        return int(number)


class Text(Setting[str]):
    """Any text; none only where that is the default."""

    def accepted(self, given: Any) -> str:
        if not isinstance(given, str) or (self.default and not given.strip()):
            raise ImproperlyConfigured(f"{self.name} is {given!r}; use a text, e.g. {self.default}")
        return given.strip()


class Switch(Setting[bool]):
    """On or off; in the environment, ``1`` or ``0``, ``true`` or ``false``, ``on`` or ``off``."""

    def accepted(self, given: Any) -> bool:
        if isinstance(given, bool):
            return given
        if str(given).strip().lower() not in _SWITCHED:
            raise ImproperlyConfigured(f"{self.name} is {given!r}; use true or false")
        return _SWITCHED[str(given).strip().lower()]


class Mailboxes(Setting[tuple[str, ...]]):
    """E-mail addresses, as a list or as a text with commas."""

    def __init__(self, *, meaning: str) -> None:
        super().__init__((), unit="addresses", meaning=meaning)

    def accepted(self, given: Any) -> tuple[str, ...]:
        parts = given if isinstance(given, list | tuple) else str(given).split(",")
        found = tuple(str(part).strip() for part in parts if str(part).strip())
        for each in found:
            try:
                validate_email(each)
            except ValidationError:
                raise ImproperlyConfigured(
                    f"{self.name} names {each!r}, which is no e-mail address; use e.g. ops@example.org, with commas between"
                ) from None
        return found


def _number(given: Any) -> float:
    try:
        return float(given)
    except (TypeError, ValueError):
        return float("nan")

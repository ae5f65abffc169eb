"""What the crash points have to know of a use: how one object of a case is written, and what is held of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

BEFORE = "as prepared"
AFTER = "as written"
WHILE_FROZEN = "as written while a worker was frozen"

Held = Mapping[str, Sequence[Mapping[str, Any]]]
"""What the third party holds, by external id."""


class Use(Protocol):
    """An object is named by a word of its own, which fits into a command line. What it holds is one of the three above.

    ``replaces``: whether an object that is renamed gets another record at the third party.
    """

    replaces: bool

    def declare(self) -> None:
        """Say of the declarations what this use needs, in a worker."""

    def new(self) -> str:
        """The word of a new object, not saved."""

    def key(self, word: str, record: str) -> str:
        """The record in which the process crashes: ``record`` says which of the object's."""

    def external_ids(self, word: str) -> Mapping[str, str]:
        """By the key of each of its records."""

    def write(self, operation: str, word: str, content: str = AFTER) -> None:
        """Through models and services, as the application does."""

    def write_silently(self, operation: str, word: str) -> None:
        """Past ``save()`` and its signals: only the reconciler can find it."""

    def aim(self, control: Any, fault: str, external_ids: Iterable[str], *, late_seconds: float) -> None:
        """From now on, writes of these records, and of no others, meet this fault at the third party."""

    def held(self, control: Any) -> Held: ...

    def problems(self, word: str, wanted: str | None, held: Held) -> Iterator[str]:
        """How the object here, and what is held of it there, differ from what is wanted; None for nothing at all."""

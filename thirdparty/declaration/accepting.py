"""Taking over what a target holds: an application's own way of writing it to its object, when a person decides so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from thirdparty.connectors.base import RemoteRecord


class CannotAccept(Exception):
    """What the target holds cannot be written here; the message says why."""


class Accept(Protocol):
    """Writes to the object, which is locked, in the name of the account ``by``.

    Called for a preview, too, in a transaction that is taken back: what is done beside the database belongs into ``on_commit``.
    Raises `CannotAccept`, or Django's `ValidationError`.
    """

    def __call__(self, instance: Any, target: str, found: RemoteRecord, /, *, by: Any) -> None: ...


F = TypeVar("F", bound=Accept)
_accepting: dict[str, Accept] = {}


def accepts(kind: str) -> Callable[[F], F]:
    """Have this function write what a target holds of an object of this kind."""

    def registered(function: F) -> F:
        _accepting[kind] = function
        return function

    return registered


def accepting(kind: str) -> Accept | None:
    """What writes objects of this kind; None where nothing that a target holds can be taken over."""
    return _accepting.get(kind)

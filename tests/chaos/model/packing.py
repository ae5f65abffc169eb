"""States as single numbers: millions of them have to be remembered."""

from __future__ import annotations

from typing import Any

from tests.chaos.model.state import State

_BITS = 24
_MASK = (1 << _BITS) - 1


class _Register(dict[Any, int]):
    """Numbers values in the order in which they are first seen."""

    def __init__(self) -> None:
        super().__init__()
        self.values_in_order: list[Any] = []

    def __missing__(self, value: Any) -> int:
        number = self[value] = len(self.values_in_order)
        if number > _MASK:
            raise OverflowError("too many different values for one part of a state")
        self.values_in_order.append(value)
        return number


class Packing:
    """Packs a state of this kind, a named tuple, into one integer and back: each part is registered once."""

    def __init__(self, kind: Any = State) -> None:
        self._kind = kind
        self._parts = tuple(_Register() for _ in kind._fields)

    def pack(self, state: Any) -> int:
        packed = 0
        for register, part in zip(self._parts, state, strict=True):
            packed = packed << _BITS | register[part]
        return packed

    def bits_of(self, field: str) -> int:
        """Those of a packed state that stand for this part of it."""
        return _MASK << self._shift(field)

    def packed(self, field: str, value: Any) -> int:
        """This part alone."""
        return self._parts[self._kind._fields.index(field)][value] << self._shift(field)

    def _shift(self, field: str) -> int:
        return _BITS * (len(self._parts) - 1 - self._kind._fields.index(field))

    def unpack(self, packed: int) -> Any:
        parts = []
        for register in reversed(self._parts):
            parts.append(register.values_in_order[packed & _MASK])
            packed >>= _BITS
        return self._kind(*reversed(parts))

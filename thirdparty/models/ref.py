"""Which object a record is of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ref:
    """One object of ours, wherever it is kept. ``kind``: its declaration's; ``object_id``: its identity, as text."""

    kind: str
    object_id: str

    def key(self, target: str) -> str:
        """The key of its record at a target. Triggers make the same."""
        return f"{target}:{self.kind}:{self.object_id}"

    @classmethod
    def of_key(cls, key: str) -> Ref:
        """The object whose record has this key at some target."""
        _, kind, object_id = key.split(":", 2)
        return cls(kind, object_id)

    def __str__(self) -> str:
        return f"{self.kind}:{self.object_id}"

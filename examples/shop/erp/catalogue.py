"""What the ERP keeps: its collections, their fields, and which fields name other records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Collection:
    """``fields``: each with its type, all of them required. ``key``: the field that is unique, besides ``external_id``.

    ``references``: the collection that a field names a record of.
    """

    name: str
    fields: Mapping[str, type]
    key: str | None = None
    references: Mapping[str, str] = field(default_factory=dict)

    def faults(self, body: Mapping[str, Any]) -> list[str]:
        """What is wrong with a record that somebody wants to have kept, a sentence each."""
        wrong = [f"{name} is required" for name in self.fields if name not in body]
        wrong += [f"{name} is not known" for name in body if name not in {*self.fields, "external_id"}]
        for name, kind in {**self.fields, "external_id": str}.items():
            if name in body and not isinstance(body[name], kind):
                wrong.append(f"{name} must be of type {kind.__name__}")
        return wrong


COLLECTIONS = {
    each.name: each
    for each in (
        Collection("customers", {"name": str, "email": str, "phone": str}),
        Collection(
            "orders",
            {"number": str, "customer": str, "total": str, "lines": list},
            key="number",
            references={"customer": "customers"},
        ),
    )
}

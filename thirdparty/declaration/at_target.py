"""One target, as a declaration sees it while it makes a payload."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from thirdparty.declaration.key_changes import KeyChanges
from thirdparty.declaration.unmappable import Unmappable
from thirdparty.models.ref import Ref

if TYPE_CHECKING:
    from thirdparty.declaration.synced import Synced

UNDECLARED = "undeclared_reference"
RENAMED_REFERENCE = "renamed_reference"


@dataclass(frozen=True, slots=True)
class Referred:
    """The record of an object that another one refers to. ``obstacle``: why it will not come by itself; empty where it will."""

    remote_id: str | None
    natural_key: str
    obstacle: str = ""


class WaitsFor(Exception):
    """The object refers to one that has no record at the target yet: its payload can be made once that has one."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(key, message)
        self.key = key
        self.message = message


@dataclass(frozen=True, slots=True)
class AtTarget:
    """The target that the payload is for. ``name``: as SYNC_TARGETS has it.

    ``referred``: what is known of the objects that may be referred to. ``used``: the remote ids that were asked for, by the
    key of their record. ``own``: the object itself, and the natural key that the target knows it by, if any.
    """

    name: str
    references: tuple[Synced[Any], ...] = ()
    referred: Mapping[Ref, Referred] = field(default_factory=dict)
    used: dict[str, str] = field(default_factory=dict)
    own: tuple[Ref, str] | None = None

    def remote_id(self, obj: Any) -> str | None:
        """The id that the record of this object has at the target; None for no object.

        The object is one of a kind that the declaration names in ``references``. Without a record there yet, the payload
        cannot be made: the engine waits for it, and asks again.
        """
        if obj is None:
            return None
        ref = self._ref(obj)
        found = self.referred.get(ref)
        key = ref.key(self.name)
        if found is None:
            raise WaitsFor(key, f"it refers to {ref}, of which no record is owed to this target")
        if found.remote_id is None:
            raise WaitsFor(key, f"it refers to {ref}, which {found.obstacle or 'is not at the target yet'}")
        self.used[key] = found.remote_id
        return found.remote_id

    def key(self, obj: Any) -> str:
        """The natural key that the target knows this object by, or will.

        Of another object only where its declaration keeps it: what names it by a key that an update changes would be wrong from
        then on.
        """
        ref = self._ref(obj)
        if self.own is not None and ref == self.own[0]:
            known = self.own[1]
        elif self._declaration(obj).key_changes is KeyChanges.RENAMED:
            raise Unmappable(RENAMED_REFERENCE, f"the natural key of {ref} changes at the target: name its remote id")
        else:
            found = self.referred.get(ref)
            known = found.natural_key if found is not None else ""
        return known or self._declaration(obj).key_of(obj)

    def _ref(self, obj: Any) -> Ref:
        return self._declaration(obj).ref_of(obj)

    def _declaration(self, obj: Any) -> Synced[Any]:
        for declaration in self.references:
            if isinstance(obj, declaration.model):
                return declaration
        raise Unmappable(UNDECLARED, f"its declaration names no {type(obj)._meta.label} in `references`")

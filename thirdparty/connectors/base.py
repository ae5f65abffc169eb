"""What every connector is, and the shapes it speaks in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from thirdparty.connectors.errors import CapabilityMissing
from thirdparty.connectors.options import REQUIRED, Option

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from thirdparty.connectors.config import TargetConfig

Payload: TypeAlias = "Mapping[str, Any] | DataclassInstance"
"""What a target holds of an object: names and JSON values. Declaration and connector agree on them."""


def fields_of(payload: Payload) -> dict[str, Any]:
    """The names and values of a payload, whichever form it has."""
    if is_dataclass(payload):
        return {each.name: getattr(payload, each.name) for each in fields(payload)}
    return dict(payload)


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a target offers beyond add, update and delete.

    ``query``: a record can be looked up. ``list``: all records can be listed.
    ``idempotency``: an add repeated under the same key within 24 hours is applied once.
    ``versions``: a write is applied only when its version is above the stored one.
    ``rename``: an update may give a record another natural key, and a look-up shows which one it has.
    """

    query: bool = False
    list: bool = False
    idempotency: bool = False
    versions: bool = False
    rename: bool = False


@dataclass(frozen=True, slots=True)
class RemoteObject:
    """An object as a target is to hold it: what is wanted. Its ``repr`` shows nothing of its content.

    ``external_id``: what we call it, for ever. ``key``: its natural key at the target, empty where it has none.
    ``dropped``: with an update, the fields (as `Connector.comparable` names them) that the target was sent before and that
    the payload has no more: the target is to hold nothing in them.
    """

    external_id: str
    key: str = field(repr=False)
    payload: Payload = field(repr=False)
    dropped: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RemoteRecord:
    """A record as the target says it holds it: what was found. ``external_id`` is empty where it has none.

    ``key``: None where the target keeps no natural key of such records (`Connector.keeps_keys`).
    """

    remote_id: str
    external_id: str
    key: str | None = field(repr=False)
    payload: Payload = field(repr=False)
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a listing; ``next_cursor`` is None on the last."""

    records: tuple[RemoteRecord, ...]
    next_cursor: str | None


class Connector(ABC):
    """One target's calls about one kind of object. Each is one request with one total deadline and no hidden retries,
    but for a look-up or a listing, which may be asked once more where its connection had been closed already.

    All raise `thirdparty.connectors.errors.TargetError` subclasses and nothing else for whatever the
    network or the target does, with the target's own words as they are: they are masked before they are kept. Safe to share between threads, not across a fork.

    ``options``: the settings that it declares for itself. ``supports``: all that targets of this kind may offer, and
    ``capabilities`` what they do offer unless ``TARGET_X_CAPABILITIES`` says otherwise.
    """

    options: ClassVar[tuple[Option, ...]] = ()
    supports: ClassVar[Capabilities] = Capabilities()
    capabilities: Capabilities = Capabilities()
    inactive: ClassVar[Mapping[str, Any]] = {}
    """The fields, as `comparable` has them, and their values, of a record that is deactivated: an update to these takes
    something away, which the brake counts. Empty where the target knows no such thing."""

    def __init__(self, config: TargetConfig, kind: str) -> None:
        """``kind``: that of the declaration whose objects these are. No network is touched."""
        self.config = config
        self.kind = kind
        self.capabilities = config.capabilities

    @classmethod
    def declared_options(cls) -> tuple[Option, ...]:
        """All settings that it needs: its own, and those that follow from how it is made."""
        return cls.options

    def secrets(self) -> tuple[str, ...]:
        """What no error may show, should the target repeat it: the values of the settings that have no default."""
        needed = (each.name for each in self.declared_options() if each.default is REQUIRED)
        return tuple(str(self.config.options[name]) for name in needed)

    def keeps_keys(self) -> bool:
        """Whether the target keeps the natural key of its records, so that one can be found and told by it."""
        return True

    @classmethod
    def can_deactivate(cls) -> bool:
        """Whether it has `deactivate`, so that targets of its kind may be set to ``TARGET_X_ON_LEAVE=deactivate``."""
        return False

    @abstractmethod
    def add(self, obj: RemoteObject, *, version: int, idempotency_key: str) -> str:
        """Create the record and return its remote id.

        ``version`` and ``idempotency_key`` are sent only where the target honours them. The payload is empty where the
        object is gone, and the add is repeated only to learn what it had created.
        Raises `AlreadyExists` when the natural key is taken.
        """

    @abstractmethod
    def update(self, remote_id: str, obj: RemoteObject, *, version: int) -> None:
        """Make the record hold these values, and its natural key where the target can ``rename``.

        Raises `NotFound`, `VersionConflict`, and `AlreadyExists` where that natural key is another record's.
        """

    @abstractmethod
    def delete(self, remote_id: str) -> None:
        """Remove the record. Raises `NotFound` when it is gone already."""

    def deactivate(self, remote_id: str, *, version: int) -> None:  # noqa: ARG002  # for those who can
        """Give the record its `inactive` fields and leave the others as they are: its object may be gone, and nobody
        could say what it held. An `update` activates it again. Raises `NotFound`, `VersionConflict`, and
        `CapabilityMissing` where it is not `can_deactivate`.
        """
        raise CapabilityMissing("deactivate")

    def find(
        self,
        *,
        remote_id: str | None = None,  # noqa: ARG002  # for those who can
        external_id: str | None = None,  # noqa: ARG002
        key: str | None = None,  # noqa: ARG002
    ) -> RemoteRecord | None:
        """Look one record up by exactly one of the three; None when the target holds none.

        Raises `CapabilityMissing` where the target cannot be queried.
        """
        raise CapabilityMissing("query")

    def page(self, cursor: str | None, *, limit: int) -> Page:  # noqa: ARG002  # as above
        """One page of all records. Raises `CapabilityMissing` where the target cannot list."""
        raise CapabilityMissing("list")

    def comparable(self, payload: Payload) -> Mapping[str, Any]:
        """What two payloads have in common to be equal. Pure.

        What this target cannot hold is left out, and what it writes in another way is brought to one form; then an
        update could change every difference that is left.
        """
        return fields_of(payload)

    def close(self) -> None:  # noqa: B027  # one without connections has nothing to close
        """Close pooled connections."""

"""One third party of a run, and whose its records are."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from tests.chaos.run.archive import Archive
from tests.chaos.run.ledger import Ledger
from tests.chaos.run.strangers import Strangers
from tests.chaos.run.third_parties import ThirdParty
from tests.chaos.run.upgraded import mapping
from thirdparty.sandbox.client import SandboxControl


@dataclass(slots=True)
class Side:
    """One third party in the end: what it knows, and what we know of it.

    ``dropped_at``: when its rows were dropped here, as it was retired (unix seconds); 0 for never. ``attempts_dropped``: with
    them, those that remained unknown, and those whose lease was taken over. ``records_lock``: held by whoever restores it or changes
    its records by hand, since its ledger does not tell whether that was before or after a restore.
    """

    party: ThirdParty
    strangers: Strangers = field(default_factory=Strangers)
    archive: Archive = field(default_factory=Archive)
    reuses_ids: bool = False
    dropped_at: float = 0.0
    attempts_dropped: Counter[str] = field(default_factory=Counter)
    records_lock: threading.Lock = field(default_factory=threading.Lock)
    control: SandboxControl = field(init=False)

    def __post_init__(self) -> None:
        self.control = self.party.control()

    @property
    def name(self) -> str:
        return self.party.name

    @property
    def ids_return(self) -> bool:
        """Whether an id may have been given to more than one record."""
        return self.reuses_ids or bool(self.archive.restores)

    def entries(self) -> list[Mapping[str, Any]]:
        """The ledger's, with what restores changed."""
        return list(self.archive.whole(self.control.ledger()))

    def ledger(self) -> Ledger:
        return Ledger(self.entries(), ids_return=self.ids_return)


Sides = Mapping[str, Side]


def is_person(external_id: str) -> bool:
    """Whether it may be one of ours."""
    try:
        return str(UUID(external_id)) == external_id
    except ValueError:
        return False


def external_id_of(key: str) -> str:
    """The external id of a record of ours, by its key."""
    return str(UUID(key.rpartition(":")[2]))


def key_of(target: str, external_id: str) -> str:
    """The key of the record of ours at this target that has this external id."""
    return f"{target}:{mapping.KIND}:{UUID(external_id).hex}"


def is_of(side: Side, key: str) -> bool:
    """Whether a record of ours is at this third party, by its key."""
    return key.startswith(f"{side.name}:")

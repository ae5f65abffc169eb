"""What an application writes about a model of its own, so that targets hold its objects."""

from thirdparty.declaration.accepting import CannotAccept, accepts
from thirdparty.declaration.at_target import AtTarget
from thirdparty.declaration.key_changes import KeyChanges
from thirdparty.declaration.lookups import PerTarget
from thirdparty.declaration.registry import declared, is_declared, of_kind, register
from thirdparty.declaration.synced import Synced
from thirdparty.declaration.unmappable import Unmappable

__all__ = [
    "AtTarget",
    "CannotAccept",
    "KeyChanges",
    "PerTarget",
    "Synced",
    "Unmappable",
    "accepts",
    "declared",
    "is_declared",
    "of_kind",
    "register",
]

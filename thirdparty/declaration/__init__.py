"""What an application writes about a model of its own, so that targets hold its objects."""

from thirdparty.declaration.accepting import CannotAccept, accepts
from thirdparty.declaration.lookups import PerTarget
from thirdparty.declaration.registry import declared, of_kind, register
from thirdparty.declaration.synced import Synced

__all__ = ["CannotAccept", "PerTarget", "Synced", "accepts", "declared", "of_kind", "register"]

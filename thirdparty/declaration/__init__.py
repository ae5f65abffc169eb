"""What an application writes about a model of its own, so that targets hold its objects."""

from thirdparty.declaration.registry import declared, of_kind, register
from thirdparty.declaration.synced import Synced

__all__ = ["Synced", "declared", "of_kind", "register"]

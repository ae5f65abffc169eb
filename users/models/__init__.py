"""The tables of the domain."""

from users.models.figures import KeptFigures
from users.models.idempotency import KeptAnswer
from users.models.role import RoleMapping
from users.models.strict import StrictWrite
from users.models.sync import SyncAttempt, UserSync
from users.models.tick import Tick
from users.models.user import User

__all__ = ["KeptAnswer", "KeptFigures", "RoleMapping", "StrictWrite", "SyncAttempt", "Tick", "User", "UserSync"]

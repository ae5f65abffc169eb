"""The tables of the domain."""

from users.models.idempotency import IdempotentResponse
from users.models.role import RoleMapping
from users.models.user import User

__all__ = ["IdempotentResponse", "RoleMapping", "User"]

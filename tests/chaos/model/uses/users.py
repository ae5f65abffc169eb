"""People at the partner."""

from __future__ import annotations

from uuid import UUID

from tests.chaos.model.target import STRANGER
from tests.chaos.model.uses.use import Use
from users.models import User

UUIDS = {0: UUID(int=1), 1: UUID(int=2), STRANGER: UUID(int=9)}


def _put(natural_key: str, *, exists: bool) -> None:
    there = User.objects.filter(uuid=UUIDS[0]).exists()
    if there and not exists:
        _delete()
    elif exists and not there:
        User.objects.create(uuid=UUIDS[0], username=natural_key, name="A")


def _edit(number: int) -> None:
    User.objects.filter(uuid=UUIDS[0]).update(name=f"edit {number}")


def _delete() -> None:
    User.objects.filter(uuid=UUIDS[0]).delete()


USE = Use(
    target="partner",
    kind="users.user",
    object_ids={owner: uuid.hex for owner, uuid in UUIDS.items()},
    external_id=lambda object_id: str(UUID(object_id)),
    companion_id="c" * 32,
    put=_put,
    edit=_edit,
    delete=_delete,
)

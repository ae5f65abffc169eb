"""Every ORM write of a user or their roles wakes the user's records once it has committed.

These are hints for speed. What is owed is recorded by the database triggers, whatever wrote it.
"""

from __future__ import annotations

from typing import Any

from django.db.models.signals import m2m_changed, post_delete, post_save
from django.dispatch import receiver

from thirdparty.capture.triggers.sql import SYNCED_COLUMNS
from thirdparty.notify import hints
from users.models import User
from users.synced import person


@receiver(post_save, sender=User)
@receiver(post_delete, sender=User)
def _user_written(*, instance: User, update_fields: frozenset[str] | None = None, **_: Any) -> None:
    told = update_fields is None or not update_fields.isdisjoint(SYNCED_COLUMNS)
    if told and not instance.is_superuser:
        hints.on_commit(person(instance.uuid))


@receiver(m2m_changed, sender=User.groups.through)
def _roles_written(*, instance: Any, action: str, reverse: bool, pk_set: set[int] | None, **_: Any) -> None:
    if action not in ("post_add", "post_remove", "post_clear"):
        return
    if not reverse:
        hints.on_commit(person(instance.uuid))
    elif pk_set:
        for user_uuid in User.objects.filter(pk__in=pk_set).values_list("uuid", flat=True):
            hints.on_commit(person(user_uuid))

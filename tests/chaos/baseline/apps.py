"""Takes the product's hints off and puts the textbook's signals on."""

from __future__ import annotations

from django.apps import AppConfig
from django.db.models.signals import m2m_changed, post_delete, post_save


class BaselineConfig(AppConfig):
    name = "tests.chaos.baseline"
    label = "baseline"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from tests.chaos.baseline import tasks
        from thirdparty.notify import hints
        from users.models import User

        hints.on_commit = hints.drain_on_commit = lambda *_: None
        post_save.connect(tasks.saved, sender=User)
        post_delete.connect(tasks.deleted, sender=User)
        m2m_changed.connect(tasks.roles_changed, sender=User.groups.through)

"""Takes the product's signals off and puts the textbook's on."""

from __future__ import annotations

from django.apps import AppConfig
from django.db.models.signals import m2m_changed, post_delete, post_save


class BaselineConfig(AppConfig):
    name = "tests.chaos.baseline"
    label = "baseline"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from tests.chaos.baseline import tasks
        from users import signals
        from users.models import User

        post_save.disconnect(signals._user_written, sender=User)
        post_delete.disconnect(signals._user_written, sender=User)
        m2m_changed.disconnect(signals._roles_written, sender=User.groups.through)
        post_save.connect(tasks.saved, sender=User)
        post_delete.connect(tasks.deleted, sender=User)
        m2m_changed.connect(tasks.roles_changed, sender=User.groups.through)

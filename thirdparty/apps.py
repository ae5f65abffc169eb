from typing import Any

from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate, pre_migrate
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class ThirdpartyConfig(AppConfig):
    name = "thirdparty"
    verbose_name = _("Third parties")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from thirdparty import checks  # noqa: F401, PLC0415  # it registers itself; settings must be loaded
        from thirdparty.settings import settings  # noqa: PLC0415  # the same

        settings.require_valid()
        autodiscover_modules("synced")
        from thirdparty.notify import signals  # noqa: PLC0415  # what is declared must be known

        signals.connect()

        pre_migrate.connect(_make_way, sender=self)
        post_migrate.connect(_install_triggers, sender=self)


def _make_way(*, using: str, plan: list[Any], **_: Any) -> None:
    from thirdparty.capture import triggers  # noqa: PLC0415  # needs the app registry

    taken_out = any(back and step.initial and step.app_label == "thirdparty" for step, back in plan)
    triggers.make_way(connections[using], [migration for migration, _backwards in plan], taken_out=taken_out)


def _install_triggers(*, using: str, **_: Any) -> None:
    from thirdparty import targets  # noqa: PLC0415  # needs the app registry
    from thirdparty.capture import triggers  # noqa: PLC0415

    if triggers.tables_exist(connections[using]):
        targets.publish_rows()
        triggers.install(connections[using])

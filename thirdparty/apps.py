from datetime import timedelta
from functools import partial
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
        from thirdparty import checks, labels  # noqa: F401, PLC0415  # the first registers itself; settings must be loaded
        from thirdparty.settings import settings  # noqa: PLC0415  # the same

        settings.require_valid()
        labels.translate_labels(self)
        autodiscover_modules("synced")
        from thirdparty.notify import signals  # noqa: PLC0415  # what is declared must be known

        signals.connect()

        from thirdparty.alerts import pruning as alerts_pruning  # noqa: PLC0415  # the same
        from thirdparty.audit import pruning  # noqa: PLC0415  # the same
        from thirdparty.run import reconcile  # noqa: PLC0415  # the same

        retention = timedelta(days=settings.SYNC_ATTEMPT_RETENTION_DAYS)
        reconcile.prune_also(pruning.prune_some, retention)
        reconcile.prune_also(alerts_pruning.prune_some, retention)

        pre_migrate.connect(_make_way, sender=self)
        post_migrate.connect(_install_triggers, sender=self)


def _make_way(*, using: str, plan: list[Any], **_: Any) -> None:
    from thirdparty.capture import triggers, versions  # noqa: PLC0415  # needs the app registry

    connection = connections[using]
    taken_out = any(back and step.initial and step.app_label == "thirdparty" for step, back in plan)
    if connection.vendor == "sqlite" and plan and triggers.tables_exist(connection):
        # A migration may rebuild a table that they name, as may one of a model that is declared no more.
        versions.drop_undeclared_triggers(connection)
    triggers.make_way(connection, [migration for migration, _backwards in plan], taken_out=taken_out)


def _install_triggers(*, using: str, plan: list[Any] | None = None, **_: Any) -> None:
    from thirdparty import targets  # noqa: PLC0415  # needs the app registry
    from thirdparty.capture import triggers, versions  # noqa: PLC0415
    from thirdparty.models.instance import instance_code  # noqa: PLC0415

    connection = connections[using]
    if not triggers.tables_exist(connection):
        return
    instance_code()
    targets.publish_rows()
    triggers.install(connection, noted=partial(versions.publish, using=using))
    if plan is not None:  # a flush calls this, too, and says nothing of what is declared
        versions.drop_undeclared_triggers(connection)
        versions.withdraw(using)

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class UsersConfig(AppConfig):
    name = "users"
    verbose_name = _("People")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from thirdparty.labels import translate_labels  # noqa: PLC0415  # models must be loaded
        from thirdparty.run import reconcile  # noqa: PLC0415  # the same
        from users import answers, remote_values  # noqa: F401, PLC0415  # the second registers itself

        translate_labels(self)
        reconcile.prune_also(answers.prune_some, answers.KEPT_FOR)

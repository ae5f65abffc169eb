from django.apps import AppConfig


class ThirdpartyConfig(AppConfig):
    name = "thirdparty"
    verbose_name = "third parties"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from thirdparty import checks  # noqa: F401, PLC0415  # it registers itself; settings must be loaded

from django.apps import AppConfig


class ThirdpartyConfig(AppConfig):
    name = "thirdparty"
    verbose_name = "third parties"
    default_auto_field = "django.db.models.BigAutoField"

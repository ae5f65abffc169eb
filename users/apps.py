from django.apps import AppConfig


class UsersConfig(AppConfig):
    name = "users"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from users import remote_values  # noqa: F401, PLC0415  # it registers itself; models must be loaded

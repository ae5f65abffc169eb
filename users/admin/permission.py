"""What an account or a group may do, in the reader's language: Django keeps the names of permissions in English."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Permission
from django.db.models import Field
from django.http import HttpRequest
from django.utils.translation import gettext_noop

from thirdparty.observe.messages import message_in_words

_NAMES = [
    gettext_noop("Can add %(model)s"),
    gettext_noop("Can change %(model)s"),
    gettext_noop("Can delete %(model)s"),
    gettext_noop("Can view %(model)s"),
]
"""As Django makes them: for the translators."""


class PermissionChoice:
    """Mixed into the admin of whatever is given permissions."""

    def formfield_for_manytomany(self, db_field: Field[Any, Any], request: HttpRequest, **kwargs: Any) -> Any:
        choice = super().formfield_for_manytomany(db_field, request, **kwargs)  # type: ignore[misc]  # the ModelAdmin's
        if db_field.related_model is Permission:
            choice.label_from_instance = _named
        return choice


def _named(permission: Permission) -> str:
    return f"{permission.content_type} | {message_in_words(permission.name)}"

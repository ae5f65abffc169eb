"""Django's admin as it is, or dressed by unfold where that is installed. Nothing else here knows the difference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import forms
from django.apps import apps
from django.contrib.admin import ModelAdmin
from django.contrib.admin.views.main import ChangeList

from thirdparty.admin.pages import BoundedPages

if apps.is_installed("unfold") and not TYPE_CHECKING:
    from unfold.admin import ModelAdmin
    from unfold.views import ChangeList
    from unfold.widgets import UnfoldAdminSelectWidget as Select
    from unfold.widgets import UnfoldAdminTextInputWidget as TextInput
else:
    Select, TextInput = forms.Select, forms.TextInput

__all__ = ["ChangeList", "ModelAdmin", "Select", "SyncAdmin", "TextInput"]


class SyncAdmin(ModelAdmin):  # type: ignore[type-arg]  # unfold's has no parameters at run time
    """What the pages of this package have in common."""

    show_full_result_count = False
    paginator = BoundedPages

    class Media:
        css = {"all": ["thirdparty/admin.css"]}  # noqa: RUF012  # Django's form of it

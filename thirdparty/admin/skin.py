"""Django's admin as it is, or dressed by unfold where that is installed. Nothing else here knows the difference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.apps import apps
from django.contrib.admin import ModelAdmin
from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from thirdparty.admin.pages import BoundedPages
from thirdparty.observe.messages import message_in_words

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

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """As Django's, with what the engine has noted in the reader's language."""
        page: HttpResponse = super().history_view(request, object_id, extra_context)
        if isinstance(page, TemplateResponse) and page.context_data is not None:
            for entry in page.context_data["action_list"]:
                entry.change_message = message_in_words(entry.change_message)
        return page

    class Media:
        css = {"all": ["thirdparty/admin.css"]}  # noqa: RUF012  # Django's form of it

"""Who did what to whom, through the admin, the API or the command line."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin

from thirdparty.admin.pages import BoundedPages
from thirdparty.admin.readonly import ReadOnly
from thirdparty.observe.messages import message_in_words

# The side bar's word, in titles and breadcrumbs as well.
LogEntry._meta.verbose_name, LogEntry._meta.verbose_name_plural = _("history entry"), _("history")


@admin.register(LogEntry)
class HistoryAdmin(ReadOnly, ModelAdmin):
    """All of it, newest first; a deleted user's, too, whose own history page is gone."""

    list_display = ("action_time", "user", "object_repr", "content_type", "what")
    list_filter = ("action_flag", "content_type")
    list_select_related = ("user", "content_type")
    search_fields = ("object_repr", "object_id", "change_message", "user__username")
    fields = ("action_time", "user", "content_type", "object_repr", "object_id", "what")
    in_words: ClassVar = {"change_message": message_in_words}
    readonly_fields = ("what",)
    ordering = ("-id",)
    show_full_result_count = False
    paginator = BoundedPages

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        page: HttpResponse = super().changelist_view(request, {"title": _("History"), **(extra_context or {})})
        return page

    @admin.display(description=_("What"))
    def what(self, entry: LogEntry) -> str:
        return message_in_words(str(entry.get_change_message())) or str(entry.get_action_flag_display())

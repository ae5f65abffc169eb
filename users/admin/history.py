"""Who did what to whom, through the admin, the API or the command line."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin

from thirdparty.admin.pages import BoundedPages
from thirdparty.admin.readonly import ReadOnly


@admin.register(LogEntry)
class HistoryAdmin(ReadOnly, ModelAdmin):
    """All of it, newest first; a deleted user's, too, whose own history page is gone."""

    list_display = ("action_time", "user", "object_repr", "content_type", "what")
    list_filter = ("action_flag", "content_type")
    list_select_related = ("user", "content_type")
    search_fields = ("object_repr", "object_id", "change_message", "user__username")
    fields = ("action_time", "user", "content_type", "object_repr", "object_id", "what")
    readonly_fields = ("what",)
    ordering = ("-id",)
    show_full_result_count = False
    paginator = BoundedPages

    @admin.display(description=_("What"))
    def what(self, entry: LogEntry) -> str:
        return str(entry.get_change_message()) or str(entry.get_action_flag_display())

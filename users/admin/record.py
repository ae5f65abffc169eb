"""Records: where each user stands at each target. Read only, but for looking now and for what people decide."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST
from unfold.admin import ModelAdmin
from unfold.views import ChangeList

from thirdparty.decisions.look_now import look_now
from thirdparty.models import Record
from thirdparty.models.record import EPOCH, State
from thirdparty.permissions import Right as RecordRight
from thirdparty.store.contention import StillHeld
from users import permissions
from users.admin.badge import STATES, badge, record_page
from users.admin.decision import decide
from users.admin.filters import RecordState, RecordTarget
from users.admin.moment import moment
from users.admin.panel import may_look, panel
from users.admin.readonly import ReadOnly
from users.models import User


class RecordList(ChangeList):
    """A page of records with their users, read in one query."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        users = User.objects.in_bulk([UUID(row.object_id) for row in self.result_list], field_name="uuid")
        for row in self.result_list:
            row.user = users.get(UUID(row.object_id))


@admin.register(Record)
class RecordAdmin(ReadOnly, ModelAdmin):
    list_display = ("user", "target", "state_badge", "progress", "last_error", "owed", "due")
    list_display_links = ("user",)
    list_filter = (RecordState, RecordTarget)
    search_fields = ("natural_key", "remote_id", "object_id")
    search_help_text = "Username or id at the target, or the user's uuid"
    ordering = ("key",)
    show_full_result_count = False
    actions = ("look_now",)
    change_form_outer_before_template = "users/admin/records.html"

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return RecordList

    def get_fieldsets(self, request: HttpRequest, obj: Record | None = None) -> Any:
        columns = [field.name for field in Record._meta.fields]
        return [("The row as it is", {"fields": columns, "classes": ["collapse"]})]

    @admin.display(description="User", empty_value="-")
    def user(self, row: Any) -> str | SafeString:
        if row.user is not None:
            return f"{row.user.name} ({row.user.username})"
        return format_html("<em>deleted</em> {}", row.natural_key)

    @admin.display(description="State", ordering="state")
    def state_badge(self, row: Record) -> SafeString:
        state = State(row.state)
        return badge(str(state.label), STATES[state])

    @admin.display(description="Acknowledged / wanted")
    def progress(self, row: Record) -> str:
        return f"{row.synced_generation} / {row.generation}"

    @admin.display(description="Owed since", ordering="owed_since", empty_value="-")
    def owed(self, row: Record) -> SafeString | None:
        return moment(row.owed_since)

    @admin.display(description="Next look", ordering="due_at", empty_value="-")
    def due(self, row: Record) -> SafeString | str | None:
        return "at once" if row.due_at == EPOCH else moment(row.due_at)

    @admin.action(description="Look at it now (parked ones too)", permissions=["look"])
    def look_now(self, request: HttpRequest, queryset: QuerySet[Record]) -> None:
        try:
            messages.success(request, f"{look_now(queryset, by=_account(request))} records are due now.")
        except StillHeld as held:
            messages.warning(
                request, f"{held.looked_at} records are due now; others are being written by somebody: try again."
            )

    def has_look_permission(self, request: HttpRequest) -> bool:
        return may_look(request)

    def get_urls(self) -> list[URLPattern]:
        look_now = self.admin_site.admin_view(require_POST(self.look_now_view))
        decide = self.admin_site.admin_view(require_POST(self.decide_view))
        return [
            path("<path:key>/look-now/", look_now, name="thirdparty_record_look_now"),
            path("<path:key>/decide/", decide, name="thirdparty_record_decide"),
            *super().get_urls(),
        ]

    def decide_view(self, request: HttpRequest, key: str) -> HttpResponse:
        """The form below an explanation: a person decides about a record that does not come right by itself."""
        permissions.require(_account(request), RecordRight.DECIDE)
        decide(request, key)
        return redirect(record_page(key))

    def look_now_view(self, request: HttpRequest, key: str) -> HttpResponse:
        """The button beside an explanation."""
        found = look_now(Record.objects.filter(key=key), by=_account(request))
        messages.success(request, "The record is due now." if found else "There is nothing to look at any more.")
        return redirect(record_page(key) if found else reverse("admin:thirdparty_record_changelist"))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row = self.get_object(request, unquote(object_id))
        records = Record.objects.filter(key=row.key) if row is not None else Record.objects.none()
        owner = User.objects.filter(uuid=UUID(row.object_id)).first() if row is not None else None
        context = (extra_context or {}) | panel(request, records) | {"owner": owner}
        page: HttpResponse = super().change_view(request, object_id, form_url, context)
        return page


def _account(request: HttpRequest) -> User:
    return cast("User", request.user)

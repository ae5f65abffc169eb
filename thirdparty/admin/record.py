"""Records: where each object stands at each target. Read only, but for looking now and for what people decide."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from thirdparty import audit_log, permissions
from thirdparty.admin.badge import record_page, state_badge
from thirdparty.admin.causes import about_to_look, causes_view, retry_view, tell
from thirdparty.admin.confirm import Question, ask, is_confirmed
from thirdparty.admin.decision import decide
from thirdparty.admin.export import export_view
from thirdparty.admin.filters import RecordCause, RecordState, RowKind, RowTarget
from thirdparty.admin.moment import moment
from thirdparty.admin.panel import may_look, panel
from thirdparty.admin.readonly import SeenBy
from thirdparty.admin.search import objects_found
from thirdparty.admin.skin import ChangeList, SyncAdmin
from thirdparty.decisions.look_now import look_now, look_now_together
from thirdparty.declaration import declared, objects
from thirdparty.models import Record, Target
from thirdparty.models.record import EPOCH, State
from thirdparty.models.ref import Ref
from thirdparty.observe.messages import message_in_words
from thirdparty.permissions import Right

REFRESH = "refresh"
"""The query parameter of a page that shows a record under way: how often it is to be looked at again."""
_REFRESHED = 15
_REFRESH_SECONDS = 2
_UNDER_WAY = (State.IN_FLIGHT, State.PENDING)


def _refreshes_left(request: HttpRequest, row: Record | None) -> int:
    """How often the page is to come again by itself: while the record moves, and not for ever. Not while a form is filled in."""
    given = request.GET.get(REFRESH, "")
    asked = int(given) if given.isdecimal() else 0
    if request.method != "GET" or row is None or row.state not in _UNDER_WAY:
        return 0
    return min(asked, _REFRESHED) if given else (_REFRESHED if row.state == State.IN_FLIGHT else 0)


class RecordList(ChangeList):
    """A page of records with their objects, read in one query for each kind."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        found = objects.read({row.ref for row in self.result_list})
        for row in self.result_list:
            row.object = found.get(row.ref)


@admin.register(Record)
class RecordAdmin(SeenBy, SyncAdmin):
    list_display = ("object", "kind", "target", "state_badge", "progress", "why", "owed", "due")
    list_display_links = ("object",)
    list_filter = (RecordState, RowTarget, RowKind, RecordCause)
    search_fields = ("natural_key", "wanted_key", "remote_id", "object_id")
    search_help_text = _(
        "Natural key or id at the target, our id there, the object's identity, or whatever its own list finds it by"
    )
    ordering = ("key",)
    actions = ("look_now",)
    change_form_template = "thirdparty/admin/record.html"
    change_list_template = "thirdparty/admin/record_list.html"

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return RecordList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Record], search_term: str
    ) -> tuple[QuerySet[Record], bool]:
        """As Django's; a UUID is found in whatever form it is given, and an object as its own list finds it, by name say."""
        if not search_term.strip():
            return queryset, False
        uuid = ""
        with suppress(ValueError):
            uuid = UUID(search_term.strip()).hex
        found, may_repeat = super().get_search_results(request, queryset, uuid or search_term)
        refs = objects_found(request, self.admin_site, search_term)
        if refs:
            of_those = Q(key__in=Record.objects.of(*(Ref(kind, each) for kind, ids in refs.items() for each in ids)))
            found = (found | queryset.filter(of_those)).distinct() if may_repeat else found | queryset.filter(of_those)
        return found, may_repeat

    in_words: ClassVar = {"last_error": message_in_words, "caused_by": message_in_words}

    def get_fieldsets(self, request: HttpRequest, obj: Record | None = None) -> Any:
        said = {"state": "state_badge", "settled_state": "settled_badge"}
        columns = [said.get(field.name, field.name) for field in Record._meta.fields]
        return [(_("The row as it is"), {"fields": columns, "classes": ["collapse"]})]

    @admin.display(description=_("Object"), empty_value="-")
    def object(self, row: Any) -> str | SafeString:
        if row.object is not None:
            return str(row.object)
        return format_html("<em>{}</em> {}", gettext("deleted"), row.natural_key or row.wanted_key or row.object_id)

    @admin.display(description=_("State"), ordering="state")
    def state_badge(self, row: Record) -> SafeString:
        return state_badge(row.state)

    @admin.display(description=_("settled state"))
    def settled_badge(self, row: Record) -> SafeString:
        return state_badge(row.settled_state)

    @admin.display(description=_("Generation"))
    def progress(self, row: Record) -> SafeString:
        given = {"seen": row.synced_generation, "wanted": row.generation}
        told = gettext("generation %(seen)s of %(wanted)s acknowledged") % given
        return format_html('<span title="{}">{} / {}</span>', told, row.synced_generation, row.generation)

    def get_list_display(self, request: HttpRequest) -> Any:
        """Kind and target only where there are several: on a narrow screen every column counts."""
        alone = {"kind"} if len(declared()) <= 1 else set()
        if Target.objects.count() <= 1:
            alone.add("target")
        return [name for name in self.list_display if isinstance(name, str) and name not in alone]

    @admin.display(description=_("Last error"), ordering="cause", empty_value="-")
    def why(self, row: Record) -> SafeString | None:
        if not row.last_error:
            return None
        said = message_in_words(row.last_error)
        return format_html('<span class="sync-short" title="{}">{}</span>', said, said)

    @admin.display(description=_("Owed since"), ordering="owed_since", empty_value="-")
    def owed(self, row: Record) -> SafeString | None:
        return moment(row.owed_since)

    @admin.display(description=_("Next look"), ordering="due_at", empty_value="-")
    def due(self, row: Record) -> SafeString | str | None:
        return gettext("at once") if row.due_at == EPOCH else moment(row.due_at)

    @admin.action(description=_("Look at it now (parked ones too)"), permissions=["look"])
    def look_now(self, request: HttpRequest, queryset: QuerySet[Record]) -> HttpResponse | None:
        if not is_confirmed(request):
            question = Question(str(_("Look at these now?")), about_to_look(queryset), str(_("Yes, look now")))
            return ask(request, self.admin_site, question, back=request.get_full_path())
        tell(request, lambda: look_now_together(queryset, what="chosen from the list", by=request.user))
        return None

    def has_look_permission(self, request: HttpRequest) -> bool:
        return may_look(request)

    def get_urls(self) -> list[URLPattern]:
        site = self.admin_site
        causes = site.admin_view(partial(causes_view, site=site))
        retry = site.admin_view(partial(retry_view, site=site))
        look = self.admin_site.admin_view(require_POST(self.look_now_view))
        decide = self.admin_site.admin_view(require_POST(self.decide_view))
        return [
            path("causes/", causes, name="thirdparty_record_causes"),
            path("causes/retry/", retry, name="thirdparty_record_retry"),
            path("export/", site.admin_view(partial(export_view, pages=self)), name="thirdparty_record_export"),
            path("<path:key>/look-now/", look, name="thirdparty_record_look_now"),
            path("<path:key>/decide/", decide, name="thirdparty_record_decide"),
            *super().get_urls(),
        ]

    def decide_view(self, request: HttpRequest, key: str) -> HttpResponse:
        """The form below an explanation: a person decides about a record that does not come right by itself."""
        permissions.require(request.user, Right.DECIDE)
        decide(request, key)
        return redirect(record_page(key))

    def look_now_view(self, request: HttpRequest, key: str) -> HttpResponse:
        """The button beside an explanation."""
        row = Record.objects.filter(key=key).first()
        found = look_now(Record.objects.filter(key=key), by=request.user)
        if row is not None and found:
            audit_log.record(request.user, row, audit_log.CHANGE, "to be looked at now")
        messages.success(
            request, gettext("The record is due now.") if found else gettext("There is nothing to look at any more.")
        )
        return redirect(
            f"{record_page(key)}?{REFRESH}={_REFRESHED}" if found else reverse("admin:thirdparty_record_changelist")
        )

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row = self.get_object(request, unquote(object_id))
        records = Record.objects.filter(key=row.key) if row is not None else Record.objects.none()
        owner = objects.read({row.ref}).get(row.ref) if row is not None else None
        context = (extra_context or {}) | panel(request, records)
        context |= {"owner": owner, "owner_page": self._page(owner)}
        page: HttpResponse = super().change_view(request, object_id, form_url, context)
        left = _refreshes_left(request, row)
        if left:
            page.headers["Refresh"] = f"{_REFRESH_SECONDS}; url={request.path}?{REFRESH}={left - 1}"
        return page

    def _page(self, owner: Model | None) -> str:
        """Where the object is changed; empty where the admin does not have it."""
        if owner is None or not self.admin_site.is_registered(type(owner)):
            return ""
        return reverse(f"admin:{owner._meta.app_label}_{owner._meta.model_name}_change", args=[owner.pk])

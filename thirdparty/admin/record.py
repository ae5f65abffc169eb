"""Records: where each object stands at each target. Read only, but for looking now and for what people decide."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.cache import add_never_cache_headers
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from thirdparty import audit_log, permissions
from thirdparty.admin.badge import record_page, state_badge
from thirdparty.admin.causes import about_to_look, causes_view, retry_view, tell
from thirdparty.admin.confirm import Question, ask, is_confirmed
from thirdparty.admin.decide_together import decide_chosen
from thirdparty.admin.decision import accept_form, decide
from thirdparty.admin.export import export_view
from thirdparty.admin.filters import RecordCause, RecordState, RowKind, RowTarget
from thirdparty.admin.moment import moment
from thirdparty.admin.named import ListWithObjects, heading, name_of
from thirdparty.admin.panel import ASK, card, may_look, panel
from thirdparty.admin.readonly import SeenBy
from thirdparty.admin.search import objects_found
from thirdparty.admin.skin import ChangeList, SyncAdmin
from thirdparty.decisions.accept_preview import preview_accept
from thirdparty.decisions.compensation import CannotCompensate
from thirdparty.decisions.look_now import look_now, look_now_together
from thirdparty.declaration import declared, objects
from thirdparty.models import Record, Target
from thirdparty.models.record import EPOCH
from thirdparty.models.ref import Ref
from thirdparty.observe.messages import message_in_words
from thirdparty.permissions import SEE_RECORDS, Right

_LONGEST_NUMBER = 19
"""Digits of a generation."""


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
    actions = ("look_now", "decide_together")
    change_form_template = "thirdparty/admin/record.html"
    change_list_template = "thirdparty/admin/record_list.html"

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return ListWithObjects

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
        name = name_of(row, row.object)
        return name if row.object is not None else format_html("<em>{}</em> {}", gettext("deleted"), name)

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

    @admin.action(description=_("Decide about them by hand, and say why"), permissions=["look"])
    def decide_together(self, request: HttpRequest, queryset: QuerySet[Record]) -> HttpResponse | None:
        return decide_chosen(request, self.admin_site, queryset)

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
            path(
                "<path:key>/take-theirs/", site.admin_view(self.take_theirs_view), name="thirdparty_record_take_theirs"
            ),
            path("<path:key>/card/", site.admin_view(self.card_view), name="thirdparty_record_card"),
            *super().get_urls(),
        ]

    def decide_view(self, request: HttpRequest, key: str) -> HttpResponse:
        """The forms on a card and below a preview: a person decides about a record that does not come right by itself."""
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
        return redirect(record_page(key) if found else reverse("admin:thirdparty_record_changelist"))

    @method_decorator(transaction.non_atomic_requests)
    def take_theirs_view(self, request: HttpRequest, key: str) -> HttpResponse:
        """What taking what the target holds would change here, and the form that takes it."""
        given = request.GET.get("seen", "")
        seen = int(given) if given.isdecimal() and len(given) < _LONGEST_NUMBER else 0
        try:
            preview = preview_accept(key, account=request.user, seen=seen)
        except CannotCompensate as refused:
            messages.error(request, str(refused))
            return redirect(record_page(key))
        row = Record.objects.get(key=key)
        context = self.admin_site.each_context(request) | {
            "title": gettext("Take what %(target)s holds") % {"target": row.target},
            "name": name_of(row, objects.read({row.ref}).get(row.ref)),
            "preview": preview,
            "target": row.target,
            "form": accept_form(preview),
            "decide": reverse("admin:thirdparty_record_decide", args=[key]),
            "back": record_page(key),
        }
        return TemplateResponse(request, "thirdparty/admin/take_theirs.html", context)

    @method_decorator(transaction.non_atomic_requests)
    def card_view(self, request: HttpRequest, key: str) -> HttpResponse:
        """The card alone, for the page's script: as it is now, or with the target asked, which takes the right to decide."""
        permissions.require(request.user, *((Right.DECIDE,) if ASK in request.GET else SEE_RECORDS))
        row = get_object_or_404(Record, key=key)
        shown = card(request, row, self.admin_site)
        if shown is None:
            raise Http404
        answer = TemplateResponse(request, "thirdparty/admin/record_card.html", {"card": shown})
        add_never_cache_headers(answer)
        return answer

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row = self.get_object(request, unquote(object_id))
        context = extra_context or {}
        if row is not None:
            context |= panel(request, Record.objects.filter(key=row.key), self.admin_site) | _heading(row)
        page: HttpResponse = super().change_view(request, object_id, form_url, context)
        return page

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row = self.get_object(request, unquote(object_id))
        context = extra_context or {}
        if row is not None:
            given = _heading(row)
            context |= {"title": gettext("History: %(name)s") % {"name": given["subtitle"]}}
        page: HttpResponse = super().history_view(request, object_id, context)
        return page


def _heading(row: Record) -> dict[str, Any]:
    given = {"name": name_of(row, objects.read({row.ref}).get(row.ref)), "target": row.target}
    return heading(row, gettext("%(name)s at %(target)s") % given)

"""The log of what was tried."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from thirdparty.admin.badge import call_in_words, outcome_badge, outcome_in_words
from thirdparty.admin.events import answer
from thirdparty.admin.filters import AttemptCall, AttemptOutcome, AttemptRecord, AttemptTarget
from thirdparty.admin.moment import moment
from thirdparty.admin.named import ListWithObjects, record_link
from thirdparty.admin.readonly import SeenBy
from thirdparty.admin.skin import ChangeList, SyncAdmin
from thirdparty.models import Attempt
from thirdparty.observe.messages import message_in_words


@admin.register(Attempt)
class AttemptAdmin(SeenBy, SyncAdmin):
    list_display = ("started", "record_link", "call_in_words", "generation", "outcome_badge", "said", "took")
    list_filter = (AttemptTarget, AttemptOutcome, AttemptCall, AttemptRecord)
    search_fields = ("record__key", "reason")
    search_help_text = _("A record's key (target:kind:identity), or a reason")
    ordering = ("-id",)
    in_words: ClassVar = {"call": call_in_words, "outcome": outcome_in_words, "message": message_in_words}

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return ListWithObjects

    @admin.display(description=_("Started"), ordering="id")
    def started(self, attempt: Attempt) -> SafeString | None:
        return moment(attempt.started_at)

    @admin.display(description=_("Record"))
    def record_link(self, attempt: Any) -> SafeString:
        return record_link(attempt.record_id, attempt.object)

    @admin.display(description=_("Call"), ordering="call")
    def call_in_words(self, attempt: Attempt) -> str:
        return call_in_words(attempt.call)

    @admin.display(description=_("Outcome"), ordering="outcome")
    def outcome_badge(self, attempt: Attempt) -> SafeString:
        return outcome_badge(attempt)

    @admin.display(description=_("What was said"), empty_value="-")
    def said(self, attempt: Attempt) -> SafeString | None:
        said = answer(attempt)
        return format_html('<span class="sync-said">{}</span>', said) if said else None

    @admin.display(description=_("Took"), empty_value="-")
    def took(self, attempt: Attempt) -> SafeString | None:
        if attempt.finished_at is None:
            return None
        milliseconds = round((attempt.finished_at - attempt.started_at).total_seconds() * 1000)
        return format_html('<span class="sync-nowrap">{} ms</span>', milliseconds)

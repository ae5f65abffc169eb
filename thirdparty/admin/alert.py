"""What people were told of."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.contrib import admin
from django.db.models import CharField, OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from thirdparty.admin.badge import badge
from thirdparty.admin.filters import RowTarget
from thirdparty.admin.moment import moment
from thirdparty.admin.readonly import SeenBy
from thirdparty.admin.skin import SyncAdmin
from thirdparty.models import Alert, AlertMessage
from thirdparty.observe.messages import message_in_words


@admin.register(Alert)
class AlertAdmin(SeenBy, SyncAdmin):
    list_display = ("seen", "target", "what", "said", "told", "ended", "end_told")
    list_display_links = None
    list_filter = (RowTarget,)
    ordering = ("-id",)
    in_words: ClassVar = {"sentence": message_in_words}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Alert]:
        failures = {f"{which}_failure": _failure_of(f"{which}_message") for which in ("begin", "end")}
        alerts: QuerySet[Alert] = super().get_queryset(request)
        return alerts.annotate(**failures)

    @admin.display(description=_("First seen"), ordering="id")
    def seen(self, alert: Alert) -> SafeString | None:
        return moment(alert.first_seen_at)

    @admin.display(description=_("Reason"))
    def what(self, alert: Alert) -> SafeString:
        return badge(alert.code, "success" if alert.ended_at is not None else "danger")

    @admin.display(description=_("What was said"))
    def said(self, alert: Alert) -> str | SafeString:
        said = message_in_words(alert.sentence)
        if not alert.link or alert.ended_at is not None:
            return said
        return format_html('<a href="{}">{}</a>', alert.link, said)

    @admin.display(description=_("Told"), empty_value="-")
    def told(self, alert: Alert) -> str | SafeString | None:
        if alert.told_at is None and alert.announced_at is None:
            return gettext("not yet") if alert.ended_at is None else None
        return _told(alert.told_at, getattr(alert, "begin_failure", None))

    @admin.display(description=_("Ended"), empty_value="-")
    def ended(self, alert: Alert) -> SafeString | None:
        return moment(alert.ended_at)

    @admin.display(description=_("End told"), empty_value="-")
    def end_told(self, alert: Alert) -> str | SafeString | None:
        return _told(alert.end_told_at, getattr(alert, "end_failure", None)) if alert.end_message else None


def _failure_of(message: str) -> Subquery:
    of_it = AlertMessage.objects.filter(message=OuterRef(message)).exclude(failure="")
    return Subquery(of_it.order_by("pk").values("failure")[:1], output_field=CharField())


def _told(at: datetime | None, failure: str | None) -> str | SafeString | None:
    """When; or why not yet."""
    if at is not None:
        return moment(at)
    return badge(failure, "danger") if failure else gettext("not yet")

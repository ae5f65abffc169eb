"""Audits, and what they found."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from thirdparty.admin import certificate
from thirdparty.admin.badge import badge
from thirdparty.admin.filters import KnownValues, RowKind, RowTarget
from thirdparty.admin.moment import moment
from thirdparty.admin.named import ListWithObjects, heading, names, record_link
from thirdparty.admin.panel import may_look
from thirdparty.admin.readonly import SeenBy
from thirdparty.admin.skin import ChangeList, SyncAdmin
from thirdparty.audit import report
from thirdparty.decide.sample import WHOLE_PERCENT
from thirdparty.decisions import audits
from thirdparty.models import Audit, Finding
from thirdparty.models.audit import Verdict
from thirdparty.observe.messages import message_in_words
from thirdparty.observe.moments import to_the_second
from thirdparty.observe.numbers import grouped

VERDICTS = {
    Verdict.EQUAL: "success",
    Verdict.MISSING: "danger",
    Verdict.DIFFERING: "warning",
    Verdict.EXTRA: "warning",
    Verdict.ALTERED: "info",
    Verdict.NOT_COMPARABLE: "",
}


@admin.register(Audit)
class AuditAdmin(SeenBy, SyncAdmin):
    list_display = ("number", "started", "target", "kind", "how", "came_of_it", "by")
    list_filter = (RowTarget, RowKind)
    fields = ("target", "kind", "how", "mends", "by", "started", "ended", "phase", "came_of_it", "pages")
    readonly_fields = ("how", "started", "ended", "came_of_it", "pages")
    ordering = ("-id",)

    @admin.display(description=_("Audit"), ordering="id")
    def number(self, audit: Audit) -> str:
        return f"#{audit.pk}"

    @admin.display(description=_("Began"))
    def started(self, audit: Audit) -> SafeString | None:
        return moment(audit.started_at)

    @admin.display(description=_("Ended"), empty_value="-")
    def ended(self, audit: Audit) -> SafeString | None:
        return moment(audit.finished_at)

    @admin.display(description=_("How"))
    def how(self, audit: Audit) -> str:
        if audit.percent < WHOLE_PERCENT:
            return gettext("by look-up of %(percent)g %% of the records") % {"percent": audit.percent}
        return gettext("by listing") if audit.lists else gettext("by look-up of each record")

    @admin.display(description=_("What came of it"))
    def came_of_it(self, audit: Audit) -> str | SafeString:
        if audit.finished_at is None:
            return badge(f"{audit.get_phase_display()}: {report.progress(audit)}", "info")
        return badge(report.summary(audit), "danger") if audit.failure else report.summary(audit)

    @admin.display(description=_("See"))
    def pages(self, audit: Audit) -> SafeString:
        found = f"{reverse('admin:thirdparty_finding_changelist')}?audit={audit.pk}"
        certified = reverse("admin:thirdparty_certificate", args=[audit.target])
        return format_html(
            '<a class="sync-button" href="{}">{}</a> <a class="sync-button" href="{}">{}</a>',
            found, gettext("What it found"), certified, gettext("Certificate"),
        )  # fmt: skip

    def get_urls(self) -> list[URLPattern]:
        certified = self.admin_site.admin_view(partial(certificate.page, self.admin_site))
        return [path("certificate/<str:target>/", certified, name="thirdparty_certificate"), *super().get_urls()]


class FindingVerdict(KnownValues):
    """Findings of this verdict."""

    title = _("verdict")
    parameter_name = "verdict"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(verdict.value, str(verdict.label)) for verdict in Verdict if verdict != Verdict.EQUAL]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Finding]) -> QuerySet[Finding]:
        return queryset.filter(verdict=self.value()) if self.value() else queryset


class FindingAudit(KnownValues):
    """Findings of one of the last audits."""

    title = _("audit")
    parameter_name = "audit"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            (
                str(each.pk),
                gettext("#%(number)d %(kind)s at %(target)s")
                % {"number": each.pk, "kind": each.kind, "target": each.target},
            )
            for each in Audit.objects.all()[:50]
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Finding]) -> QuerySet[Finding]:
        number = self.value()
        return queryset.filter(audit=int(number)) if number is not None else queryset


@admin.register(Finding)
class FindingAdmin(SeenBy, SyncAdmin):
    list_display = ("seen", "record_link", "remote_id", "verdict_badge", "which", "note")
    in_words: ClassVar = {"reason": message_in_words}
    list_filter = (FindingVerdict, RowTarget, RowKind, FindingAudit)
    search_fields = ("record", "remote_id")
    search_help_text = _("A record's key (target:kind:identity), or an id at the target")
    ordering = ("-id",)
    actions = ("mend_these",)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return ListWithObjects

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        finding = self.get_object(request, unquote(object_id))
        context = extra_context or {}
        if finding is not None and finding.record:
            name = f"{names([finding.record])[finding.record]}: {finding.get_verdict_display()}"
            context |= heading(finding, name)
        page: HttpResponse = super().change_view(request, object_id, form_url, context)
        return page

    def get_queryset(self, request: HttpRequest) -> QuerySet[Finding]:
        return super().get_queryset(request).filter(confirmed_at__isnull=False)

    @admin.display(description=_("Seen"), ordering="id")
    def seen(self, finding: Finding) -> SafeString | None:
        return moment(finding.seen_at)

    @admin.display(description=_("Record"), empty_value="-")
    def record_link(self, finding: Any) -> SafeString | None:
        return record_link(finding.record, finding.object) if finding.record else None

    @admin.display(description=_("Verdict"), ordering="verdict")
    def verdict_badge(self, finding: Finding) -> SafeString:
        verdict = Verdict(finding.verdict)
        return badge(str(verdict.label), VERDICTS[verdict])

    @admin.display(description=_("Fields"), empty_value="-")
    def which(self, finding: Finding) -> str:
        return ", ".join(finding.fields)

    @admin.display(description=_("Note"), empty_value="-")
    def note(self, finding: Finding) -> str:
        """Why it could not be compared, which side has moved, or whose it is; and whether it is owed again."""
        parts = [
            message_in_words(finding.reason),
            finding.get_ahead_display() if finding.ahead else "",
            finding.get_owner_display(),
        ]
        if finding.mended_at is not None:
            given = {"mended": to_the_second(finding.mended_at)}
            parts.append(gettext("owed again at %(mended)s") % given)
        return gettext("; ").join(filter(None, parts))

    @admin.action(description=_("Mend these: owe again what is missing or differs"), permissions=["look"])
    def mend_these(self, request: HttpRequest, queryset: QuerySet[Finding]) -> None:
        mended = audits.mend(queryset, by=request.user)
        sentence = ngettext("%(count)s record is owed again.", "%(count)s records are owed again.", mended)
        rest = gettext("Extra records, and what has changed since, are left as they are.")
        messages.success(request, f"{sentence % {'count': grouped(mended)}} {rest}")

    def has_look_permission(self, request: HttpRequest) -> bool:
        return may_look(request)

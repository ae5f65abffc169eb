"""People from a CSV file, uploaded."""

from __future__ import annotations

import base64
import io
from typing import Any, cast

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldBooleanWidget

from thirdparty.observe.cost import Adds, adds
from thirdparty.observe.messages import message_in_words
from thirdparty.observe.numbers import grouped
from thirdparty.observe.reasons.words import duration
from users import permissions
from users.csvimport import NotReadable, Report, as_text, read, write_rejected
from users.models import User
from users.permissions import Right
from users.synced import Person

MOST_BYTES = 2_000_000
_SHOWN = 50


class ImportForm(forms.Form):
    file = forms.FileField(
        label=_("CSV file"),
        help_text=_(
            "UTF-8, UTF-16 or GB18030; the first line names the columns: name, phone, email, username, groups. "
            "Longer files: `sync import`."
        ),
        widget=UnfoldAdminFileFieldWidget,
    )
    dry_run = forms.BooleanField(
        required=False, initial=True, label=_("Only say what would become of the rows"), widget=UnfoldBooleanWidget
    )

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > MOST_BYTES:
            raise forms.ValidationError(
                gettext("At most %(most)d MB here; use `manage.py sync import`.") % {"most": MOST_BYTES // 1_000_000}
            )
        return file


class CsvImport:
    """Mixed into the admin of people: a page that imports them."""

    actions_list = ("import_people",)

    def has_import_permission(self, request: HttpRequest) -> bool:
        return permissions.holds(cast("User", request.user), Right.IMPORT)

    @action(description=_("Import from CSV"), url_path="import", permissions=["import"])  # type: ignore[untyped-decorator]  # unfold's
    def import_people(self: Any, request: HttpRequest) -> HttpResponse:
        form = ImportForm(request.POST or None, request.FILES or None)
        report = None
        if request.method == "POST" and form.is_valid():
            report = _read(request, form)
            if report is not None and not report.rejected and not form.cleaned_data["dry_run"]:
                given = {"added": grouped(report.added), "present": grouped(report.present)}
                messages.success(request, gettext("%(added)s added, %(present)s here already.") % given)
                return redirect("admin:users_user_changelist")
        context = self.admin_site.each_context(request) | {
            "form": form,
            "title": _("Import people"),
            "opts": self.opts,
        }
        context |= _shown(report, is_tried=bool(form.is_bound and form.cleaned_data.get("dry_run")))
        return TemplateResponse(request, "users/admin/import.html", context)


def _read(request: HttpRequest, form: ImportForm) -> Report | None:
    try:
        text = as_text(form.cleaned_data["file"].file)
        try:
            return read(text, by=cast("User", request.user), dry_run=form.cleaned_data["dry_run"])
        finally:
            text.detach()  # the request closes its file itself
    except NotReadable as problem:
        form.add_error("file", gettext("The file cannot be read: %(why)s.") % {"why": message_in_words(str(problem))})
        return None


def _shown(report: Report | None, *, is_tried: bool) -> dict[str, Any]:
    if report is None:
        return {}
    file = io.StringIO(newline="")
    write_rejected(report, file)
    return {
        "report": report,
        "costs": [_cost(each) for each in adds(Person.kind, report.added)] if is_tried and report.added else [],
        "rejected": report.rejected[:_SHOWN],
        "rejected_file": base64.b64encode(file.getvalue().encode()).decode(),
    }


def _cost(each: Adds) -> str:
    """What it would be for one target."""
    given = {"target": each.target, "count": grouped(each.records)}
    if each.rate_per_second is None or each.seconds is None:
        text = ngettext(
            "At %(target)s: %(count)s record to add. It has no rate, so how long that takes is up to it.",
            "At %(target)s: %(count)s records to add. It has no rate, so how long that takes is up to it.",
            each.records,
        )
        return text % given
    text = ngettext(
        "At %(target)s: %(count)s record to add, in %(long)s at %(rate)s calls a second.",
        "At %(target)s: %(count)s records to add, in %(long)s at %(rate)s calls a second.",
        each.records,
    )
    return text % (given | {"long": duration(each.seconds), "rate": grouped(float(f"{each.rate_per_second:.3g}"))})

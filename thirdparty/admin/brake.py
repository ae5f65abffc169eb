"""The page of a target's brake: what it holds, and what a person decides about it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from thirdparty import permissions
from thirdparty.admin.badge import badge, record_page
from thirdparty.admin.skin import Select, TextInput
from thirdparty.decide.brake import Change
from thirdparty.decisions import brake
from thirdparty.decisions.brake import NothingHeld, Selection
from thirdparty.models import BrakeDecision, Target
from thirdparty.observe.changes import change_in_words, counts_in_words
from thirdparty.observe.messages import message_in_words
from thirdparty.observe.numbers import grouped
from thirdparty.permissions import Right

RELEASE, REJECT = "release", "reject"


def _changes() -> list[tuple[str, str]]:
    only = ((change.value, gettext("%(change)s only") % {"change": change_in_words(change)}) for change in Change)
    return [("", gettext("every change")), *only]


class BrakeForm(forms.Form):
    """``until``: when the page was shown, so that nothing else goes. ``record``: the ticked records, none for all."""

    decision = forms.ChoiceField(
        label=_("What"),
        # Nothing is chosen beforehand: what is released by a slip is gone.
        choices=[
            ("", "---------"),
            (RELEASE, _("Release: let them go")),
            (REJECT, _("Reject: leave them as they are, here and there")),
        ],
        widget=Select,
    )
    change = forms.ChoiceField(
        label=_("Which"),
        required=False,
        choices=_changes,
        widget=Select,
    )
    reason = forms.CharField(label=_("Why"), max_length=300, widget=TextInput)
    until = forms.DateTimeField(label=_("Until"), widget=forms.HiddenInput, input_formats=["%Y-%m-%dT%H:%M:%S.%f%z"])


def brake_page(target: str) -> str:
    """The address of the page."""
    return reverse("admin:thirdparty_target_brake", args=[target])


def view(request: HttpRequest, target: Target, context: dict[str, Any]) -> HttpResponse:
    """The plan and the form; POST decides. Raises `thirdparty.permissions.NotAllowed`."""
    if request.method == "POST":
        _decide(request, target.name)
        return redirect(brake_page(target.name))
    plan = brake.plan(target.name, by=request.user)
    may = permissions.holds(request.user, Right.RELEASE)
    form = BrakeForm(initial={"until": plan.as_of.strftime("%Y-%m-%dT%H:%M:%S.%f%z")})
    on = plan.standing.latched
    context |= {
        "title": gettext("Brake of %(target)s") % {"target": target.name}, "target": target, "plan": plan, "counts": counts_in_words(plan.counts),
        "badge": badge(gettext("on"), "danger") if on else badge(gettext("off"), "success"), "form": form if may else None,
        "rows": [(each, change_in_words(each.change), record_page(each.key)) for each in plan.records],
        "more": plan.total - len(plan.records),
    }  # fmt: skip
    return TemplateResponse(request, "thirdparty/admin/brake.html", context)


def _decide(request: HttpRequest, target: str) -> None:
    permissions.require(request.user, Right.RELEASE)
    form = BrakeForm(request.POST)
    if not form.is_valid():
        for name, sentences in form.errors.items():
            messages.error(request, f"{form.fields[name].label}: {' '.join(map(str, sentences))}")
        return
    chosen = form.cleaned_data
    change = Change(chosen["change"]) if chosen["change"] else None
    selection = Selection(tuple(request.POST.getlist("record")), change, chosen["until"])
    decide = brake.release if chosen["decision"] == RELEASE else brake.reject
    try:
        decision = decide(target, by=request.user, reason=chosen["reason"], selection=selection)
    except NothingHeld as nothing:
        messages.error(request, message_in_words(str(nothing)))
    else:
        messages.success(request, _said(decision))


def _said(decision: BrakeDecision) -> str:
    if decision.rejected:
        sentence = ngettext(
            "%(count)s record rejected: %(what)s.", "%(count)s records rejected: %(what)s.", decision.records
        )
    else:
        sentence = ngettext(
            "%(count)s record released: %(what)s.", "%(count)s records released: %(what)s.", decision.records
        )
    return sentence % {"count": grouped(decision.records), "what": counts_in_words(decision.counts)}

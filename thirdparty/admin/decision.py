"""What a person decides about a record, on its page."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from thirdparty.admin.skin import Select, TextInput
from thirdparty.decisions.accept_preview import AcceptPreview
from thirdparty.decisions.compensation import MEANINGS, CannotCompensate, Deed, compensate, offered
from thirdparty.observe.messages import message_in_words

_DEEDS = {
    Deed.RETRY: _("Retry"),
    Deed.OVERWRITE: _("Overwrite"),
    Deed.ADOPT: _("Adopt"),
    Deed.ACCEPT: _("Accept"),
    Deed.SETTLE: _("Settle"),
}


def said(deed: Deed) -> str:
    """The deed, and what it does."""
    return f"{_DEEDS[deed]}: {MEANINGS[deed]}"


class DecisionForm(forms.Form):
    """One of the ways out, and why. ``seen``: the record's generation as the page showed it. ``held``: what it showed the target hold."""

    deed = forms.ChoiceField(
        choices=[(deed.value, said(deed)) for deed in Deed],
        label=_("What"),
        widget=Select,
    )
    seen = forms.IntegerField(label=_("Generation"), widget=forms.HiddenInput)
    held = forms.CharField(max_length=64, required=False, widget=forms.HiddenInput)
    remote_id = forms.CharField(
        max_length=128, required=False, label=_("Remote id (to adopt, or to settle)"), widget=TextInput
    )
    reason = forms.CharField(max_length=300, label=_("Why"), widget=TextInput)


def decision_form(kind: str, generation: int) -> DecisionForm:
    """The empty form for a record of this kind, as it is now. Without accepting, which is seen before it is done: `accept_form`."""
    form = DecisionForm(initial={"seen": generation})
    deeds = form.fields["deed"]
    assert isinstance(deeds, forms.ChoiceField)  # noqa: S101  # for the type checker: as declared above
    deeds.choices = [(deed.value, said(deed)) for deed in offered(kind) if deed is not Deed.ACCEPT]
    return form


def accept_form(preview: AcceptPreview) -> DecisionForm:
    """The form that takes what was previewed, and asks why."""
    form = DecisionForm(initial={"deed": Deed.ACCEPT, "seen": preview.seen, "held": preview.held})
    for name in ("deed", "remote_id"):
        form.fields[name].widget = forms.HiddenInput()
    return form


def decide(request: HttpRequest, key: str) -> None:
    """Do what the form says, in the name of this account, and tell them what came of it."""
    form = DecisionForm(request.POST)
    if not form.is_valid():
        for name, sentences in form.errors.items():
            messages.error(request, f"{form.fields[name].label}: {' '.join(map(str, sentences))}")
        return
    chosen: dict[str, Any] = form.cleaned_data
    try:
        compensate(
            key,
            Deed(chosen["deed"]),
            account=request.user,
            seen=chosen["seen"],
            reason=chosen["reason"],
            remote_id=chosen["remote_id"].strip(),
            held=chosen["held"],
        )
    except CannotCompensate as refused:
        messages.error(request, message_in_words(str(refused)))
    else:
        messages.success(request, gettext("Done, and on record: see the history."))

"""What a person decides about a record, on its page."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest

from thirdparty.admin.skin import Select, TextInput
from thirdparty.decisions.compensation import MEANINGS, CannotCompensate, Deed, compensate


class DecisionForm(forms.Form):
    """One of the ways out, and why. ``seen``: the record's generation as the page showed it."""

    deed = forms.ChoiceField(
        choices=[(deed.value, f"{deed.value.capitalize()}: {meaning}") for deed, meaning in MEANINGS.items()],
        label="What",
        widget=Select,
    )
    seen = forms.IntegerField(label="Generation", widget=forms.HiddenInput)
    remote_id = forms.CharField(
        max_length=128, required=False, label="Remote id (to adopt, or to settle)", widget=TextInput
    )
    reason = forms.CharField(max_length=300, label="Why", widget=TextInput)


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
        )
    except CannotCompensate as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, "Done, and on record: see the record's history.")

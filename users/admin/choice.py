"""The choice, on a person's form, of how long the save waits for the targets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget

from thirdparty import audit_log
from thirdparty.consistency.strict import ChangedMeanwhile, NotAccepted, TargetsDiffer, Underway
from thirdparty.consistency.wait import follow
from thirdparty.models import Record
from thirdparty.models.record import State
from thirdparty.notify import hints
from thirdparty.observe.messages import message_in_words
from users import consistency, permissions
from users.consistency import Consistency, Mode
from users.models import User
from users.permissions import Account, NotAllowed
from users.synced import person

DETAILS = ("name", "phone", "email", "username", "is_active", "groups")
WAIT_SECONDS = 10.0
_LABELS = {
    Mode.EVENTUAL: _("Save at once; the targets follow"),
    Mode.WAIT: _("Save, then wait for the targets, ten seconds at most"),
    Mode.STRICT: _("Save only if every target accepts"),
}


class ChoiceForm(forms.Form):
    """Mixed into the forms of a person. ``account``: who fills it in. ``refusal``: why a strict save did not come about."""

    account: Account
    instance: User
    refusal = ""
    consistency = forms.ChoiceField(
        choices=[(mode.value, label) for mode, label in _LABELS.items()],
        required=False,
        label=_("When saving"),
        widget=UnfoldAdminSelectWidget,
    )

    def clean(self) -> Any:
        cleaned = super().clean()
        given = (cleaned or self.cleaned_data).get("groups") or ()
        before = set(self.instance.groups.all()) if self.instance.pk is not None else set()
        try:
            permissions.require_grant(self.account, [group for group in given if group not in before])
        except NotAllowed as refused:
            self.add_error("groups", str(refused))
        if self.refusal:
            raise ValidationError(self.refusal)
        return cleaned


class ConsistencyChoice:
    """Mixed into the admin of people, before Django's."""

    def get_form(self: Any, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:  # noqa: FBT001, FBT002  # Django's signature
        form = super().get_form(request, obj, change=change, **kwargs)  # type: ignore[misc]  # the ModelAdmin's
        form.account = request.user
        form.refusal = getattr(request, "refusal", "")
        return form

    def save_related(self, request: Any, form: Any, formsets: Any, change: bool) -> None:  # noqa: FBT001  # Django's
        super().save_related(request, form, formsets, change)  # type: ignore[misc]  # the ModelAdmin's
        request.saved = form.instance.uuid

    def choose(self: Any, request: Any, obj: User | None, save: Callable[[], HttpResponse]) -> HttpResponse:
        """Save as was chosen: ``save`` is the page as Django has it."""
        chosen = request.POST.get("consistency") if request.method == "POST" else None
        if chosen == Mode.STRICT:
            answer: HttpResponse | None = self._strictly(request, obj)
            return save() if answer is None else answer
        if chosen != Mode.WAIT:
            return save()
        request.saved = None
        with hints.quiet():
            answer = save()
        if request.saved is not None:
            _wait(request, request.saved)
        return answer

    def _strictly(self: Any, request: Any, obj: User | None) -> HttpResponse | None:
        """The page after an accepted save; None where the form has to be shown once more, with ``refusal``."""
        if not (self.has_add_permission(request) if obj is None else self.has_change_permission(request, obj)):
            raise PermissionDenied
        form = self.get_form(request, obj, change=obj is not None)(request.POST, request.FILES, instance=obj)
        if not form.is_valid():
            return None
        fields = [name for name in form.changed_data if name != "consistency"]
        if set(fields) - set(DETAILS):
            request.refusal = gettext(
                "Access is no matter for the targets: change it in a save of its own, without strict."
            )
            return None
        try:
            user = self._write(request, obj, form, fields)
        except NotAccepted as refused:
            request.refusal = " ".join((gettext("Nothing was saved."), *map(_said, refused.verdicts)))
            return None
        except (Underway, ChangedMeanwhile, TargetsDiffer) as refused:
            why = message_in_words(str(refused))
            request.refusal = gettext("Nothing was saved: %(why)s. Try again in a moment.") % {"why": why}
            return None
        except ValidationError as problem:
            request.refusal = " ".join(problem.messages)
            return None
        messages.success(request, _("Every target has accepted it."))
        page: HttpResponse = self.response_add(request, user) if obj is None else self.response_change(request, user)
        return page

    def _write(self, request: Any, obj: User | None, form: Any, fields: list[str]) -> User | None:
        values = {name: form.cleaned_data[name] for name in DETAILS if name in form.cleaned_data}
        values["groups"] = [group.name for group in values.get("groups", ())]
        deed = audit_log.ADDITION if obj is None else audit_log.CHANGE
        note: list[dict[str, Any]] = [{"added": {}} if obj is None else {"changed": {"fields": fields}}]

        def kept(user: User | None) -> None:
            audit_log.record(request.user, user or User(), deed, note)

        how = Consistency(Mode.STRICT)
        if obj is None:
            return consistency.create(values, consistency=how, kept=kept, by=request.user).user  # type: ignore[arg-type]  # checked by the form
        return consistency.update(obj.uuid, values, consistency=how, kept=kept, by=request.user).user  # type: ignore[arg-type]  # the same


def _said(verdict: Any) -> str:
    if verdict.accepted:
        return gettext("%(target)s had accepted; that is being undone.") % {"target": verdict.target}
    return f"{verdict.target}: {message_in_words(verdict.message or verdict.reason)}{gettext('.')}"


def _wait(request: HttpRequest, user_uuid: UUID) -> None:
    if follow(person(user_uuid), within_seconds=WAIT_SECONDS):
        messages.success(request, _("Every target has it."))
        return
    behind = Record.objects.of(person(user_uuid)).exclude(state="synced").order_by("target")
    listed = gettext("; ").join(map(_stands, behind))
    messages.warning(request, gettext("Saved, but not everywhere yet: %(listed)s.") % {"listed": listed})


def _stands(row: Record) -> str:
    said = gettext("%(target)s is %(state)s") % {"target": row.target, "state": str(State(row.state).label).lower()}
    return f"{said} ({message_in_words(row.last_error)})" if row.last_error else said

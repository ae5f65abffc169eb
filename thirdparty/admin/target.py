"""Targets: how each stands, and what a person does about it. They come from the settings, not from here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from thirdparty import permissions, protect, targets
from thirdparty.admin.badge import badge
from thirdparty.admin.brake import brake_page
from thirdparty.admin.brake import view as brake_page_view
from thirdparty.admin.confirm import Question, ask, is_confirmed
from thirdparty.admin.overview import card
from thirdparty.admin.readonly import SeenBy
from thirdparty.admin.skin import SyncAdmin
from thirdparty.decisions import trial
from thirdparty.models.target import Standing, Target
from thirdparty.observe.messages import message_in_words
from thirdparty.observe.status import BREAKER_CLOSED
from thirdparty.permissions import SEE_TARGETS, Right
from thirdparty.protect import Probe, brake, sender
from thirdparty.run.pause import pause, probe, resume

_BREAKER = {"closed": _("closed"), "open": _("open"), "half_open": _("half open")}
_SEEN = {
    Probe.FINE: (messages.SUCCESS, _("It answers.")),
    Probe.REJECTED: (messages.SUCCESS, _("It answers, and finds fault with the question.")),
    Probe.REFUSED: (messages.ERROR, _("It turns us away.")),
    Probe.UNCLEAR: (messages.ERROR, _("It gives no clear answer.")),
    Probe.NONE: (messages.WARNING, _("It offers no call that changes nothing, so it cannot be asked.")),
}


@admin.register(Target)
class TargetAdmin(SeenBy, SyncAdmin):
    seen_by = SEE_TARGETS
    list_display = ("name", "standing_badge", "sending", "breaker_badge", "brake_badge", "rate", "reason")
    change_list_template = "thirdparty/admin/targets.html"
    change_form_template = "thirdparty/admin/target.html"
    actions = ("pause_selected", "resume_selected")
    in_words: ClassVar = {
        "paused_reason": message_in_words,
        "breaker_reason": message_in_words,
        "breaker": lambda breaker: str(_BREAKER[breaker]),
    }

    def get_fieldsets(self, request: HttpRequest, obj: Target | None = None) -> Any:
        columns = [field.name for field in Target._meta.fields]
        return [(_("The row as it is"), {"fields": columns, "classes": ["collapse"]})]

    def has_pause_permission(self, request: HttpRequest) -> bool:
        return permissions.holds(request.user, Right.PAUSE)

    @admin.display(description=_("Standing"), ordering="-enabled")
    def standing_badge(self, target: Target) -> SafeString:
        return badge(str(target.standing.label), "success" if target.standing == Standing.ACTIVE else "warning")

    @admin.display(description=_("Sending"), ordering="paused")
    def sending(self, target: Target) -> SafeString:
        if sender.bound_elsewhere(target):
            return badge(gettext("sent to from elsewhere"), "danger")
        if not target.paused:
            return badge(gettext("sending"), "success")
        if target.paused_by_guard:
            return badge(gettext("turned away"), "danger")
        return badge(gettext("paused by a person"), "warning")

    @admin.display(description=_("Breaker"))
    def breaker_badge(self, target: Target) -> SafeString:
        if target.paused:
            return badge("-")
        return badge(str(_BREAKER[target.breaker]), "success" if target.breaker == BREAKER_CLOSED else "danger")

    @admin.display(description=_("Brake"))
    def brake_badge(self, target: Target) -> SafeString:
        on = brake.latched(target.name)
        return badge(
            gettext("on") if on else gettext("off"), "danger" if on else "success", href=brake_page(target.name)
        )

    def brake_view(self, request: HttpRequest, name: str) -> HttpResponse:
        """What the brake holds, and the form to decide about it."""
        target = get_object_or_404(Target, name=name)
        return brake_page_view(request, target, self.admin_site.each_context(request))

    @admin.display(description=_("Reason"))
    def reason(self, target: Target) -> str:
        return message_in_words(protect.summary(target)["paused_reason"] or target.breaker_reason)

    @admin.display(description=_("Rate"))
    def rate(self, target: Target) -> str:
        per_second = protect.summary(target)["rate_per_second"]
        if per_second is None:
            return gettext("no limit")
        return gettext("%(rate).3g calls a second") % {"rate": per_second}

    @admin.action(description=_("Pause: send nothing"), permissions=["pause"])
    def pause_selected(self, request: HttpRequest, queryset: QuerySet[Target]) -> HttpResponse | None:
        return self._decided(request, [target.name for target in queryset], _to_pause, pause)

    @admin.action(description=_("Resume: send, and close the breaker"), permissions=["pause"])
    def resume_selected(self, request: HttpRequest, queryset: QuerySet[Target]) -> HttpResponse | None:
        return self._decided(request, [target.name for target in queryset], _to_resume, resume)

    def get_urls(self) -> list[URLPattern]:
        def view(decide: Callable[..., HttpResponse]) -> Any:
            return self.admin_site.admin_view(decide)

        return [
            path("<str:name>/pause/", view(partial(self.one, _to_pause, pause)), name="thirdparty_target_pause"),
            path("<str:name>/resume/", view(partial(self.one, _to_resume, resume)), name="thirdparty_target_resume"),
            path("<str:name>/follow/", view(self.follow_view), name="thirdparty_target_follow"),
            path("<str:name>/probe/", view(self.probe_view), name="thirdparty_target_probe"),
            path("<path:name>/brake/", view(self.brake_view), name="thirdparty_target_brake"),
            *super().get_urls(),
        ]

    def one(
        self,
        question: Callable[[list[str]], Question],
        deed: Callable[..., object],
        request: HttpRequest,
        name: str,
    ) -> HttpResponse:
        """Pause or resume one target: the question, then the deed."""
        permissions.require(request.user, Right.PAUSE)
        if not Target.objects.filter(name=name).exists():
            raise Http404
        return self._decided(request, [name], question, deed) or redirect(_page(name))

    def follow_view(self, request: HttpRequest, name: str) -> HttpResponse:
        """Have all records follow those on which a new version is tried: the question, then the deed."""
        permissions.require(request.user, Right.DECIDE)
        if not targets.on_trial(get_object_or_404(Target, name=name)):
            raise Http404
        try:
            return self._decided(request, [name], _to_follow, trial.follow) or redirect(_page(name))
        except trial.NothingOnTrial:  # somebody else let them follow in the same moment
            raise Http404 from None

    @method_decorator(transaction.non_atomic_requests)
    def probe_view(self, request: HttpRequest, name: str) -> HttpResponse:
        """Ask the target a harmless call now; answered, a pause of the guard's ends."""
        permissions.require(request.user, Right.PAUSE)
        if request.method != "POST" or name not in targets.names():
            raise Http404
        level, sentence = _SEEN[probe(name, by=request.user)]
        messages.add_message(request, level, sentence)
        return redirect(_page(name))

    def _decided(
        self,
        request: HttpRequest,
        names: list[str],
        question: Callable[[list[str]], Question],
        deed: Callable[..., object],
    ) -> HttpResponse | None:
        why = request.POST.get("reason", "").strip()[:200]
        if not is_confirmed(request) or not why:
            back = _page(names[0]) if len(names) == 1 else reverse("admin:thirdparty_target_changelist")
            return ask(request, self.admin_site, question(names), back=back)
        for name in names:
            deed(name, reason=why, by=request.user)
        messages.success(request, gettext("Done, and on record: see the history."))
        return None

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        known = object_id in targets.names()
        context = (extra_context or {}) | {
            "target": card(object_id) if known else None,
            "may_pause": permissions.holds(request.user, Right.PAUSE),
            "may_follow": permissions.holds(request.user, Right.DECIDE)
            and any(map(targets.on_trial, Target.objects.filter(name=object_id))),
            "name": object_id,
        }
        page: HttpResponse = super().change_view(request, object_id, form_url, context)
        return page


def _page(name: str) -> str:
    return reverse("admin:thirdparty_target_change", args=[name])


def _to_pause(names: Iterable[str]) -> Question:
    sentences = [
        gettext("Nothing will be sent to %(targets)s until somebody resumes it.") % {"targets": ", ".join(names)},
        gettext("What changes meanwhile is owed, not lost."),
    ]
    return Question(gettext("Pause?"), sentences, gettext("Yes, pause"), asks_why=True)


def _to_resume(names: Iterable[str]) -> Question:
    sentences = [
        gettext("Sending to %(targets)s goes on at once.") % {"targets": ", ".join(names)},
        gettext("Whatever was held against it is forgotten: an open breaker closes, a limit is lifted."),
    ]
    return Question(gettext("Resume?"), sentences, gettext("Yes, resume"), asks_why=True)


def _to_follow(names: Iterable[str]) -> Question:
    sentences = [
        gettext(
            "The records of %(targets)s that were not in the sample are owed, in batches, behind what people edit."
        )
        % {"targets": ", ".join(names)},
        gettext("Look at the sample first: sync trial, and an audit of the same share."),
    ]
    return Question(gettext("Let the others follow?"), sentences, gettext("Yes, let them follow"), asks_why=True)

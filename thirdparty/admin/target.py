"""Targets: which are sent to, which are paused and why. They come from the settings, not from here."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path
from django.utils.safestring import SafeString

from thirdparty import protect
from thirdparty.admin.badge import badge
from thirdparty.admin.brake import brake_page
from thirdparty.admin.brake import view as brake_page_view
from thirdparty.admin.skin import SyncAdmin
from thirdparty.models.target import Standing, Target
from thirdparty.observe.status import BREAKER_CLOSED
from thirdparty.protect import brake
from thirdparty.run.pause import pause, resume


class PauseForm(forms.ModelForm):  # type: ignore[type-arg]  # the stub's parameter does not exist at run time
    """What a person changes, against what their page showed: the guard may have paused or resumed it meanwhile."""

    class Meta:
        model = Target
        fields = ("paused", "paused_reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            # Whoever sends no initial value has seen no page: then what is stored is what they change.
            field.show_hidden_initial = not self.is_bound or f"initial-{self.add_prefix(name)}" in self.data


@admin.register(Target)
class TargetAdmin(SyncAdmin):
    list_display = ("name", "standing_badge", "sending", "breaker_badge", "brake_badge", "rate", "reason")
    fields = (
        "name", "standing_badge", "breaker_badge", "breaker_reason", "blocked_until", "rate", "capabilities_missing",
        "brake_badge", "paused", "paused_reason",
    )  # fmt: skip
    readonly_fields = (
        "name", "standing_badge", "breaker_badge", "breaker_reason", "blocked_until", "rate", "capabilities_missing",
        "brake_badge",
    )  # fmt: skip
    form = PauseForm
    change_list_template = "thirdparty/admin/targets.html"
    actions = ("pause_selected", "resume_selected")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Target | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Target, form: Any, change: bool) -> None:  # noqa: FBT001
        """Only what the person changed: saving a page as it was leaves the guard its own pause, and the target its breaker."""
        if not form.has_changed():
            return
        if obj.paused:
            pause(obj.name, reason=obj.paused_reason, by=request.user)
        elif "paused" in form.changed_data:
            resume(obj.name, reason=obj.paused_reason, by=request.user)

    def log_change(self, request: HttpRequest, obj: Target, message: Any) -> None:  # type: ignore[override]  # Django passes over what it returns
        """The history says who and why already: `thirdparty.run.pause` keeps it."""

    @admin.display(description="Standing", ordering="-enabled")
    def standing_badge(self, target: Target) -> SafeString:
        return badge(target.standing, "success" if target.standing == Standing.ACTIVE else "warning")

    @admin.display(description="Sending", ordering="paused")
    def sending(self, target: Target) -> SafeString:
        return badge("paused", "warning") if target.paused else badge("sending", "success")

    @admin.display(description="Breaker")
    def breaker_badge(self, target: Target) -> SafeString:
        return badge(target.breaker, "success" if target.breaker == BREAKER_CLOSED else "danger")

    @admin.display(description="Brake")
    def brake_badge(self, target: Target) -> SafeString:
        on = brake.latched(target.name)
        return badge("on" if on else "off", "danger" if on else "success", href=brake_page(target.name))

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.brake_view)
        return [path("<path:name>/brake/", page, name="thirdparty_target_brake"), *super().get_urls()]

    def brake_view(self, request: HttpRequest, name: str) -> HttpResponse:
        """What the brake holds, and the form to decide about it."""
        target = get_object_or_404(Target, name=name)
        return brake_page_view(request, target, self.admin_site.each_context(request))

    @admin.display(description="Reason")
    def reason(self, target: Target) -> str:
        return target.paused_reason or target.breaker_reason

    @admin.display(description="Rate")
    def rate(self, target: Target) -> str:
        per_second = protect.summary(target)["rate_per_second"]
        return "no limit" if per_second is None else f"{per_second:.3g} calls a second"

    @admin.display(description="Turned out not to offer")
    def capabilities_missing(self, target: Target) -> str:
        return ", ".join(protect.summary(target)["capabilities_off"]) or "-"

    @admin.action(description="Pause: send nothing", permissions=["change"])
    def pause_selected(self, request: HttpRequest, queryset: QuerySet[Target]) -> None:
        for target in queryset:
            pause(target.name, reason=f"by {request.user.get_username()}, from the list", by=request.user)
        messages.success(request, "Paused. What changes meanwhile is owed, not lost.")

    @admin.action(description="Resume: send, and close the breaker", permissions=["change"])
    def resume_selected(self, request: HttpRequest, queryset: QuerySet[Target]) -> None:
        for target in queryset:
            resume(target.name, reason="from the list", by=request.user)
        messages.success(request, "Sending again.")

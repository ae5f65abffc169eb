"""Groups, and what each is called at each target."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db.models import Field
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline
from unfold.widgets import UnfoldAdminSelectWidget

from thirdparty.models import Target
from users import permissions
from users.admin.permission import PermissionChoice
from users.models import RoleMapping, User


class TargetChoice:
    """Mixed in where a ``target`` is chosen: one of those that are, or once were, configured."""

    def formfield_for_dbfield(self, db_field: Field[Any, Any], request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name != "target":
            return super().formfield_for_dbfield(db_field, request, **kwargs)  # type: ignore[misc]  # the ModelAdmin's
        choices = [
            (target.name, target.name if target.enabled else f"{target.name} ({target.standing.label})")
            for target in Target.objects.all()
        ]
        return forms.ChoiceField(choices=choices, widget=UnfoldAdminSelectWidget)


class RoleMappingInline(TargetChoice, TabularInline):
    model = RoleMapping
    extra = 0
    verbose_name = _("role at a target")
    verbose_name_plural = _("roles at the targets: changing one owes every member")


admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(PermissionChoice, ModelAdmin):
    list_display = ("name",)
    search_fields = ("name",)
    inlines = (RoleMappingInline,)
    filter_horizontal = ("permissions",)

    def get_fieldsets(self, request: HttpRequest, obj: Group | None = None) -> Any:
        """What members may do is the operators' to say, or who may change groups could permit themselves anything."""
        fieldsets: list[Any] = [(None, {"fields": ("name",)})]
        if permissions.is_operator(cast("User", request.user)):
            fieldsets.append(
                (_("What members may do in this admin"), {"fields": ("permissions",), "classes": ["collapse"]})
            )
        return fieldsets


@admin.register(RoleMapping)
class RoleMappingAdmin(TargetChoice, ModelAdmin):
    list_display = ("group", "target", "remote_role_id")
    list_filter = ("target",)
    list_select_related = ("group",)
    search_fields = ("group__name", "remote_role_id")
    autocomplete_fields = ("group",)

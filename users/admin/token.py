"""Keys for the API. A key is its account, so only operators see them."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from rest_framework.authtoken.admin import TokenAdmin as BaseTokenAdmin
from rest_framework.authtoken.models import TokenProxy
from unfold.admin import ModelAdmin

from users.admin.log import Discreet

admin.site.unregister(TokenProxy)


@admin.register(TokenProxy)
class TokenAdmin(Discreet, BaseTokenAdmin, ModelAdmin):
    list_display = ("user", "created")
    list_select_related = ("user",)
    autocomplete_fields = ("user",)

    def name_in_history(self, obj: TokenProxy) -> str:
        """Its account: the text of a key is the key itself."""
        return f"key of {obj.user.uuid}"

    def get_fields(self, request: HttpRequest, obj: TokenProxy | None = None) -> Any:
        return ("user",) if obj is None else ("user", "key", "created")

    def get_readonly_fields(self, request: HttpRequest, obj: TokenProxy | None = None) -> Any:
        return () if obj is None else ("user", "key", "created")

    def has_module_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser

    def has_view_permission(self, request: HttpRequest, obj: TokenProxy | None = None) -> bool:
        return request.user.is_superuser

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser

    def has_change_permission(self, request: HttpRequest, obj: TokenProxy | None = None) -> bool:
        return request.user.is_superuser

    def has_delete_permission(self, request: HttpRequest, obj: TokenProxy | None = None) -> bool:
        return request.user.is_superuser

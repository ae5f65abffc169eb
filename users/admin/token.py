"""Keys for the API. A key is its account: operators see them all, others their own (`users.permissions.may_issue`)."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from rest_framework.authtoken.admin import TokenAdmin as BaseTokenAdmin
from rest_framework.authtoken.models import TokenProxy
from unfold.admin import ModelAdmin

from users import permissions
from users.admin.log import Discreet
from users.models import User
from users.permissions import Right

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

    def get_queryset(self, request: HttpRequest) -> QuerySet[TokenProxy]:
        found: QuerySet[TokenProxy] = super().get_queryset(request)
        return found if permissions.is_operator(_account(request)) else found.filter(user=_account(request))

    def get_autocomplete_fields(self, request: HttpRequest) -> Any:
        return super().get_autocomplete_fields(request) if permissions.is_operator(_account(request)) else ()

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Whose key: for all but operators, their own."""
        if not permissions.is_operator(_account(request)):
            kwargs["queryset"] = User.objects.filter(pk=_account(request).pk)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return _may(request)

    def has_view_permission(self, request: HttpRequest, obj: TokenProxy | None = None) -> bool:
        return _may(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return _may(request)

    def has_change_permission(self, request: HttpRequest, obj: TokenProxy | None = None) -> bool:
        return _may(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: TokenProxy | None = None) -> bool:
        return _may(request, obj)


def _may(request: HttpRequest, key: TokenProxy | None = None) -> bool:
    account = _account(request)
    if key is None:
        return permissions.holds(account, Right.ISSUE_TOKENS)
    return permissions.may_issue(account, key.user)


def _account(request: HttpRequest) -> User:
    return cast("User", request.user)

"""People and operators: the list with their states, the form, the explanation."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm
from unfold.views import ChangeList

from thirdparty.admin.badge import record_badges
from thirdparty.admin.pages import BoundedPages
from thirdparty.admin.panel import panel
from thirdparty.models import Record
from users import permissions, services
from users.admin.choice import DETAILS, ChoiceForm, ConsistencyChoice
from users.admin.deletion import BoundedDeletion, has_acted
from users.admin.filters import AccountKind, PersonState, PersonTarget
from users.admin.importing import CsvImport
from users.admin.log import Discreet
from users.admin.permission import PermissionChoice
from users.models import User
from users.permissions import Right
from users.synced import person


class PeopleList(ChangeList):
    """A page of people with all their records, read in one query."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        records = services.records_of(self.result_list)
        for user in self.result_list:
            user.records = records[user.uuid]


class PersonChangeForm(ChoiceForm, UserChangeForm):
    """A person as they are."""


class PersonForm(ChoiceForm, ModelForm):  # type: ignore[type-arg]  # no parameters at run time
    """A new person, who cannot log in."""

    def save(self, commit: bool = True) -> User:  # noqa: FBT001, FBT002  # Django's signature
        self.instance.set_unusable_password()
        user: User = super().save(commit)
        return user


@admin.register(User)
class PersonAdmin(Discreet, BoundedDeletion, ConsistencyChoice, CsvImport, PermissionChoice, UserAdmin, ModelAdmin):  # type: ignore[type-arg]  # no parameters at run time
    """Saving pushes by itself: the triggers record what is owed, and signals wake it.

    Accounts that may log in here are changed by operators only, or anybody could become one.
    """

    form = PersonChangeForm
    add_form = PersonForm
    change_password_form = AdminPasswordChangeForm
    add_fieldsets = ((None, {"fields": (*DETAILS, "consistency")}),)
    list_display = ("name", "username", "phone", "is_active", "sync")
    list_display_links = ("name", "username")
    list_filter = (PersonState, PersonTarget, "is_active", AccountKind)
    search_fields = ("name", "username", "phone", "email", "uuid")
    search_help_text = _("Name, username, phone, e-mail or uuid")
    ordering = ("-id",)
    show_full_result_count = False
    paginator = BoundedPages
    add_form_template = None
    actions = ("delete_selected",)
    filter_horizontal = ("user_permissions",)  # two boxes side by side for the groups, too, are wider than a page
    change_form_outer_before_template = "users/admin/operator.html"
    change_form_template = "thirdparty/admin/record.html"

    class Media:
        css = {"all": ["thirdparty/admin.css"]}  # noqa: RUF012  # Django's form of it

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return PeopleList

    @admin.display(description=_("Sync"))
    def sync(self, user: Any) -> SafeString | str:
        return record_badges(user.records) or "-"

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        if obj is None:
            return self.add_fieldsets
        password = ("password",) if obj.is_staff else ()
        access = (*password, "is_staff", "is_superuser", "user_permissions", "last_login")
        choice = () if obj.is_staff else ("consistency",)
        fieldsets: list[Any] = [(None, {"fields": (*DETAILS, "uuid", "date_joined", *choice)})]
        if permissions.is_operator(_account(request)):
            fieldsets.append((_("Access to this admin and the API"), {"fields": access, "classes": ["collapse"]}))
        return fieldsets

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        return () if obj is None else ("username", "uuid", "date_joined", "last_login")

    def has_view_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return permissions.holds(_account(request), *permissions.SEE_PEOPLE)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return permissions.holds(_account(request), Right.ADD)

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return _may(request, Right.CHANGE, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return _may(request, Right.DELETE, obj) and (obj is None or not has_acted(obj))

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:  # noqa: A002
        """Django's page, for accounts that may log in here; synced people have no password."""
        user = self.get_object(request, id)
        if user is not None and not user.is_staff:
            raise PermissionDenied
        return super().user_change_password(request, id, form_url)

    @method_decorator(transaction.non_atomic_requests)
    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        user = self.get_object(request, object_id)
        records = Record.objects.none() if user is None else Record.objects.of(person(user.uuid))
        context = (
            (extra_context or {})
            | panel(request, records, self.admin_site)
            | {
                "of_operator": user is not None and user.is_superuser,
                "has_acted": user is not None and has_acted(user),
            }
        )
        return self.choose(
            request, user, lambda: super(PersonAdmin, self).change_view(request, object_id, form_url, context)
        )

    @method_decorator(transaction.non_atomic_requests)
    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        # Past Django's own, which asks for the permission to change as well: its form could make an operator, this one cannot.
        return self.choose(request, None, lambda: super(UserAdmin, self).add_view(request, form_url, extra_context))


def _may(request: HttpRequest, right: Right, user: User | None) -> bool:
    account = _account(request)
    return permissions.holds(account, right) and (user is None or permissions.may_touch(account, user))


def _account(request: HttpRequest) -> User:
    return cast("User", request.user)

"""Filters of the list of people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib.admin import ModelAdmin, SimpleListFilter
from django.contrib.admin.views.main import ChangeList
from django.db.models import Exists, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from thirdparty import targets
from thirdparty.admin.filters import StateFilter, TargetFilter
from thirdparty.models import Record
from users.models import User
from users.synced import of_outer_person


class AccountKind(SimpleListFilter):
    """People by default; operators only when asked for."""

    title = _("kind of account")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        return [("operators", str(_("Operators (never sent)")))]

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        everybody, *rest = super().choices(changelist)
        yield everybody | {"display": _("People")}
        yield from rest

    def queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> QuerySet[User]:
        return queryset.filter(is_superuser=self.value() is not None)


class PersonState(StateFilter):
    """People with a record in this state, at the target that is chosen beside it, if any."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> QuerySet[User]:
        if self.value() is None:
            return queryset
        target = request.GET.get(TargetFilter.parameter_name)
        beside = {"target": target} if target in targets.names() else {}
        return _having_record(queryset, state=self.value(), **beside)


class PersonTarget(TargetFilter):
    """People with a record at this target."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> QuerySet[User]:
        return _having_record(queryset, target=self.value()) if self.value() else queryset


def _having_record(queryset: QuerySet[User], **conditions: Any) -> QuerySet[User]:
    return queryset.filter(Exists(Record.objects.filter(**of_outer_person(), **conditions)))

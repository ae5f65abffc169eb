"""Filters of the lists."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib.admin import ModelAdmin, SimpleListFilter
from django.contrib.admin.views.main import ChangeList
from django.db.models import Exists, QuerySet
from django.http import HttpRequest

from thirdparty import targets
from thirdparty.models import Attempt, Record, Target
from thirdparty.models.record import State
from users.models import User
from users.synced import of_outer_person

_STATE, _TARGET = "sync_state", "target"


class AccountKind(SimpleListFilter):
    """People by default; operators only when asked for."""

    title = "kind of account"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        return [("operators", "Operators (never sent)")]

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        everybody, *rest = super().choices(changelist)
        yield everybody | {"display": "People"}
        yield from rest

    def queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> QuerySet[User]:
        return queryset.filter(is_superuser=self.value() is not None)


class KnownValues(SimpleListFilter):
    """A value that is not on offer narrows nothing; it may be text that no database takes."""

    def value(self) -> str | None:
        value = super().value()
        return value if value in dict(self.lookup_choices) else None


class PersonState(KnownValues):
    """People with a record in this state, at the target that is chosen beside it, if any."""

    title = "sync state"
    parameter_name = _STATE

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        return [(state.value, str(state.label)) for state in State]

    def queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> QuerySet[User]:
        if self.value() is None:
            return queryset
        target = request.GET.get(_TARGET)
        beside = {"target": target} if target in targets.names() else {}
        return _having_record(queryset, state=self.value(), **beside)


class TargetFilter(KnownValues):
    title = "target"
    parameter_name = _TARGET

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        return [(name, name) for name in Target.objects.values_list("name", flat=True)]


class PersonTarget(TargetFilter):
    """People with a record at this target."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> QuerySet[User]:
        return _having_record(queryset, target=self.value()) if self.value() else queryset


class RecordTarget(TargetFilter):
    """Records of this target."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Record]) -> QuerySet[Record]:
        return queryset.filter(target=self.value()) if self.value() else queryset


class RecordState(PersonState):
    """Records in this state."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(state=self.value()) if self.value() else queryset


class AttemptTarget(TargetFilter):
    """Attempts at this target."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Attempt]) -> QuerySet[Attempt]:
        return queryset.filter(record__target=self.value()) if self.value() else queryset


def _having_record(queryset: QuerySet[User], **conditions: Any) -> QuerySet[User]:
    return queryset.filter(Exists(Record.objects.filter(**of_outer_person(), **conditions)))

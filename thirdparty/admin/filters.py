"""Filters of the lists."""

from __future__ import annotations

import re
from typing import Any

from django.contrib.admin import ModelAdmin, SimpleListFilter
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from thirdparty.admin.badge import CALLS_SAID, OUTCOMES_SAID
from thirdparty.admin.named import names
from thirdparty.decisions.causes import of_cause
from thirdparty.declaration import declared
from thirdparty.models import Attempt, Record, Target
from thirdparty.models.record import State
from thirdparty.store.leased import in_state

UNDER_WAY = "under_way"
"""In place of an outcome: there is none yet."""


class KnownValues(SimpleListFilter):
    """A value that is not on offer narrows nothing; it may be text that no database takes."""

    def value(self) -> str | None:
        value = super().value()
        return value if value in dict(self.lookup_choices) else None


class StateFilter(KnownValues):
    title = _("state")
    parameter_name = "sync_state"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        return [(state.value, str(state.label)) for state in State]


class TargetFilter(KnownValues):
    title = _("target")
    parameter_name = "target"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        return [(name, name) for name in Target.objects.values_list("name", flat=True)]


class RecordState(StateFilter):
    """Records in this state."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Record]) -> QuerySet[Record]:
        return queryset.filter(in_state(state)) if (state := self.value()) else queryset


class RowTarget(TargetFilter):
    """Rows of this target."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(target=self.value()) if self.value() else queryset


class RowKind(KnownValues):
    """Rows of objects of this kind."""

    title = _("kind")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        return [(declaration.kind, declaration.kind) for declaration in declared()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(kind=self.value()) if self.value() else queryset


class RecordCause(SimpleListFilter):
    """Records that failed for one cause. There are too many words for it to list them: links bring them."""

    title = _("cause")
    parameter_name = "cause"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        given = request.GET.get(self.parameter_name, "")
        return [(given, given)] if re.fullmatch(r"\w{1,40}", given, re.ASCII) else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Record]) -> QuerySet[Record]:
        given = self.value()
        return of_cause(queryset, given) if given and self.lookup_choices else queryset


class AttemptCall(KnownValues):
    """Attempts that asked this of the target."""

    title = _("call")
    parameter_name = "call"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        return [(call.value, str(said)) for call, said in CALLS_SAID.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Attempt]) -> QuerySet[Attempt]:
        return queryset.filter(call=self.value()) if self.value() else queryset


class AttemptTarget(TargetFilter):
    """Attempts at this target."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Attempt]) -> QuerySet[Attempt]:
        return queryset.filter(record__target=self.value()) if self.value() else queryset


class AttemptOutcome(KnownValues):
    """Attempts that ended so, in the words of their badges."""

    title = _("outcome")
    parameter_name = "outcome"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        return [(UNDER_WAY, str(_("under way"))), *((each.value, str(said)) for each, said in OUTCOMES_SAID.items())]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Attempt]) -> QuerySet[Attempt]:
        given = self.value()
        return queryset if given is None else queryset.filter(outcome="" if given == UNDER_WAY else given)


class AttemptRecord(SimpleListFilter):
    """Attempts of one record. There are too many records to list them: links bring them."""

    title = _("record")
    parameter_name = "record"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        given = request.GET.get(self.parameter_name, "")
        known = "\0" not in given and Record.objects.filter(key=given).exists()
        return list(names([given]).items()) if known else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Attempt]) -> QuerySet[Attempt]:
        given = self.value()
        return queryset.filter(record=given) if given and self.lookup_choices else queryset

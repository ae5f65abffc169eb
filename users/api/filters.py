"""What a list of users can be narrowed to."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth.models import Group
from django.db.models import Exists, OuterRef, Q, QuerySet
from django_filters import CharFilter, ChoiceFilter, FilterSet, NumberFilter, TypedChoiceFilter, UUIDFilter
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework.exceptions import ValidationError

from thirdparty import protect, targets
from thirdparty.models import Record
from thirdparty.models.record import State
from users.models import User
from users.synced import of_outer_person

_LONGEST_SEARCH = 200
_LONGEST_SECONDS = 10**9


@extend_schema_field(OpenApiTypes.BOOL)
class TrueOrFalse(TypedChoiceFilter):
    """``true`` or ``false``, as JSON has them. The library's own filter takes many words, and any other for none."""

    def __init__(self, **options: Any) -> None:
        super().__init__(choices=[(word, word) for word in ("true", "false")], coerce="true".__eq__, **options)


class UserFilter(FilterSet):
    """``sync_state``, ``target`` and ``owed_for`` together mean one record that is all of these."""

    uuid = UUIDFilter(help_text="The user with this uuid.")
    username = CharFilter(max_length=_LONGEST_SEARCH, help_text="The user with exactly this username.")
    phone = CharFilter(max_length=_LONGEST_SEARCH, help_text="Users with exactly this phone number.")
    email = CharFilter(
        max_length=_LONGEST_SEARCH,
        lookup_expr="iexact",
        help_text="Users with this e-mail address, in capitals or not.",
    )
    is_active = TrueOrFalse(help_text="Users who are active, or those who are not.")
    group = CharFilter(max_length=_LONGEST_SEARCH, help_text="Members of the group of exactly this name.")
    search = CharFilter(
        max_length=_LONGEST_SEARCH, help_text="Part of a name, username, phone or e-mail; or the uuid."
    )
    sync_state = ChoiceFilter(choices=State.choices, help_text="Users with a record in this state.")
    target = CharFilter(help_text="Users with a record at this target.")
    owed_for = NumberFilter(
        min_value=0,
        max_value=_LONGEST_SECONDS,
        help_text="Users with a record that has been owed for so many seconds.",
    )

    class Meta:
        model = User
        fields: tuple[str, ...] = ()

    def filter_queryset(self, queryset: QuerySet[User]) -> QuerySet[User]:
        """Raises `ValidationError` for a target that is not configured."""
        given = self.form.cleaned_data
        for name in ("uuid", "username", "phone", "email", "is_active"):
            queryset = self.filters[name].filter(queryset, given[name])
        if given["group"]:
            queryset = queryset.filter(Exists(Group.objects.filter(name=given["group"], user=OuterRef("pk"))))
        if given["search"]:
            queryset = queryset.filter(_found_by(given["search"]))
        if given["target"] and given["target"] not in targets.names():
            raise ValidationError({"target": [f"Use one of: {', '.join(targets.names())}."]})
        wanted = {"state": given["sync_state"], "target": given["target"]}
        conditions: dict[str, Any] = {field: value for field, value in wanted.items() if value}
        if given["owed_for"] is not None:
            conditions["owed_since__lte"] = protect.clock() - timedelta(seconds=float(given["owed_for"]))
        if conditions:
            queryset = queryset.filter(Exists(Record.objects.filter(**of_outer_person(), **conditions)))
        return queryset


def _found_by(text: str) -> Q:
    fields = ("name", "username", "phone", "email")
    found = Q()
    for field in fields:
        found |= Q(**{f"{field}__icontains": text})
    try:
        return found | Q(uuid=UUID(text))
    except ValueError:
        return found

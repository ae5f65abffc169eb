"""What lists can be narrowed to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rest_framework import serializers

from thirdparty.declaration import declared
from thirdparty.models import Target
from thirdparty.models.record import State


class OfTargetAndKind(serializers.Serializer[Any]):
    """What a list can be narrowed to."""

    target = serializers.CharField(required=False, help_text="Of this target.")
    kind = serializers.CharField(required=False, help_text="Of objects of this kind.")

    def validate_target(self, target: str) -> str:
        """Raises `ValidationError` for one that there is not, as `validate_kind`: an empty page would not say so."""
        return one_of(target, Target.objects.values_list("name", flat=True))

    def validate_kind(self, kind: str) -> str:
        return one_of(kind, [declaration.kind for declaration in declared()])


class RecordQuery(OfTargetAndKind):
    """What the list of records can be narrowed to."""

    state = serializers.ChoiceField(State.choices, required=False, help_text="Records in this state.")


def one_of(value: str, known: Iterable[str]) -> str:
    """``value``, if it is known. Raises `ValidationError`, naming those that are."""
    if value not in known:
        raise serializers.ValidationError(f"Use one of: {', '.join(known)}.")
    return value

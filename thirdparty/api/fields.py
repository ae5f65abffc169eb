"""Fields and a serializer that take a value as it is or refuse it: nothing is guessed from another type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers


class Text(serializers.CharField):
    """A JSON string. The framework's own field takes numbers, too."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class Flag(serializers.BooleanField):
    """JSON true or false. The framework's own field takes words and numbers, too."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class Closed(serializers.Serializer[Any]):
    """Refuses fields that it does not have, and those that are read-only, by their names."""

    def says_nothing(self, name: str, value: Any) -> bool:
        """Whether a read-only field may stand there after all, since it changes nothing."""
        return False

    def to_internal_value(self, data: Any) -> Any:
        unknown = {}
        for name, value in data.items() if isinstance(data, Mapping) else ():
            if name not in self.fields:
                unknown[str(name)] = ["There is no such field."]
            elif self.fields[name].read_only and not self.says_nothing(name, value):
                unknown[str(name)] = ["This field cannot be written. Leave it out."]
        try:
            values = super().to_internal_value(data)
        except serializers.ValidationError as problem:
            raise serializers.ValidationError({**problem.detail, **unknown}) from None  # type: ignore[dict-item]
        if unknown:
            raise serializers.ValidationError(unknown)
        return values

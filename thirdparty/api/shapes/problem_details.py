"""How what went wrong looks in JSON (RFC 9457)."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from thirdparty.api.kinds import TYPE, Kind


class VerdictSerializer(serializers.Serializer[Any]):
    """What one target said to a strict write."""

    target = serializers.CharField()
    accepted = serializers.BooleanField()
    reason = serializers.CharField(allow_blank=True)
    message = serializers.CharField(allow_blank=True)


class ProblemSerializer(serializers.Serializer[Any]):
    """Problem details (RFC 9457)."""

    type = serializers.CharField(help_text=f"`{TYPE}` and one of: {', '.join(kind.value for kind in Kind)}.")
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    instance = serializers.CharField()
    errors = serializers.DictField(  # type: ignore[assignment]  # a field here, a property once declared
        child=serializers.ListField(child=serializers.CharField()), required=False, help_text="by field"
    )
    permission = serializers.CharField(required=False, help_text="with 403: what it takes")
    targets = VerdictSerializer(many=True, required=False, help_text="with 424: what each target said")

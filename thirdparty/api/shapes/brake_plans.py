"""How what the brake holds looks in JSON, and what is decided about it."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from thirdparty.api.fields import Closed, Text
from thirdparty.decide.brake import Change


class HeldRecordSerializer(serializers.Serializer[Any]):
    """One record that waits for a person."""

    key = serializers.CharField()
    kind = serializers.CharField(help_text="of the object: its declaration's")
    object_id = serializers.CharField(help_text="the object's identity, as text")
    natural_key = serializers.CharField(allow_blank=True)
    generation = serializers.IntegerField(help_text="a release is of this one")
    change = serializers.CharField(help_text="delete, deactivate, empty or rewrite")
    since = serializers.DateTimeField(allow_null=True)
    held = serializers.BooleanField(help_text="false for a deletion that is owed and was not yet taken up")
    caused_by = serializers.CharField(allow_blank=True, help_text="what wrote it, where that is known")


class PastBrakeDecisionSerializer(serializers.Serializer[Any]):
    """What somebody decided."""

    at = serializers.DateTimeField()
    who = serializers.CharField()
    reason = serializers.CharField()
    rejected = serializers.BooleanField()
    selection = serializers.CharField(allow_blank=True)
    records = serializers.IntegerField()
    counts = serializers.DictField(child=serializers.IntegerField())


class BrakePlanSerializer(serializers.Serializer[Any]):
    """`thirdparty.decisions.brake.Plan`: what would go if it were released now."""

    target = serializers.CharField()
    as_of = serializers.DateTimeField(help_text="send it back with a decision: nothing that came later goes with it")
    latched = serializers.BooleanField()
    latched_at = serializers.DateTimeField(allow_null=True)
    reason = serializers.CharField(allow_blank=True)
    counts_at_latch = serializers.DictField(child=serializers.IntegerField())
    total = serializers.IntegerField()
    counts = serializers.DictField(child=serializers.IntegerField(), help_text="how many of each change")
    records = HeldRecordSerializer(many=True)
    decisions = PastBrakeDecisionSerializer(many=True, help_text="the last ones, newest first")


class BrakeDecisionSerializer(Closed):
    """What a person decides about what the brake holds (docs/operations.md)."""

    decision = serializers.ChoiceField(
        [("release", "let them go"), ("reject", "leave them as they are, here and at the target")]
    )
    reason = Text(max_length=300, help_text="kept with the decision")
    keys = serializers.ListField(
        child=Text(max_length=200), required=False, max_length=1000, help_text="of these records; without, of all"
    )
    change = serializers.ChoiceField([(change.value, change.would) for change in Change], required=False)
    as_of = serializers.DateTimeField(required=False, help_text="the plan's: nothing that came later is decided")

"""How records, and lists of them, look in JSON; and what is decided about one."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from thirdparty.api.fields import Closed, Text
from thirdparty.decisions.compensation import MEANINGS
from thirdparty.models.record import State


class RecordSerializer(serializers.Serializer[Any]):
    """An object's record at one target, in short."""

    target = serializers.CharField(read_only=True)
    state = serializers.ChoiceField(State.choices, read_only=True)
    generation = serializers.IntegerField(read_only=True, help_text="what is wanted")
    synced_generation = serializers.IntegerField(read_only=True, help_text="what the target has acknowledged")
    remote_id = serializers.CharField(read_only=True, allow_null=True)


class RecordLineSerializer(RecordSerializer):
    """A record in a list."""

    key = serializers.CharField(read_only=True)
    kind = serializers.CharField(read_only=True, help_text="of the object: its declaration's")
    object_id = serializers.CharField(read_only=True, help_text="the object's identity, as text")
    natural_key = serializers.CharField(read_only=True, allow_blank=True)
    parked = serializers.CharField(read_only=True, allow_blank=True, help_text="why it is parked")
    last_error = serializers.CharField(read_only=True, allow_blank=True)
    cause = serializers.CharField(read_only=True, allow_blank=True, help_text="why its last step failed, if it did")
    failing_since = serializers.DateTimeField(read_only=True, allow_null=True, help_text="for this cause")
    failed_tries = serializers.IntegerField(read_only=True)
    owed_since = serializers.DateTimeField(read_only=True, allow_null=True)
    due_at = serializers.DateTimeField(read_only=True, allow_null=True, help_text="next look; 1970 means at once")
    synced_at = serializers.DateTimeField(read_only=True, allow_null=True)


class RecordPageSerializer(serializers.Serializer[Any]):
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = RecordLineSerializer(many=True)


class DecisionSerializer(Closed):
    """What a person decides about a record (docs/operations.md)."""

    deed = serializers.ChoiceField([(deed.value, meaning) for deed, meaning in MEANINGS.items()])
    seen = serializers.IntegerField(
        min_value=0, max_value=2**63 - 1, help_text="the record's generation as the explanation showed it"
    )
    reason = Text(max_length=300, help_text="kept in the record's history")
    remote_id = Text(
        required=False,
        max_length=128,
        help_text="the record's id at the target: with `adopt`, and with `settle` where the record has none",
    )

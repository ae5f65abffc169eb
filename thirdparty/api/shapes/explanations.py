"""How an explanation looks in JSON, with the attempts and the finding that it has."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from thirdparty.models.audit import Ahead, Owner, Verdict
from thirdparty.models.record import State


class RemoteObjectSerializer(serializers.Serializer[Any]):
    """An object as a target is to hold it."""

    external_id = serializers.CharField(help_text="what we call it, for ever")
    key = serializers.CharField(allow_blank=True, help_text="its natural key at the target")
    payload = serializers.DictField(help_text="its content, by field")


class FieldDifferenceSerializer(serializers.Serializer[Any]):
    """One field in which the target differs from what is wanted."""

    field = serializers.CharField()
    wanted = serializers.JSONField()
    found = serializers.JSONField()


class AttemptSerializer(serializers.Serializer[Any]):
    """One thing that was tried."""

    call = serializers.CharField()
    generation = serializers.IntegerField()
    started_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    outcome = serializers.CharField()
    reason = serializers.CharField(allow_blank=True)
    message = serializers.CharField(allow_blank=True)
    http_status = serializers.IntegerField(allow_null=True)


class FindingSerializer(serializers.Serializer[Any]):
    """What an audit found. Names of fields, no values."""

    id = serializers.IntegerField()
    record = serializers.CharField(allow_blank=True, help_text="the record's key; empty for what is nobody's")
    remote_id = serializers.CharField(allow_blank=True)
    verdict = serializers.ChoiceField(Verdict.choices)
    fields = serializers.ListField(child=serializers.CharField(), help_text="in which both sides differ")  # type: ignore[assignment]  # as below
    ahead = serializers.ChoiceField(Ahead.choices, help_text="which side has moved")
    owner = serializers.ChoiceField(Owner.choices, allow_blank=True, help_text="of an extra record")
    reason = serializers.CharField(allow_blank=True, help_text="why it could not be compared")
    generation = serializers.IntegerField(allow_null=True)
    seen_at = serializers.DateTimeField()
    confirmed_at = serializers.DateTimeField(allow_null=True)
    mended_at = serializers.DateTimeField(allow_null=True, help_text="when it was owed again for this")


class ExplanationSerializer(serializers.Serializer[Any]):
    """`thirdparty.observe.explain.Explanation.as_json`: why a record is, or is not, in sync."""

    key = serializers.CharField()
    target = serializers.CharField()
    kind = serializers.CharField(help_text="of the object: its declaration's")
    object_id = serializers.CharField(help_text="the object's identity, as text")
    state = serializers.ChoiceField(State.choices)
    generation = serializers.IntegerField(help_text="what is wanted")
    synced_generation = serializers.IntegerField(help_text="what the target has acknowledged")
    deleted = serializers.BooleanField(help_text="the object is gone, or no longer to be there")
    remote_id = serializers.CharField(allow_null=True)
    natural_key = serializers.CharField(allow_blank=True)
    adopted = serializers.CharField(allow_blank=True, help_text="why a record that we did not add is ours")
    wanted = RemoteObjectSerializer(allow_null=True, help_text="what the target is to hold; null for no record")
    wanted_note = serializers.CharField(allow_blank=True, help_text="why it cannot be said what is wanted")
    absence = serializers.CharField(allow_blank=True, help_text="why no record is wanted, where none is")
    remedy = serializers.CharField(allow_blank=True, help_text="the page where what it failed for is mended, if known")
    difference = FieldDifferenceSerializer(
        many=True, allow_null=True, help_text="null where the target was not asked or did not say"
    )
    difference_note = serializers.CharField(allow_blank=True, help_text="why there is no difference to show")
    owed_since = serializers.DateTimeField(allow_null=True)
    synced_at = serializers.DateTimeField(allow_null=True)
    next_try_at = serializers.DateTimeField(allow_null=True)
    blocked_by = serializers.ListField(child=serializers.CharField())
    finding = FindingSerializer(
        allow_null=True, help_text="what the last audit found of it; null where that is nothing"
    )
    last_error = serializers.CharField(allow_blank=True)
    failed_tries = serializers.IntegerField()
    attempts = AttemptSerializer(many=True, help_text="the last ones, newest first")


class ExplainOptions(serializers.Serializer[Any]):
    """What may be asked along with an explanation."""

    ask_target = serializers.BooleanField(
        default=False,
        help_text="Have each target asked what it holds, which takes a call to it: if it may be called now, and not more "
        "often than every few seconds. Else `difference` is null, and `difference_note` says why.",
    )

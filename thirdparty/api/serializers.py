"""How records, their explanations and the state of the whole look in JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from rest_framework import serializers

from thirdparty.api.fields import Closed, Text
from thirdparty.api.kinds import TYPE, Kind
from thirdparty.decide.brake import Change
from thirdparty.decisions.compensation import MEANINGS
from thirdparty.declaration import declared
from thirdparty.models import Target
from thirdparty.models.audit import Ahead, Owner, Verdict
from thirdparty.models.record import State
from thirdparty.observe.figure import Kind as FigureKind
from thirdparty.observe.reasons import Severity
from thirdparty.observe.status import FIGURES


class RecordSerializer(serializers.Serializer[Any]):
    """An object's record at one target, in short."""

    target = serializers.CharField(read_only=True)
    state = serializers.ChoiceField(State.choices, read_only=True)
    generation = serializers.IntegerField(read_only=True, help_text="what is wanted")
    synced_generation = serializers.IntegerField(read_only=True, help_text="what the target has acknowledged")
    remote_id = serializers.CharField(read_only=True, allow_null=True)


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


class ExplainOptions(serializers.Serializer[Any]):
    """What may be asked along with an explanation."""

    ask_target = serializers.BooleanField(
        default=False,
        help_text="Have each target asked what it holds, which takes a call to it: if it may be called now, and not more "
        "often than every few seconds. Else `difference` is null, and `difference_note` says why.",
    )


class TargetStatusSerializer(serializers.Serializer[Any]):
    """How a target stands: each of `thirdparty.observe.status.FIGURES`."""

    def get_fields(self) -> dict[str, Any]:
        """As REST framework's; asked for anew each time."""
        return {figure.name: _FIELDS[figure.kind](help_text=figure.meaning) for figure in FIGURES}


class _Words(serializers.ListField):
    child = serializers.CharField()


_FIELDS: dict[FigureKind, Callable[..., Any]] = {
    FigureKind.COUNT: serializers.IntegerField,
    FigureKind.SECONDS: partial(serializers.FloatField, allow_null=True),
    FigureKind.RATE: partial(serializers.FloatField, allow_null=True),
    FigureKind.FLAG: serializers.BooleanField,
    FigureKind.TEXT: serializers.CharField,
    FigureKind.WORDS: _Words,
    FigureKind.MOMENT: partial(serializers.DateTimeField, allow_null=True),
}


class ReconcilerSerializer(serializers.Serializer[Any]):
    """When the reconciler last ticked, by the database's clock."""

    last_tick_at = serializers.DateTimeField(allow_null=True)
    seconds = serializers.FloatField(allow_null=True, help_text="since then, or since a first tick is expected")
    late = serializers.BooleanField(help_text="none came for long: beat, a worker or the broker is missing")


class ReasonSerializer(serializers.Serializer[Any]):
    """`thirdparty.observe.reasons.Reason`: one thing that is not as it should be, or that explains what is seen."""

    code = serializers.CharField(help_text="which of those in docs/operations.md")
    severity = serializers.ChoiceField(
        [(each.value, each.name) for each in Severity],
        help_text="`act`: somebody has to; `wait`: it mends itself; `info`: nothing is wrong",
    )
    sentence = serializers.CharField(help_text='for people; "it" is the target')
    target = serializers.CharField(allow_blank=True, help_text="empty for what concerns all")
    kind = serializers.CharField(allow_blank=True, help_text="of the objects, where it is about records of one kind")
    cause = serializers.CharField(allow_blank=True, help_text="why these records failed")
    count = serializers.IntegerField(allow_null=True, help_text="of records")
    since = serializers.DateTimeField(allow_null=True)
    link = serializers.CharField(allow_blank=True, help_text="the page where one looks")
    example = serializers.CharField(allow_blank=True, help_text="the key of one of the records")
    remedy = serializers.CharField(allow_blank=True, help_text="the page where the cause is mended, if it is known")


class StatusSerializer(serializers.Serializer[Any]):
    """`thirdparty.observe.status.Status`."""

    healthy = serializers.BooleanField(help_text="there is no reason that somebody must act on")
    reasons = ReasonSerializer(many=True, help_text="what somebody must act on first")
    headlines = serializers.DictField(child=serializers.CharField(), help_text="by target: how it stands in one line")
    reconciler = ReconcilerSerializer()
    triggers_missing = serializers.ListField(
        child=serializers.CharField(), help_text="where there are some, changes are not recorded"
    )
    figures_age_seconds = serializers.FloatField(
        allow_null=True, help_text="since those states were counted that hold many records; null where none does"
    )
    targets = serializers.DictField(child=TargetStatusSerializer())


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

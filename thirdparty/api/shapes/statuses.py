"""How the state of the whole looks in JSON."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from rest_framework import serializers

from thirdparty.observe.figure import Kind as FigureKind
from thirdparty.observe.reasons import Severity
from thirdparty.observe.status import FIGURES


class TargetStatusSerializer(serializers.Serializer[Any]):
    """How a target stands: each of `thirdparty.observe.status.FIGURES`."""

    def get_fields(self) -> dict[str, Any]:
        """As REST framework's; asked for anew each time."""
        return {figure.name: _FIELDS[figure.kind](help_text=figure.meaning) for figure in FIGURES}


class _Words(serializers.ListField):
    child = serializers.CharField()


class _Counts(serializers.DictField):
    child = serializers.IntegerField()


_FIELDS: dict[FigureKind, Callable[..., Any]] = {
    FigureKind.COUNT: serializers.IntegerField,
    FigureKind.SECONDS: partial(serializers.FloatField, allow_null=True),
    FigureKind.RATE: partial(serializers.FloatField, allow_null=True),
    FigureKind.FLAG: serializers.BooleanField,
    FigureKind.TEXT: serializers.CharField,
    FigureKind.WORDS: _Words,
    FigureKind.PERCENT: partial(serializers.FloatField, allow_null=True),
    FigureKind.COUNTS: _Counts,
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

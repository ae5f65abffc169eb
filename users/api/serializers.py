"""How users, their records and the state of the whole look in JSON."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib.auth.models import Group
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from thirdparty.models import Record
from thirdparty.models.record import State
from thirdparty.observe.status import FIGURES
from thirdparty.observe.status import Kind as FigureKind
from users import username
from users.api.fields import Closed, Flag, Text
from users.api.kinds import TYPE, Kind
from users.models import User
from users.personal import NAME_MAX_LENGTH, PHONE_MAX_LENGTH
from users.services import records_of

_MOST_GROUPS = 100
MOST_IN_BULK = 1_000


class GroupNames(serializers.ListField):
    """Groups as a list of their names."""

    child = Text(max_length=Group._meta.get_field("name").max_length)

    def to_representation(self, groups: Any) -> list[str]:
        return sorted(group.name for group in groups.all())


class RecordSerializer(serializers.Serializer[Any]):
    """A user's record at one target, in short."""

    target = serializers.CharField(read_only=True)
    state = serializers.ChoiceField(State.choices, read_only=True)
    generation = serializers.IntegerField(read_only=True, help_text="what is wanted")
    synced_generation = serializers.IntegerField(read_only=True, help_text="what the target has acknowledged")
    remote_id = serializers.CharField(read_only=True, allow_null=True)


class _Page(serializers.ListSerializer[Any]):
    """Reads the records of a whole page in one query."""

    child: Any

    def to_representation(self, data: Any) -> list[Any]:
        users = list(data)
        self.child.records = records_of(users)
        return super().to_representation(users)


class UserSerializer(Closed):
    """Types and lengths only; the rules for the values are the model's (`users.services`)."""

    records: dict[UUID, list[Record]] | None = None

    uuid = serializers.UUIDField(read_only=True)
    username = Text(
        required=False,
        allow_blank=True,
        max_length=username.MAX_LENGTH,
        help_text="Made from name and phone when left blank. Fixed once the user is saved.",
    )
    name = Text(max_length=NAME_MAX_LENGTH)
    phone = Text(required=False, allow_blank=True, max_length=PHONE_MAX_LENGTH)
    email = Text(required=False, allow_blank=True, max_length=User._meta.get_field("email").max_length)
    is_active = Flag(required=False, help_text="An inactive user is removed from every target, and added again later.")
    groups = GroupNames(required=False, max_length=_MOST_GROUPS, help_text="Names of groups that exist.")
    date_joined = serializers.DateTimeField(read_only=True)
    sync = serializers.SerializerMethodField()

    class Meta:
        list_serializer_class = _Page

    def says_nothing(self, name: str, value: Any) -> bool:
        """What was read may be put back whole: ``sync``, which moves by itself, and what stands there already."""
        if self.instance is None:
            return False
        if name == "sync":
            return not self.partial
        shown = self.fields[name].to_representation(getattr(self.instance, name))
        return str(value).casefold() == str(shown).casefold()

    @extend_schema_field(RecordSerializer(many=True))
    def get_sync(self, user: User) -> Any:
        records = records_of([user]) if self.records is None else self.records
        return RecordSerializer(records[user.uuid], many=True).data


class RemoteUserSerializer(serializers.Serializer[Any]):
    """A user as a target is to hold them."""

    external_id = serializers.CharField()
    username = serializers.CharField()
    name = serializers.CharField()
    phone = serializers.CharField(allow_blank=True)
    email = serializers.CharField(allow_blank=True)
    role_ids = serializers.ListField(child=serializers.CharField())


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


class ExplanationSerializer(serializers.Serializer[Any]):
    """`thirdparty.observe.explain.Explanation.as_json`: why a record is, or is not, in sync."""

    key = serializers.CharField()
    target = serializers.CharField()
    state = serializers.ChoiceField(State.choices)
    generation = serializers.IntegerField(help_text="what is wanted")
    synced_generation = serializers.IntegerField(help_text="what the target has acknowledged")
    deleted = serializers.BooleanField(help_text="the user is gone")
    remote_id = serializers.CharField(allow_null=True)
    natural_key = serializers.CharField(allow_blank=True)
    adopted = serializers.CharField(allow_blank=True, help_text="why a record that we did not add is ours")
    wanted = RemoteUserSerializer(allow_null=True, help_text="what the target is to hold; null for no record")
    wanted_note = serializers.CharField(allow_blank=True, help_text="why it cannot be said what is wanted")
    difference = FieldDifferenceSerializer(
        many=True, allow_null=True, help_text="null where the target was not asked or did not say"
    )
    difference_note = serializers.CharField(allow_blank=True, help_text="why there is no difference to show")
    owed_since = serializers.DateTimeField(allow_null=True)
    synced_at = serializers.DateTimeField(allow_null=True)
    next_try_at = serializers.DateTimeField(allow_null=True)
    blocked_by = serializers.ListField(child=serializers.CharField())
    last_error = serializers.CharField(allow_blank=True)
    failed_tries = serializers.IntegerField()
    attempts = AttemptSerializer(many=True, help_text="the last ones, newest first")


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


class StatusSerializer(serializers.Serializer[Any]):
    """`thirdparty.observe.status.Status`."""

    healthy = serializers.BooleanField()
    reconciler = ReconcilerSerializer()
    triggers_missing = serializers.ListField(
        child=serializers.CharField(), help_text="where there are some, changes are not recorded"
    )
    targets = serializers.DictField(child=TargetStatusSerializer())


class VerdictSerializer(serializers.Serializer[Any]):
    """What one target said to a strict write."""

    target = serializers.CharField()
    accepted = serializers.BooleanField()
    reason = serializers.CharField(allow_blank=True)
    message = serializers.CharField(allow_blank=True)


class FollowingSerializer(serializers.Serializer[Any]):
    """A deleted user whose deletion some target has not confirmed yet."""

    uuid = serializers.UUIDField()
    sync = RecordSerializer(many=True)


class BulkSerializer(Closed):
    """Up to 1,000 users in one request."""

    atomic = Flag(default=True, help_text="Whether one user that is refused keeps all the others out, too.")
    users = serializers.ListField(
        child=serializers.JSONField(help_text="as in a request that adds one user"),
        min_length=1,
        max_length=MOST_IN_BULK,
    )


class BulkItemSerializer(serializers.Serializer[Any]):
    """What became of one user of a bulk request; ``index`` counts from 0."""

    index = serializers.IntegerField()
    status = serializers.IntegerField(help_text="201, or 400")
    user = UserSerializer(required=False)
    errors = serializers.DictField(  # type: ignore[assignment]  # a field here, a property once declared
        child=serializers.ListField(child=serializers.CharField()), required=False, help_text="by field"
    )


class BulkResultSerializer(serializers.Serializer[Any]):
    created = serializers.IntegerField()
    rejected = serializers.IntegerField()
    results = BulkItemSerializer(many=True)


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

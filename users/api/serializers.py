"""How users look in JSON."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.auth.models import Group
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from thirdparty.api.fields import Closed, Flag, Text
from thirdparty.api.shapes.records import RecordSerializer
from thirdparty.models import Record
from users import username
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

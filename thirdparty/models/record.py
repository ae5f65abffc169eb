"""The truth about each object at each target."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import ClassVar

from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.utils.translation import gettext_lazy as _

from thirdparty.decide.brake import HELD_BY_BRAKE
from thirdparty.models.key import KeyField
from thirdparty.models.ref import Ref
from thirdparty.models.target import Target

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""A ``due_at`` of people's own edits: at once, before anything that is merely due."""


class State(models.TextChoices):
    """Where a record stands; derived from the row, for people (docs/lifecycle.md)."""

    PENDING = "pending", _("Pending")
    IN_FLIGHT = "in_flight", _("In Flight")
    UNKNOWN = "unknown", _("Unknown")
    SYNCED = "synced", _("Synced")
    PARKED = "parked", _("Parked")
    HELD = "held", _("Held")
    REJECTED = "rejected", _("Rejected")
    LEFT = "left", _("Left there")
    DELETED = "deleted", _("Deleted")


AT_REST = (State.SYNCED, State.LEFT, State.DELETED)
"""Nothing is owed, and nothing in doubt."""
REJECTED_BY_PERSON = "rejected"
"""Parked: a person decided that what is here and what is there differ on purpose."""

_IS_PARKED = (
    When(parked=HELD_BY_BRAKE, then=Value(State.HELD)),
    When(parked=REJECTED_BY_PERSON, then=Value(State.REJECTED)),
    When(~Q(parked=""), then=Value(State.PARKED)),
)
_IS_FREE = (
    When(unknown_until__isnull=False, then=Value(State.UNKNOWN)),
    When(synced_generation__lt=F("generation"), then=Value(State.PENDING)),
    When(left_at__isnull=False, then=Value(State.LEFT)),
    When(deleted=True, then=Value(State.DELETED)),
)


def _state(*cases: When) -> Case:
    return Case(*cases, default=Value(State.SYNCED), output_field=models.CharField(max_length=9))


_STATE = _state(*_IS_PARKED, When(lease_token__isnull=False, then=Value(State.IN_FLIGHT)), *_IS_FREE)
_SETTLED_STATE = _state(*_IS_PARKED, *_IS_FREE)
_MAY_EXIST = Case(
    When(
        Q(remote_id__isnull=False)
        | Q(add_key__isnull=False)
        | Q(unknown_until__isnull=False)
        | Q(lease_token__isnull=False),
        then=Value(True),
    ),
    default=Value(False),
    output_field=models.BooleanField(),
)


class RecordQuerySet(models.QuerySet["Record"]):
    def of(self, *refs: Ref) -> RecordQuerySet:
        """Those of these objects, one for each target. By their keys, since no index holds the objects: asks for the targets at once."""
        names = Target.objects.values_list("name", flat=True)
        return self.filter(key__in=[ref.key(name) for name in names for ref in refs])


class Record(models.Model):
    """One object at one target. Written by the triggers and by `thirdparty.store`, by nothing else.

    There is no foreign key to the object: the row outlives it, or no delete could be owed.

    What every push changes stands together behind what it leaves alone, since PostgreSQL logs the bytes from the first to the
    last that differ; and a claim changes nothing that an index holds (docs/decisions/0037).
    """

    key: models.CharField[str, str] = KeyField(
        primary_key=True, max_length=200, help_text="target:kind:object_id, so that triggers can name it"
    )
    target = models.CharField(max_length=30)
    kind = models.CharField(max_length=40)
    object_id = models.CharField(max_length=128)
    wanted_key = models.CharField(max_length=254, db_default="", help_text="the natural key that the object has now")
    natural_key = models.CharField(
        max_length=254, db_default="", help_text="by which the target knows the record: frozen while one may be there"
    )
    former_key = models.CharField(
        max_length=254,
        db_default="",
        help_text="the natural key that an update is to change, or may have changed unheard",
    )
    remote_id = models.CharField(max_length=128, null=True)
    adopted = models.CharField(max_length=8, db_default="", help_text="why a record that we did not add is ours")
    add_key = models.CharField(max_length=36, null=True, help_text="idempotency key of an unanswered add")
    waits_for = KeyField(
        max_length=200, null=True, help_text="the record that it refers to, which has no remote id yet"
    )
    held_by = KeyField(
        max_length=200, null=True, help_text="a record that still names this one, which is to be deleted"
    )
    parked = models.CharField(max_length=40, db_default="", help_text="why it is parked")
    last_error = models.CharField(max_length=300, db_default="")
    cause = models.CharField(max_length=40, db_default="", help_text="the reason of the last step, if it failed")
    failing_since = models.DateTimeField(null=True, help_text="for this cause, and without a success in between")
    failed_tries = models.IntegerField(db_default=0, help_text="failed tries since the last success")
    crashes = models.IntegerField(db_default=0, help_text="steps in a row that died half-way")
    no_progress = models.IntegerField(db_default=0, help_text="answered steps that brought the record no nearer")
    released_generation = models.BigIntegerField(
        null=True, help_text="a person has released what the brake held of this generation"
    )
    left_at = models.DateTimeField(
        null=True, help_text="since when its object has left, and its record stays at the target as the policy says"
    )
    asked_at = models.DateTimeField(null=True, help_text="when an explanation last had the target asked")
    pulled_at = models.DateTimeField(null=True, help_text="when N hours of waiting last brought it forward")
    look_first = models.BooleanField(
        db_default=False, help_text="the remote id may be somebody else's by now: read before anything is written"
    )
    deleted = models.BooleanField(db_default=False, help_text="the object is gone; a delete is owed")
    unknown_until = models.DateTimeField(null=True, help_text="an unanswered request may take effect until then")
    sent = models.TextField(
        null=True,
        help_text="a keyed hash of each field that the target is known to hold; empty where that is not known",
    )
    caused_by = models.CharField(
        max_length=200, db_default="", help_text="what last wrote the object, as far as the database knows"
    )
    synced_at = models.DateTimeField(null=True)
    owed_since = models.DateTimeField(null=True, help_text="first change that is not acknowledged")
    due_at = models.DateTimeField(null=True, help_text="next time to look; 1970 means at once; passed while leased")
    generation = models.BigIntegerField(db_default=1, help_text="what is wanted")
    synced_generation = models.BigIntegerField(db_default=0, help_text="what the target has acknowledged")
    no_progress_generation = models.BigIntegerField(
        db_default=0, help_text="the generation that no_progress counts for"
    )
    claims = models.BigIntegerField(
        db_default=0, help_text="leases taken: alike at two looks, nobody worked in between"
    )
    lease_token = models.CharField(max_length=32, null=True)
    leased_until = models.DateTimeField(null=True)
    state = models.GeneratedField(expression=_STATE, output_field=models.CharField(max_length=9), db_persist=True)
    settled_state = models.GeneratedField(
        expression=_SETTLED_STATE,
        output_field=models.CharField(max_length=9),
        db_persist=True,
        help_text="the state without the lease: what is looked for, by an index",
    )
    may_exist = models.GeneratedField(expression=_MAY_EXIST, output_field=models.BooleanField(), db_persist=True)

    objects = RecordQuerySet.as_manager()

    class Meta:
        verbose_name = _("record")
        verbose_name_plural = _("records")
        default_permissions = ("view",)
        permissions = (("decide_record", "Can decide about records"),)
        ordering: ClassVar[list[str]] = ["key"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["target", "kind", "remote_id"],
                condition=Q(remote_id__isnull=False),
                name="one_row_per_remote_id",
            ),
            models.UniqueConstraint(
                fields=["target", "kind", "natural_key"],
                condition=Q(may_exist=True) & ~Q(natural_key=""),
                name="one_row_per_natural_key",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["target", "due_at", "key"], condition=Q(due_at__isnull=False), name="sync_due"),
            models.Index(fields=["synced_at"], condition=Q(deleted=True), name="sync_tombstone"),
            models.Index(
                fields=["target"],
                condition=Q(deleted=True, synced_generation__lt=F("generation")),
                name="sync_owed_delete",
            ),
            models.Index(fields=["owed_since"], condition=Q(owed_since__isnull=False), name="sync_owed"),
            models.Index(fields=["target", "settled_state"], name="sync_state"),
            models.Index(fields=["target", "left_at"], condition=Q(left_at__isnull=False), name="sync_left"),
            models.Index(fields=["target", "kind", "former_key"], condition=~Q(former_key=""), name="sync_former_key"),
            models.Index(fields=["waits_for"], condition=Q(waits_for__isnull=False), name="sync_waits_for"),
            models.Index(fields=["held_by"], condition=Q(held_by__isnull=False), name="sync_held_by"),
        ]

    def __str__(self) -> str:
        return self.key

    @property
    def ref(self) -> Ref:
        """The object that it is of."""
        return Ref(self.kind, self.object_id)

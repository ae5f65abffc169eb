"""A write that the targets have to accept before it is made here."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from django.db import models
from django.db.models import ExpressionWrapper, F, Q
from django.db.models.functions import Now

from thirdparty.models.ref import Ref


class Action(models.TextChoices):
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


class StrictWriteQuerySet(models.QuerySet["StrictWrite"]):
    def of(self, ref: Ref) -> StrictWriteQuerySet:
        return self.filter(kind=ref.kind, object_id=ref.object_id)

    def seconds_left(self) -> float | None:
        """How long the first of these may still stand, by the database's clock; None where there is none."""
        left = ExpressionWrapper(F("expires_at") - Now(), models.DurationField())
        found = self.annotate(left=left).values_list("left", flat=True).first()
        return None if found is None else float(found.total_seconds())

    def standing(self) -> StrictWriteQuerySet:
        return self.filter(expires_at__gt=Now())

    def expired(self, *, longest_seconds: float) -> StrictWriteQuerySet:
        """Those whose process died: their time is over by the database's clock, or further ahead than any is given.

        ``longest_seconds``: a time that none is given, which only a clock that was ahead can have written.
        """
        too_far = Now() + timedelta(seconds=longest_seconds)
        return self.filter(Q(expires_at__lte=Now()) | Q(expires_at__gt=too_far))


class StrictWrite(models.Model):
    """One open strict write. While it stands, only the holder of its token may claim the object's records.

    The row goes when the write is applied or taken back (`thirdparty.consistency.strict`); one that expired
    is a dead process's, and the reconciler takes it back.
    """

    kind = models.CharField(max_length=40)
    object_id = models.CharField(max_length=128)
    action = models.CharField(max_length=6, choices=Action)
    natural_key = models.CharField(max_length=254, help_text="kept for the candidate of a create")
    candidate = models.JSONField(help_text="the values that the targets are asked to accept; empty for a delete")
    base = models.CharField(max_length=64, help_text="fingerprint of the object that the candidate was made from")
    token = models.CharField(max_length=32, unique=True)
    expires_at = models.DateTimeField(db_index=True)

    objects: ClassVar[StrictWriteQuerySet] = StrictWriteQuerySet.as_manager()  # type: ignore[assignment]  # its type

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["kind", "object_id"], name="one_strict_write_per_object"),
            models.UniqueConstraint(
                fields=["kind", "natural_key"],
                condition=Q(action="create") & ~Q(natural_key=""),
                name="one_strict_create_per_natural_key",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.action} of {self.ref}"

    @property
    def ref(self) -> Ref:
        """The object that is to be written."""
        return Ref(self.kind, self.object_id)

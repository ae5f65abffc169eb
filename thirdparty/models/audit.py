"""What an audit has seen so far, and what it found: of one kind of object at one target."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from thirdparty.decide.sample import WHOLE_PERCENT
from thirdparty.models.key import KeyField
from thirdparty.models.ref import Ref


class Verdict(models.TextChoices):
    """What came of comparing one record with what its target holds."""

    EQUAL = "equal", _("equal")
    MISSING = "missing", _("missing")
    DIFFERING = "differing", _("differing")
    EXTRA = "extra", _("extra")
    ALTERED = "altered", _("altered by the target")
    LEFT = "left", _("left there on purpose")
    NOT_COMPARABLE = "not_comparable", _("not comparable")


OPEN = "open"
"""In place of a verdict: to be asked about once more."""


class Ahead(models.TextChoices):
    """Which side of a difference has moved since the last acknowledgement."""

    OURS = "ours", _("ours: what is wanted has changed and was not sent")
    THEIRS = "theirs", _("theirs: the target no longer holds what it acknowledged")
    BOTH = "both", _("both")
    UNKNOWN = "", _("nobody knows")


class Owner(models.TextChoices):
    """Whose a remote record is that is not to be there."""

    OURS = "ours", _("ours, by its external id")
    NOBODY = "nobody", _("nobody's that is known here")


class Phase(models.TextChoices):
    """What an audit does now. One by look-up has only the last but one."""

    LISTING = "listing", _("listing")
    LISTING_AGAIN = "listing_again", _("listing once more")
    EXTRAS = "extras", _("asking about records that are not to be there")
    RECORDS = "records", _("asking about our records")
    ENDED = "ended", _("ended")


class Audit(models.Model):
    """One comparison of all records of one kind, or a sample, with what their target holds, from its beginning to its end.

    It goes on from ``cursor`` whoever takes it up. One that could not be finished says why in ``failure``, and nothing
    is concluded from what it did not see.
    """

    target = models.CharField(max_length=30)
    kind = models.CharField(max_length=40)
    lists = models.BooleanField(help_text="by the target's listing; else each record is looked up")
    looks_up = models.BooleanField(help_text="the target can be asked about one record")
    mends = models.BooleanField(default=False, help_text="what is found is owed again")
    by = models.CharField(max_length=150, blank=True, help_text="who wanted it; empty for the schedule")
    percent = models.FloatField(
        default=WHOLE_PERCENT, help_text="so many of the records are looked at, always the same ones"
    )
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    failure = models.CharField(max_length=300, blank=True, help_text="why it could not be finished")
    phase = models.CharField(max_length=13, choices=Phase)
    cursor = models.TextField(null=True, help_text="where the phase goes on; none: at its beginning")
    counts = models.JSONField(default=dict, help_text="calls, pages, and records by verdict")
    declared_version = models.PositiveIntegerField(default=0, help_text="of the declaration that it compared by")
    hash_key = models.CharField(max_length=16, blank=True, help_text="which key its digests were made with")
    expected = models.BigIntegerField(default=0, help_text="records of ours when it began")
    failures = models.PositiveIntegerField(default=0, help_text="failed calls since the last answer")
    spread_seconds = models.FloatField(null=True, help_text="over how long its calls are spread; none: at once")
    due_at = models.DateTimeField(help_text="when a worker is told to go on with it")
    lease_token = models.CharField(max_length=32, null=True)
    leased_until = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("audit")
        verbose_name_plural = _("audits")
        ordering: ClassVar[list[str]] = ["-id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            # A sample is looked at while the audit of all goes on, which is under way for most of the day.
            models.UniqueConstraint(
                fields=["target", "kind"],
                condition=Q(finished_at__isnull=True, percent=WHOLE_PERCENT),
                name="one_audit_at_a_time",
            ),
            models.UniqueConstraint(
                fields=["target", "kind"],
                condition=Q(finished_at__isnull=True, percent__lt=WHOLE_PERCENT),
                name="one_sample_at_a_time",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["target", "kind", "finished_at"], name="audit_of_kind")
        ]

    def __str__(self) -> str:
        return f"{self.target}:{self.kind} #{self.pk}"


class Comparison(models.Model):
    """That a record was compared: ``generation`` of it with what the target answered, whose ``digest`` this is, at ``at``."""

    audit = models.ForeignKey(Audit, on_delete=models.CASCADE, related_name="comparisons", db_index=False)
    record: models.CharField[str, str] = KeyField(max_length=200)
    outcome = models.CharField(max_length=14, help_text="a verdict, or `open`")
    generation = models.BigIntegerField()
    claims = models.BigIntegerField()
    digest = models.CharField(max_length=64, blank=True, help_text="keyed, of what was found; empty for nothing")
    at = models.DateTimeField(help_text="when the target had been asked")

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["audit", "record"], name="one_comparison_per_record")
        ]

    def __str__(self) -> str:
        return f"{self.record} {self.outcome}"


class Finding(models.Model):
    """Something that is not as it is to be. Holds no values, only the names of fields.

    ``record``: empty for a remote record that is nobody's. ``confirmed_at``: none while it was seen in a listing only.
    ``found``, ``wanted``: keyed digests of what the fields held on either side.
    """

    audit = models.ForeignKey(Audit, on_delete=models.CASCADE, related_name="findings", db_index=False)
    target = models.CharField(max_length=30)
    kind = models.CharField(max_length=40)
    record: models.CharField[str, str] = KeyField(max_length=200, blank=True)
    remote_id = models.CharField(max_length=128, blank=True)
    verdict = models.CharField(max_length=14, choices=Verdict)
    fields = models.JSONField(default=list, help_text="the names of the fields that differ")
    ahead = models.CharField(max_length=6, blank=True, choices=Ahead, help_text="which side has moved")
    owner = models.CharField(max_length=6, blank=True, choices=Owner, help_text="of an extra record: whose it is")
    reason = models.CharField(max_length=300, blank=True, help_text="why it could not be compared")
    generation = models.BigIntegerField(null=True, help_text="of the record, at both looks")
    claims = models.BigIntegerField(null=True, help_text="the same")
    found = models.CharField(max_length=64, blank=True)
    wanted = models.CharField(max_length=64, blank=True)
    seen_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True)
    mended_at = models.DateTimeField(null=True, help_text="when it was owed again for this")

    class Meta:
        verbose_name = _("finding")
        verbose_name_plural = _("findings")
        ordering: ClassVar[list[str]] = ["id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["audit", "record", "remote_id"], name="one_finding_each")
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["record"], condition=~Q(record=""), name="finding_of_record")
        ]

    def __str__(self) -> str:
        return f"{self.record or self.remote_id} #{self.pk}"

    @property
    def ref(self) -> Ref | None:
        """The object whose record it is of; None for a remote record that is nobody's."""
        return Ref.of_key(self.record) if self.record else None

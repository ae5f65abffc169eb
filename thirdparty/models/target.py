"""A target's row: what all its workers share."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

FENCE_TO_DRAW = 0


class Standing(models.TextChoices):
    """Whether a target is sent to, and whether changes are recorded for it. Owing is not sending."""

    ACTIVE = "active", _("Active")
    AWAY = "away", _("Away")
    RETIRED = "retired", _("Retired")


class Target(models.Model):
    """One third party. The triggers read this table: they owe to every target that is not retired.

    Active: named in SYNC_TARGETS, sent to. Away: not named; its records go on being owed, nothing is sent.
    Retired: by a person's word only; it has no records and gets none.
    """

    name = models.CharField(primary_key=True, max_length=30)
    enabled = models.BooleanField(default=True, help_text="named in SYNC_TARGETS")
    retired = models.BooleanField(default=False, editable=False, help_text="nothing is owed to it any more")
    held_before = models.BooleanField(
        default=False,
        editable=False,
        help_text="it was retired once: what it may hold of ours is looked for before anything is added",
    )
    paused = models.BooleanField(default=False, help_text="nothing is sent while paused; nothing is lost either")
    paused_reason = models.CharField(max_length=200, blank=True, default="")
    sent_from = models.CharField(
        max_length=200,
        default="",
        editable=False,
        help_text="the database that it is sent to from (protect/sender.py)",
    )
    paused_since = models.DateTimeField(null=True, editable=False)
    paused_by = models.CharField(
        max_length=254, default="", editable=False, help_text="the account that paused it; none for the guard"
    )
    # Catching up (`thirdparty.capture.catch_up`): what may have been missed is owed in batches, each with its place on this row.
    behind_since = models.DateTimeField(
        null=True, db_default=Now(), editable=False, help_text="records may lack a change until this is empty"
    )
    fence = models.BigIntegerField(
        null=True,
        default=FENCE_TO_DRAW,
        editable=False,
        help_text="transactions older than this one may not have seen the target; 0: still to be drawn",
    )
    owing_to = models.CharField(
        max_length=200, null=True, editable=False, help_text="where owing every record goes on; empty: from the first"
    )
    owing_left = models.JSONField(
        default=list, editable=False, help_text="records before that place that somebody held, still to be owed"
    )
    unrecorded = models.BooleanField(
        default=False, editable=False, help_text="they are owed since changes may have gone unrecorded"
    )
    backfill = models.BooleanField(
        default=False, editable=False, help_text="they are owed since what the target holds may be gone, or be old"
    )
    raised = models.JSONField(
        default=dict,
        editable=False,
        help_text="kinds whose declaration has a new version, so that their records are owed: all of them (null), or so many "
        "per cent until a person lets the others follow",
    )
    trial_since = models.DateTimeField(null=True, editable=False)
    swept_to = models.CharField(
        max_length=200, default="", editable=False, help_text="where the search for missing rows goes on"
    )
    swept_left = models.JSONField(
        default=list, editable=False, help_text="objects before that place whom somebody held, still to be looked at"
    )
    swept = models.BooleanField(default=False, editable=False, help_text="that search has seen every object once")
    round = models.PositiveIntegerField(
        default=0, editable=False, help_text="counts beginnings, so that a place of an earlier round is not taken over"
    )
    # The guard's: `thirdparty.protect.health.TargetHealth` says what each means.
    paused_by_guard = models.BooleanField(default=False, editable=False)
    breaker = models.CharField(max_length=9, default="closed", editable=False)
    breaker_reason = models.CharField(max_length=200, blank=True, default="", editable=False)
    breaker_since = models.DateTimeField(null=True, editable=False, help_text="it has not been closed since")
    failed_for = models.CharField(max_length=40, blank=True, default="", editable=False)
    openings = models.PositiveIntegerField(default=0, editable=False)
    blocked_until = models.DateTimeField(null=True, editable=False, help_text="nothing is sent before")
    probes_left = models.PositiveSmallIntegerField(default=0, editable=False)
    probes_until = models.DateTimeField(null=True, editable=False)
    failed_keys = models.JSONField(default=list, editable=False)
    refused_keys = models.JSONField(default=list, editable=False)
    refused_for = models.CharField(max_length=40, blank=True, default="", editable=False)
    refusals_to_open = models.PositiveIntegerField(default=10, editable=False)
    suspect_keys = models.JSONField(default=list, editable=False)
    cleared_keys = models.JSONField(default=list, editable=False)
    rate_limit = models.FloatField(null=True, editable=False, help_text="calls per second")
    rate_set_at = models.DateTimeField(null=True, editable=False)
    rate_climb = models.FloatField(null=True, editable=False, help_text="doublings a second")
    next_slot_at = models.DateTimeField(null=True, editable=False)
    capabilities_off = models.JSONField(default=list, editable=False)
    capabilities_off_until = models.DateTimeField(null=True, editable=False)
    misses = models.PositiveIntegerField(default=0, editable=False)
    asking_until = models.DateTimeField(null=True, editable=False)
    asking_about = models.CharField(max_length=200, blank=True, default="", editable=False)
    vouched = models.PositiveIntegerField(default=0, editable=False)
    faulty_keys = models.JSONField(default=list, editable=False)
    faulty_slot_at = models.DateTimeField(null=True, editable=False)
    looked_at = models.DateTimeField(null=True, db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("target")
        verbose_name_plural = _("targets")
        default_permissions = ("view",)
        permissions = (("pause_target", "Can pause, resume and retire targets"),)
        ordering: ClassVar[list[str]] = ["name"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=~Q(enabled=True, retired=True), name="a_retired_target_is_not_enabled")
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def standing(self) -> Standing:
        if self.retired:
            return Standing.RETIRED
        return Standing.ACTIVE if self.enabled else Standing.AWAY

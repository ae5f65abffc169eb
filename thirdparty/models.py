"""A target's row: what all its workers share."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Target(models.Model):
    """One third party. Enabled while settings name it; the triggers read this table."""

    name = models.CharField(primary_key=True, max_length=30)
    enabled = models.BooleanField(default=True, help_text="named in SYNC_TARGETS")
    paused = models.BooleanField(default=False, help_text="nothing is sent while paused; nothing is lost either")
    paused_reason = models.CharField(max_length=200, blank=True, default="")
    backfilled_to = models.CharField(
        max_length=63, blank=True, default="", editable=False, help_text="where a backfill goes on"
    )
    swept_to = models.BigIntegerField(default=0, editable=False, help_text="where the search for missing rows goes on")
    swept = models.BooleanField(default=False, editable=False, help_text="that search has seen every user once")
    # The guard's: `thirdparty.guard.standing.Standing` says what each means.
    paused_by_guard = models.BooleanField(default=False, editable=False)
    breaker = models.CharField(max_length=9, default="closed", editable=False)
    breaker_reason = models.CharField(max_length=200, blank=True, default="", editable=False)
    openings = models.PositiveIntegerField(default=0, editable=False)
    quiet_until = models.DateTimeField(null=True, editable=False, help_text="nothing is sent before")
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

    class Meta:
        ordering: ClassVar[list[str]] = ["name"]

    def __str__(self) -> str:
        return self.name

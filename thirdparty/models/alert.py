"""What people are told of: the reasons that stood, and the messages about them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Alert(models.Model):
    """One reason that somebody has to act on, from when it was first seen until it is gone. Times are the database's.

    Kept by `thirdparty.alerts.standing`. ``announced_at``: when the message was made that tells of it; none while it may be
    a blip, or was told of not long ago. ``told_at``, ``end_told_at``: when the first of those messages was taken, whichever way.
    """

    code = models.CharField(max_length=40)
    target = models.CharField(max_length=30, blank=True)
    kind = models.CharField(max_length=40, blank=True)
    cause = models.CharField(max_length=100, blank=True)
    sentence = models.TextField(help_text="as it was last said")
    count = models.PositiveBigIntegerField(null=True, help_text="of records")
    since = models.DateTimeField(null=True, help_text="what the reason itself says")
    link = models.TextField(blank=True, help_text="the page where one looks: its path")
    first_seen_at = models.DateTimeField()
    gone_at = models.DateTimeField(null=True, help_text="it has not been seen since; none while it stands")
    announced_at = models.DateTimeField(null=True)
    begin_message = models.CharField(max_length=40, blank=True, help_text="which message tells of it")
    told_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True, help_text="since when it is gone, once it has been for long enough")
    end_message = models.CharField(max_length=40, blank=True, help_text="which message tells that it has ended")
    end_told_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("alert")
        verbose_name_plural = _("alerts")
        ordering: ClassVar[list[str]] = ["-id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["code", "target", "kind", "cause"],
                condition=Q(ended_at__isnull=True),
                name="one_alert_while_it_stands",
            )
        ]

    def __str__(self) -> str:
        return f"{self.target}: {self.code}" if self.target else self.code


class AlertMessage(models.Model):
    """One message, going one way. Sent until it is taken, or too old (`thirdparty.alerts.sending`).

    ``message`` is its id for whoever gets it: the same whichever way, and however often it is tried.
    """

    message = models.CharField(max_length=40)
    way = models.CharField(max_length=10)
    subject = models.CharField(max_length=200)
    body = models.TextField()
    made_at = models.DateTimeField()
    due_at = models.DateTimeField(help_text="when it is tried next")
    tries = models.PositiveIntegerField(default=0, help_text="counted when one begins")
    leased_until = models.DateTimeField(null=True, help_text="until then the process that tries has it for itself")
    failure = models.CharField(max_length=200, blank=True, help_text="why the last try failed")
    delivered_at = models.DateTimeField(null=True)
    given_up_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["message", "way"], name="one_message_each_way")
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["way", "id"],
                condition=Q(delivered_at__isnull=True, given_up_at__isnull=True),
                name="messages_waiting",
            )
        ]

    def __str__(self) -> str:
        return f"{self.message} by {self.way}"

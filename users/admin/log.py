"""What the admin's own pages write into the history: the same as API and command line, without personal details."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.admin.models import LogEntry
from django.db.models import Model
from django.http import HttpRequest

from thirdparty import audit_log


class Discreet:
    """Mixed into a `ModelAdmin` whose objects' texts do not belong into the history."""

    def name_in_history(self, obj: Any) -> str:
        """What the history calls an object."""
        return str(obj.uuid)

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> LogEntry:
        """As Django's."""
        return audit_log.record(request.user, obj, audit_log.ADDITION, message, name=self.name_in_history(obj))

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> LogEntry:
        """As Django's."""
        return audit_log.record(request.user, obj, audit_log.CHANGE, message, name=self.name_in_history(obj))

    def log_deletions(self, request: HttpRequest, queryset: Iterable[Model]) -> list[LogEntry]:
        """As Django's."""
        return [
            audit_log.record(request.user, obj, audit_log.DELETION, "", name=self.name_in_history(obj))
            for obj in queryset
        ]

"""Which record's remote id another record was sent with."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from thirdparty.models.key import KeyField


class Reference(models.Model):
    """Committed before a request that names the remote id, kept until the target has acknowledged one that does not.

    There are no foreign keys to the records: a row outlives them until it is seen to be needless.
    """

    record: models.CharField[str, str] = KeyField(max_length=200, help_text="the record that refers")
    on_record: models.CharField[str, str] = KeyField(max_length=200, db_index=True, help_text="whom it refers to")
    remote_id = models.CharField(
        max_length=128, help_text="the id that it was sent with last, or was owed for since; empty for none"
    )

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["record", "on_record"], name="one_reference_each")
        ]

    def __str__(self) -> str:
        return f"{self.record} on {self.on_record}"

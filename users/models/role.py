"""What a group is called at a target."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.auth.models import Group
from django.db import models
from django.utils.translation import gettext_lazy as _


class RoleMapping(models.Model):
    """The role id that a group has at one target. Changing one owes every member of the group."""

    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="role_mappings")
    target = models.CharField(max_length=30)
    remote_role_id = models.CharField(max_length=64)

    class Meta:
        verbose_name = _("role at a target")
        verbose_name_plural = _("roles at targets")
        ordering: ClassVar[list[str]] = ["target", "group_id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["group", "target"], name="one_role_per_group_and_target")
        ]

    def __str__(self) -> str:
        return f"{self.group} = {self.target}:{self.remote_role_id}"

"""Gives a process the version of people's mapping that its environment names."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from django.apps import AppConfig

from tests.chaos.run.upgraded import mapping


class UpgradedConfig(AppConfig):
    """Last in the list of applications, so that the product's own are ready."""

    name = "tests.chaos.run.upgraded"

    def ready(self) -> None:
        if not mapping.version():
            return
        from users import remote_values, synced

        payload, groups = synced._payload, remote_values._groups

        def with_version(*args: Any) -> Mapping[str, Any]:
            made = payload(*args)
            return {**made, "role_ids": sorted([*made["role_ids"], mapping.role(mapping.version())])}

        def without_version(present: Collection[str], target: str, reported: Collection[str]) -> set[str]:
            return groups(present, target, [role for role in reported if role.rpartition("-")[0] != mapping.NAME])

        synced._payload = with_version
        remote_values._groups = without_version
        mapping.use(mapping.version())

"""Breaks every process of the system when Django has loaded its models."""

from __future__ import annotations

import os

from django.apps import AppConfig


class SeededConfig(AppConfig):
    """Last in the list of applications, so that the product's own are ready."""

    name = "tests.chaos.run.seeded"

    def ready(self) -> None:
        from tests.chaos.run.seeded import bugs, operations

        known = {**vars(bugs), **vars(operations)}
        for name in filter(None, os.environ.get("CHAOS_BUG", "").split(",")):
            known[name]()

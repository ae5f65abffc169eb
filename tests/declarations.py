"""Declarations that are there for one test: what ``migrate`` tells the database of them."""

from __future__ import annotations

from thirdparty.capture import versions
from thirdparty.models import Declaration


def know_them() -> None:
    """Have the database know just the declarations that are registered now."""
    Declaration.objects.all().delete()
    versions.publish()

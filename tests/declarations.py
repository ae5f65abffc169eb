"""Declarations that are there for one test: what ``migrate`` tells the database of them."""

from __future__ import annotations

from typing import Any

import pytest
from django.db.models import Q

from thirdparty.capture import versions
from thirdparty.declaration import Synced, of_kind
from thirdparty.models import Declaration


def know_them() -> None:
    """Have the database know just the declarations that are registered now."""
    Declaration.objects.all().delete()
    versions.publish()


def rescope(declaration: type[Synced[Any]], scope: Q | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let it have another scope, as after a change of the code: what a process keeps of its declaration is made anew."""
    monkeypatch.setattr(declaration, "scope", scope)
    registered = of_kind(declaration.kind)
    for kept in ("_with_what_is_watched", "_watched_of_each"):
        monkeypatch.setitem(vars(registered), kept, getattr(type(registered), kept).func(registered))

"""Declarations that are there for one test: what ``migrate`` tells the database of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from django.db.models import Q

from thirdparty.capture import triggers, versions
from thirdparty.declaration import AtTarget, Synced, of_kind, register, registry
from thirdparty.models import Declaration, Target
from users.models import User
from users.synced import Person


def know_them() -> None:
    """Have the database know just the declarations that are registered now."""
    Declaration.objects.all().delete()
    for declaration in registry.declared():
        versions.publish(declaration.kind)


@contextmanager
def alone(monkeypatch: pytest.MonkeyPatch, *declarations: type[Synced[Any]]) -> Iterator[None]:
    """These are all that there are, with their triggers. In the end everything that was patched is as it was, the triggers too."""
    monkeypatch.setattr(registry, "_declared", {})
    for declaration in declarations:
        register(declaration)
    triggers.install()
    know_them()
    try:
        yield
    finally:
        triggers.drop()
        monkeypatch.undo()
        triggers.install()
        know_them()
        Target.objects.update(
            unrecorded=False, owing_to=None, owing_left=[], swept_to="", swept_left=[], behind_since=None
        )


def rescope(declaration: type[Synced[Any]], scope: Q | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let it have another scope, as after a change of the code: what a process keeps of its declaration is made anew."""
    monkeypatch.setattr(declaration, "scope", scope)
    registered = of_kind(declaration.kind)
    for kept in ("_with_what_is_watched", "_watched_of_each"):
        monkeypatch.setitem(vars(registered), kept, getattr(type(registered), kept).func(registered))


def people_of_version(version: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process is of that version from now on: it sends names as they are by the first, shouted by the second."""
    sends = Person.payload

    def payload(self: Person, obj: User, target: AtTarget) -> Mapping[str, Any] | None:
        made = sends(self, obj, target)
        return made and {**made, "name": obj.name.upper()}

    monkeypatch.setattr(Person, "version", version)
    monkeypatch.setattr(Person, "payload", payload)

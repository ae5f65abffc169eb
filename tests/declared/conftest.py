"""Tables for the models, and declarations of them that hold for one test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection

from tests.declarations import know_them
from tests.declared.models import MODELS
from thirdparty import targets
from thirdparty.capture import triggers
from thirdparty.capture.triggers import postgresql, sqlite
from thirdparty.declaration import Synced, registry
from thirdparty.models import Record

Declare = Callable[..., None]


@pytest.fixture(scope="session")
def tables(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock():
        with connection.schema_editor() as editor:
            for model in MODELS:
                editor.create_model(model)
        yield
        with connection.schema_editor() as editor:
            for model in reversed(MODELS):
                editor.delete_model(model)


@pytest.fixture
def declare(tables: None, db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Declare]:
    """Have these declarations, and no others, with their triggers in place, until the test ends."""

    def put(*declarations: type[Synced[Any]]) -> None:
        monkeypatch.setattr(registry, "_declared", {each.kind: each() for each in declarations})
        targets.publish_rows()
        triggers.install()
        know_them()
        assert triggers.missing() == []

    yield put
    if not connection.in_atomic_block:  # what is done here lasts
        take_out()
        for model in reversed(MODELS):
            model._base_manager.all().delete()


def take_out() -> None:
    """Remove the triggers of the declared models, and of no others."""
    vendor = postgresql if connection.vendor == "postgresql" else sqlite
    ours = [found.name for found in vendor.present(connection) if " of declared." in found.text]
    triggers._execute(connection, vendor.drop(ours))


def generations(target: str = "partner") -> dict[str, int]:
    """How often each object's record was owed, by the object's id."""
    return dict(Record.objects.filter(target=target).values_list("object_id", "generation"))


def generation(instance: Any) -> int:
    """How often this object's record was owed; 0 where it has none."""
    return generations().get(getattr(instance.pk, "hex", str(instance.pk)), 0)

"""One structure says how the whole stands: whatever shows it shows each figure of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client
from rest_framework.test import APIClient

from thirdparty import targets
from thirdparty.observe.figure import Figure, Kind
from thirdparty.observe.status import FIGURES
from users.models import User


@pytest.fixture
def operator(db: None) -> Iterator[User]:
    """Signed in where there is one more figure, which took one line."""
    targets.publish_rows()
    FIGURES.append(Figure("forgotten", Kind.COUNT, "records that nobody remembers", lambda _: 4711))
    yield User.objects.create_superuser("root")
    FIGURES.pop()


def printed(*arguments: str) -> str:
    out = StringIO()
    call_command("sync", "status", *arguments, stdout=out)
    return out.getvalue()


def test_one_more_figure_is_on_the_command_line(operator: User) -> None:
    assert "4711 forgotten" in printed()
    assert json.loads(printed("--json"))["targets"]["partner"]["forgotten"] == 4711


def test_one_more_figure_is_in_the_api_and_its_description(operator: User) -> None:
    api = APIClient()
    api.force_authenticate(operator)
    assert api.get("/api/v1/sync/status/").data["targets"]["partner"]["forgotten"] == 4711
    assert "records that nobody remembers" in api.get("/api/schema/").content.decode()


def test_one_more_figure_is_a_metric(operator: User) -> None:
    lines = Client().get("/metrics").content.decode().splitlines()
    assert 'usersync_target_forgotten{target="partner"} 4711.0' in lines


def test_one_more_figure_is_on_the_first_page_of_the_admin(operator: User) -> None:
    web = Client()
    web.force_login(operator)
    page = web.get("/admin/").content.decode()
    assert "forgotten" in page
    assert "4711" in page

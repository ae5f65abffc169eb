"""Times for people: in their zone, and never with another zone's name behind them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone

import thirdparty
import users
from thirdparty import targets
from thirdparty.models import Record, Tick
from thirdparty.observe.explain import explain
from thirdparty.observe.moments import exactly, time_of_day
from thirdparty.run import tick
from users.models import User

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOON = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)


def test_a_time_is_told_in_the_readers_zone_with_its_name() -> None:
    with timezone.override(SHANGHAI):
        assert (exactly(NOON), time_of_day(NOON)) == ("2026-11-27 20:00:00 CST", "20:00:00 CST")
    assert exactly(NOON) == "2026-11-27 12:00:00 UTC"


@pytest.mark.django_db
def test_the_front_page_tells_the_last_tick_in_the_readers_zone(client: Client) -> None:
    targets.publish_rows()
    tick.begin()
    Tick.objects.update(at=NOON)
    client.force_login(User.objects.create_superuser("root"))

    with timezone.override(SHANGHAI):
        page = client.get("/admin/").content.decode()

    assert "2026-11-27 20:00:00 CST" in page


@pytest.mark.django_db
def test_an_explanation_tells_times_in_the_readers_zone() -> None:
    targets.publish_rows()
    user = User.objects.create_user(name="Ada", phone="1")
    Record.objects.update(unknown_until=NOON)

    with timezone.override(SHANGHAI):
        [explanation] = explain(Record.objects.get(object_id=user.uuid.hex).ref)

        assert any("20:00:00 CST" in sentence for sentence in explanation.blocked_by)


def test_nobody_writes_the_name_of_a_zone_behind_a_time_by_hand() -> None:
    folders = [Path(str(package.__file__)).parent for package in (thirdparty, users)]
    sources = [path for folder in folders for kind in ("*.py", "*.html") for path in folder.rglob(kind)]
    assert [path.name for path in sources if re.search(r"\} (UTC|GMT)\b", path.read_text())] == []

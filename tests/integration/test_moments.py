"""Times for people: in their zone, and never with another zone's name behind them."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone, translation

import thirdparty
import users
from thirdparty import targets
from thirdparty.admin.moment import moment
from thirdparty.models import Record, Tick
from thirdparty.observe.explain import explain
from thirdparty.observe.moments import exactly, time_of_day
from thirdparty.observe.numbers import grouped
from thirdparty.observe.reasons import words
from thirdparty.observe.tally import Tally, how_many
from thirdparty.run import tick
from users.models import User

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOON = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)


def test_a_time_is_told_in_the_readers_zone_with_its_name() -> None:
    with timezone.override(SHANGHAI):
        assert (exactly(NOON), time_of_day(NOON)) == ("Nov. 27, 2026 20:00:00 CST", "20:00:00 CST")
    assert exactly(NOON) == "Nov. 27, 2026 12:00:00 UTC"


def test_a_time_is_written_as_the_readers_language_writes_it() -> None:
    with translation.override("zh-hans"), timezone.override(SHANGHAI):
        assert (exactly(NOON), time_of_day(NOON)) == ("CST 2026年11月27日 20:00:00", "CST 20:00:00")
        assert str(moment(NOON)).count("2026年11月27日") == 1
        assert words.moment(NOON, NOON + timedelta(days=2)) == "11月27日 20:00"
    with translation.override("zh-hans"):
        assert words.moment(NOON, NOON) == "UTC 12:00"
    assert words.moment(NOON, NOON + timedelta(days=2)) == "November 27 12:00 UTC"


def test_numbers_are_grouped_as_the_readers_language_groups_them() -> None:
    assert (grouped(1234567), how_many([tally(1234567)])) == ("1,234,567", "1,234,567")
    with translation.override("de"):
        assert how_many([replace(tally(1234567), at_least=True)]) == "1.234.567+"
    with translation.override("zh-hans"):
        assert grouped(1234567) == "1234567"  # as Django has it for Chinese


def tally(count: int) -> Tally:
    return Tally("partner", "users.user", "pending", "", "", count, None, None, "")


@pytest.mark.django_db
def test_the_front_page_tells_the_last_tick_in_the_readers_zone(client: Client) -> None:
    targets.publish_rows()
    tick.begin()
    Tick.objects.update(at=NOON)
    client.force_login(User.objects.create_superuser("root"))

    with timezone.override(SHANGHAI):
        page = client.get("/admin/").content.decode()

    assert "Nov. 27, 2026 20:00:00 CST" in page


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

"""The admin's lists and headings call rows by the names of their objects, and filter them by the words that they show."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from tests.integration.ada import user, web
from tests.integration.conftest import converge, row_of
from thirdparty.admin.badge import outcome_badge
from thirdparty.admin.filters import AttemptOutcome
from thirdparty.models import Attempt, Audit, Record
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)
__all__ = ["user", "web"]
RECORDS = "/admin/thirdparty/record/"


def title(web: Client, address: str) -> str:
    [said] = re.findall(r"<title>(.*?)</title>", web.get(address).content.decode(), re.DOTALL)
    # What stands behind it is the same on every page of this kind.
    name, *_same, site = (part.strip() for part in said.split("|"))
    return f"{name} | {site}"


def test_the_attempts_of_one_record_are_told_from_others(web: Client, user: User) -> None:
    User.objects.create_user(name="Eva", phone="2")
    converge()
    address = "/admin/thirdparty/attempt/"
    found = web.get(address, {"record": row_of(user).key}).context["cl"].result_list
    assert {attempt.record_id for attempt in found} == {row_of(user).key}
    assert len({each.record_id for each in web.get(address, {"record": "nobody"}).context["cl"].result_list}) == 2


def test_causes_attempts_and_findings_name_the_objects(
    web: Client, user: User, django_assert_max_num_queries: Any
) -> None:
    for number in range(2, 12):
        User.objects.create_user(name="Eva", phone=str(number))
    Record.objects.update(parked="invalid", cause="invalid", due_at=None)
    now = timezone.now()
    of = {"target": "partner", "kind": "users.user"}
    audit = Audit.objects.create(
        **of, lists=True, looks_up=True, started_at=now, finished_at=now, due_at=now, phase="ended"
    )
    for row in Record.objects.all():
        row.attempts.create(lease_token="t", call="add", generation=1, started_at=now)
        audit.findings.create(**of, record=row.key, verdict="differing", seen_at=now, confirmed_at=now)
    for address in ("/admin/thirdparty/attempt/", "/admin/thirdparty/finding/"):
        with django_assert_max_num_queries(12):
            shown = web.get(address).content.decode()
        assert all(f">eva{number}</a>" in shown for number in range(2, 12))
    example = web.get(f"{RECORDS}causes/").context["causes"][0]
    assert example["example_name"] in {str(each) for each in User.objects.all()}
    finding = audit.findings.get(record=row_of(user).key)
    page_of_it = f"/admin/thirdparty/finding/{finding.pk}/change/"
    assert title(web, page_of_it) == "adalovelace1: differing | usersync"


def test_attempts_are_filtered_by_the_words_of_their_badges(web: Client, user: User) -> None:
    row = row_of(user)
    row.attempts.create(lease_token="t", call="update", generation=1, started_at=timezone.now(), outcome="transient")
    row.attempts.create(lease_token="t", call="update", generation=2, started_at=timezone.now())
    address = "/admin/thirdparty/attempt/"
    shown = web.get(address).content.decode()
    for outcome, words in (("transient", "try again"), ("under_way", "under way"), ("ok", "ok")):
        [attempt] = web.get(address, {"outcome": outcome}).context["cl"].result_list
        badge = outcome_badge(attempt)
        assert words in badge
        assert badge in shown
        assert dict(AttemptOutcome(None, {}, Attempt, None).lookup_choices)[outcome] == words  # type: ignore[arg-type]  # nothing of them is read

"""The admin's first page as whoever is on call needs it: are we level, and if not, why, since when, and where does one look."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.db.models.functions import Now
from django.test import Client
from django.utils.html import strip_tags

from tests.integration.conftest import row_of, seen_at
from thirdparty import protect, targets
from thirdparty.admin.badge import record_page
from thirdparty.admin.facts import facts
from thirdparty.decide.brake import HELD_BY_BRAKE
from thirdparty.models import Audit, Heartbeat, KeptTotals, Record, Target, Tick
from thirdparty.models.heartbeat import Role
from thirdparty.models.record import State
from thirdparty.observe import oldest as oldest_module
from thirdparty.observe.kept_totals import Totals
from thirdparty.observe.reasons import Seen
from thirdparty.observe.recent import Mark
from thirdparty.observe.status import status
from thirdparty.run import tick
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)
PAGE = "/admin/"
OF_TARGET = "/admin/thirdparty/target/partner/change/"


@pytest.fixture(autouse=True)
def _all_is_well(at_work: None) -> None:
    tick.begin()
    targets.publish_rows()
    Target.objects.update(behind_since=None, swept=True, fence=None)


@pytest.fixture
def web() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client


def html(web: Client, address: str = PAGE) -> str:
    return web.get(address).content.decode()


def said(web: Client, address: str = PAGE, **headers: Any) -> str:
    """The words of the page, each run of blanks as one."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", web.get(address, **headers).content.decode())))


def links(web: Client, address: str = PAGE) -> dict[str, str]:
    """Where the words of the page lead to, by the words."""
    found = re.findall(r'<a [^>]*?href="([^"]*)"[^>]*>(.*?)</a>', html(web, address), re.DOTALL)
    return {re.sub(r"\s+", " ", unescape(strip_tags(words))).strip(): unescape(page) for page, words in found}


def fact(web: Client, label: str, address: str = PAGE) -> str:
    """What the card says beside this label, markup and all."""
    [text] = re.findall(rf"<dt>{label}</dt><dd>(.*?)</dd>", html(web, address), re.DOTALL)
    return str(text)


def person(phone: str = "1", **row: Any) -> User:
    made: User = User.objects.create_user(name="Ada", phone=phone)
    Record.objects.filter(key=row_of(made).key).update(**row)
    return made


def owed(phone: str, *, minutes: float, **row: Any) -> User:
    return person(phone, owed_since=protect.clock() - timedelta(minutes=minutes), **row)


def stands(**columns: Any) -> None:
    Target.objects.filter(name="partner").update(**columns)


def in_a_while() -> Any:
    return protect.clock() + timedelta(minutes=4)


def at_the_moment(label: str, *, seconds_later: float, **figures: Any) -> str:
    """What a card says beside this label where these figures are of so many seconds later than it is made."""
    seen = Seen()
    later = {name: seen.now + timedelta(seconds=seconds_later) for name in ("blocked_until", "next_probe_at")}
    entry = status(seen).targets["partner"] | later | figures
    [text] = [fact.text for fact in facts("partner", entry, seen) if fact.label == label]
    return text


# -- the whole ---------------------------------------------------------------------------------------


def test_who_is_at_work_is_counted(web: Client) -> None:
    assert "at work: 1 worker, 1 beat" in said(web)


def test_nobody_and_several_are_counted_in_the_plural(web: Client) -> None:
    seen_at(Role.BEAT, timedelta(hours=1))
    [worker] = Heartbeat.objects.filter(role=Role.WORKER)
    worker.pk = "worker:there"
    worker.save(force_insert=True)
    assert "at work: 2 workers, 0 beats" in said(web)


def test_the_age_of_the_last_tick_is_told(web: Client) -> None:
    Tick.objects.update(at=Now() - timedelta(minutes=3, seconds=10))
    assert "last tick 3 minutes ago" in said(web)


def test_before_the_first_tick_it_says_so(web: Client) -> None:
    Tick.objects.update(at=None)
    assert "no tick yet" in said(web)


def test_flower_is_one_click_away_where_its_address_is_known(web: Client, settings: Any) -> None:
    settings.FLOWER_URL = "https://flower.example.org/"
    assert links(web)["local_florist Flower"] == "https://flower.example.org/"


def test_flower_is_not_named_where_its_address_is_not_known(web: Client, settings: Any) -> None:
    settings.FLOWER_URL = ""
    assert "Flower" not in said(web)


def test_flower_is_shown_to_whoever_may_see_targets_alone(settings: Any) -> None:
    settings.FLOWER_URL = "https://flower.example.org/"
    clerk = Client()
    clerk.force_login(User.objects.create_user(name="Clerk", phone="9", is_staff=True))
    assert "Flower" not in said(clerk)


# -- states ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("address", [PAGE, OF_TARGET])
def test_each_state_leads_to_the_list_of_its_records(web: Client, state: State, address: str) -> None:
    page = f'href="/admin/thirdparty/record/?sync_state={state}&target=partner"'
    assert page in html(web, address).replace("&amp;", "&")


def test_the_number_of_a_state_is_the_link_and_the_list_has_the_record(web: Client) -> None:
    ada = person(parked="invalid", due_at=None)
    person("2")
    [page] = re.findall(r'<a href="([^"]*sync_state=parked[^"]*)">1</a>', html(web))
    listed = html(web, unescape(page))
    assert row_of(ada).key in listed
    assert web.get(unescape(page)).context["cl"].result_count == 1


# -- the oldest --------------------------------------------------------------------------------------


def test_the_oldest_unsynced_leads_to_its_record(web: Client) -> None:
    owed("1", minutes=10)
    eva = owed("2", minutes=125)
    owed("3", minutes=300, parked="invalid")
    assert links(web)["2 hours"] == record_page(row_of(eva).key)
    assert status().targets["partner"]["oldest_unsynced_record"] == row_of(eva).key


def test_of_two_targets_each_has_its_own_oldest(web: Client, settings: Any) -> None:
    settings.SYNC_TARGETS |= {"saas": replace(settings.SYNC_TARGETS["partner"], name="saas")}
    targets.publish_rows()
    ada, eva = owed("1", minutes=10), owed("2", minutes=10)
    Record.objects.filter(object_id=ada.uuid.hex, target="saas").update(owed_since=protect.clock() - timedelta(days=3))
    Record.objects.filter(object_id=eva.uuid.hex, target="partner").update(
        owed_since=protect.clock() - timedelta(hours=4)
    )
    oldest = {name: figures["oldest_unsynced_record"] for name, figures in status().targets.items()}
    assert oldest == {"saas": f"saas:users.user:{ada.uuid.hex}", "partner": f"partner:users.user:{eva.uuid.hex}"}


def test_where_nothing_is_owed_there_is_no_oldest() -> None:
    person(synced_generation=1, owed_since=None, due_at=None)
    assert status().targets["partner"]["oldest_unsynced_record"] == ""


def test_no_more_than_some_are_read_to_find_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oldest_module, "LOOKED_AT", 2)
    moment = protect.clock() - timedelta(minutes=9)
    for phone in "12":
        person(phone, owed_since=moment, parked="invalid")
    last = owed("3", minutes=8)
    assert oldest_module.oldest("partner", moment) == ""
    assert oldest_module.oldest("partner", moment + timedelta(seconds=1)) == row_of(last).key


# -- how it is sent to -------------------------------------------------------------------------------


def test_a_target_that_is_well_says_so(web: Client) -> None:
    assert [fact(web, label) for label in ("Breaker", "Pause", "Silence", "Rate")] == [
        "closed", "none", "none", "no limit",
    ]  # fmt: skip
    assert "Next probe" not in html(web)


@pytest.mark.parametrize(("seconds", "left"), [(20, "20 seconds"), (1, "1 second"), (200, "3 minutes")])
def test_a_silence_is_counted_down_with_its_reason(seconds: float, left: str) -> None:
    assert at_the_moment("Silence", seconds_later=seconds) == f"{left} left: it asked for silence"
    in_trouble = at_the_moment("Silence", seconds_later=seconds, breaker="open")
    assert in_trouble == f"{left} left: it is in trouble, and tried again then"


def test_the_next_probe_is_counted_down() -> None:
    assert at_the_moment("Next probe", seconds_later=20) == "in 20 seconds"


def test_a_silence_that_was_asked_for_is_on_the_page(web: Client) -> None:
    stands(blocked_until=in_a_while())
    assert fact(web, "Silence").endswith(" left: it asked for silence")
    assert "Next probe" not in html(web)


@pytest.mark.parametrize(
    "columns", [{"breaker": "open"}, {"paused": True, "paused_by_guard": True}], ids=["breaker", "turned away"]
)
@pytest.mark.parametrize("address", [PAGE, OF_TARGET])
def test_a_target_in_trouble_says_when_it_is_probed_next(web: Client, columns: dict[str, Any], address: str) -> None:
    stands(**columns, blocked_until=in_a_while())
    assert re.fullmatch(r"in \d+ (minutes|seconds)", fact(web, "Next probe", address))
    assert fact(web, "Silence", address).endswith(" left: it is in trouble, and tried again then")


def test_once_that_moment_has_come_it_is_probed_as_soon_as_it_can_be(web: Client) -> None:
    stands(breaker="open", blocked_until=protect.clock() - timedelta(seconds=1))
    assert fact(web, "Next probe") == "as soon as something is due"


def test_a_target_that_a_person_has_paused_is_not_probed(web: Client) -> None:
    stands(paused=True, breaker="open", blocked_until=in_a_while())
    assert (fact(web, "Pause"), fact(web, "Breaker")) == ("paused", "open")
    assert status().targets["partner"]["next_probe_at"] is None


def test_the_rate_in_use_is_told(web: Client, partner: Callable[..., None]) -> None:
    partner(rate_per_second=50.0)
    stands(rate_limit=12.5, rate_set_at=protect.clock(), rate_climb=0.0)
    assert fact(web, "Rate") == "12.5 calls a second at most"


# -- the last hour and day ---------------------------------------------------------------------------


def test_the_last_hour_stands_beside_the_last_day(web: Client) -> None:
    totals = Totals()
    now = protect.clock().timestamp()
    totals.marks = [
        Mark(now - 86_500, 0, 0, {}),
        Mark(now - 3_700, 100, 90, {"ok": 100, "rejected": 4}),
        Mark(now, 150, 140, {}),
    ]
    totals.changes.count, totals.changes.in_time = 150, 139
    totals.outcomes |= {"ok": 150, "transient": 2, "rejected": 5}
    KeptTotals.objects.create(pk=1, body={"partner": asdict(totals)})
    assert (
        "last hour last 24 hours acknowledged 50 150 percent in time 98.0 % 92.6 % "
        "failed 3 7 failed by outcome 1 rejected, 2 try again 5 rejected, 2 try again" in said(web)
    )


def test_what_in_time_means_is_told(web: Client, settings: Any) -> None:
    settings.SYNC_OBJECTIVE_SECONDS, settings.SYNC_OBJECTIVE_REMOVAL_SECONDS = 300.0, 30.0
    assert "In time: a change within 5 minutes, a removal within 30 seconds. It should be 95 %." in said(web)


# -- what waits for people ---------------------------------------------------------------------------


def test_how_many_changes_are_held_is_grouped(web: Client) -> None:
    seen = Seen()
    entry = status(seen).targets["partner"] | {"held": 1_234}

    told = {each.label: each.text for each in facts("partner", entry, seen)}

    assert told["Held changes"] == "1,234 wait for a person"


def test_held_changes_lead_to_where_one_decides(web: Client) -> None:
    assert fact(web, "Held changes") == '<a href="/admin/thirdparty/target/partner/brake/">none</a>'
    person(parked=HELD_BY_BRAKE, due_at=None)
    assert links(web)["1 waits for a person"] == "/admin/thirdparty/target/partner/brake/"


def audited(*, hours_ago: float, **columns: Any) -> None:
    at = protect.clock() - timedelta(hours=hours_ago)
    given = {"target": "partner", "kind": "users.user", "lists": True, "looks_up": True, "phase": "ended"}
    Audit.objects.create(**given | {"started_at": at, "finished_at": at, "due_at": at} | columns)


def test_the_last_audit_and_the_certificate_are_one_click_away(web: Client) -> None:
    audited(hours_ago=5)
    assert fact(web, "Last audit") == '<a href="/admin/thirdparty/audit/?target=partner">5 hours ago</a>'
    assert fact(web, "Certificate") == '<a href="/admin/thirdparty/audit/certificate/partner/">5 hours ago</a>'


def test_before_the_first_audit_there_is_neither(web: Client) -> None:
    assert "none yet" in fact(web, "Last audit")
    assert fact(web, "Certificate") == "none yet"


def test_an_audit_that_could_not_be_finished_takes_nothing_from_the_one_before(web: Client) -> None:
    audited(hours_ago=5)
    audited(hours_ago=1, failure="it cannot be listed")
    assert "could not be finished" in fact(web, "Last audit")
    assert "5 hours ago" in fact(web, "Certificate")


def test_a_certificate_that_has_expired_says_so(web: Client, settings: Any) -> None:
    settings.SYNC_AUDIT_EVERY_HOURS = 24.0
    audited(hours_ago=49)
    assert "expired: 2 days ago" in fact(web, "Certificate")

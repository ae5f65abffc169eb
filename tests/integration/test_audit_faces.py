"""Audits on the command line, over the API, in the admin, in the status and in the explanation of a record."""

from __future__ import annotations

import io
import json
from io import StringIO
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command
from django.test import Client
from rest_framework.test import APIClient

from tests.integration.conftest import converge, held_records, row_of, wanted_records
from tests.integration.test_audit import BY_LOOK_UP, Offer, audited, finished, offer, people, remote
from thirdparty import audit_finished, protect
from thirdparty.audit import runner
from thirdparty.connectors.base import Page
from thirdparty.connectors.landcloud.connector import LandcloudConnector
from thirdparty.management.sync import audit as audit_command
from thirdparty.models import Audit, Finding
from thirdparty.notify import hints
from thirdparty.observe.explain import explain
from thirdparty.observe.status import status
from thirdparty.sandbox.client import SandboxControl
from users.models import User
from users.synced import person

pytestmark = pytest.mark.django_db(transaction=True)
__all__ = ["offer"]

AUDITS = "/api/v1/sync/audits/"


@pytest.fixture
def drifted(sandbox: SandboxControl, offer: Offer) -> tuple[User, User]:
    """Two of five are not as they are to be: one was edited, one was removed; and a stranger has been added."""
    first, second, *_others = people(5)
    sandbox.edit(remote(sandbox, first), phone="999")
    sandbox.delete(remote(sandbox, second))
    sandbox.create(username="stranger", name="Stranger", phone="1")
    return first, second


@pytest.fixture
def api() -> APIClient:
    client = APIClient(raise_request_exception=False)
    client.force_authenticate(User.objects.create_superuser("root"))
    return client


def sync(*args: str) -> str:
    out = io.StringIO()
    call_command("sync", *args, stdout=out)
    return out.getvalue()


def staff(*rights: str) -> User:
    account = User.objects.create_superuser("staff")
    account.is_superuser = False
    account.save()
    account.user_permissions.set(Permission.objects.filter(codename__in=rights))
    return account


def test_the_command_reports_and_changes_nothing(drifted: tuple[User, User], sandbox: SandboxControl) -> None:
    printed = sync("audit", "--target", "partner")
    assert "users.user at partner: 3 equal, 1 missing, 1 differing, 1 extra; " in printed
    assert row_of(drifted[0]).key in printed
    assert len(sandbox.users()) == 5


def test_the_command_mends_where_it_is_told_to(drifted: tuple[User, User], sandbox: SandboxControl) -> None:
    assert "owed again" in sync("audit", "--target", "partner", "--apply")
    converge()
    held = [each for each in held_records(sandbox) if each["username"] != "stranger"]
    assert held == wanted_records()


def test_the_command_prints_json(drifted: tuple[User, User]) -> None:
    (audit,) = json.loads(sync("audit", "--target", "partner", "--kind", "users.user", "--json"))
    assert audit["counts"] == {
        "equal": 3, "missing": 1, "differing": 1, "extra": 1, "altered": 0, "left": 0, "not_comparable": 0,
    }  # fmt: skip
    assert sorted(finding["verdict"] for finding in audit["findings"]) == ["differing", "extra", "missing"]


def test_the_command_goes_on_with_one_that_was_stopped(drifted: tuple[User, User]) -> None:
    audit = runner.begin("partner", "users.user")
    runner.go_on(audit.pk, seconds=5, most_calls=1)
    sync("audit", "--target", "partner", "--resume")
    assert Audit.objects.get().failure == ""
    sync("audit", "--target", "partner")
    assert Audit.objects.count() == 2


def test_the_command_keeps_who_asked_for_an_audit(drifted: tuple[User, User]) -> None:
    boss = User.objects.create_user(name="Boss", phone="8", is_staff=True)
    boss.user_permissions.set(Permission.objects.filter(codename="decide_record"))

    sync("audit", "--target", "partner", "--by", boss.username)
    sync("audit", "--target", "partner")

    assert list(Audit.objects.order_by("pk").values_list("by", flat=True)) == ["boss8", "command line"]


def test_an_audit_that_somebody_else_goes_on_with_keeps_who_began_it(drifted: tuple[User, User]) -> None:
    runner.begin("partner", "users.user", by="night shift")
    User.objects.create_superuser("root")

    sync("audit", "--target", "partner", "--resume", "--by", "root")

    assert Audit.objects.get().by == "night shift"


def test_the_command_begins_nothing_for_an_account_that_may_not_or_is_none(drifted: tuple[User, User]) -> None:
    clerk = User.objects.create_user(name="Clerk", phone="8", is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename="view_record"))

    with pytest.raises(CommandError, match=r"permission thirdparty\.decide_record"):
        sync("audit", "--target", "partner", "--by", clerk.username)
    with pytest.raises(CommandError, match="--by nobody: there is no such account"):
        sync("audit", "--target", "partner", "--by", "nobody")
    assert not Audit.objects.exists()


def test_the_command_says_what_could_not_be_finished(
    drifted: tuple[User, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LandcloudConnector, "page", lambda *_, **__: Page((), None))
    with pytest.raises(CommandError, match=r"could not be finished: users.user: the listing ended early"):
        sync("audit", "--target", "partner")


def test_the_command_refuses_a_kind_that_there_is_not_and_a_target_without_means(offer: Offer) -> None:
    with pytest.raises(CommandError, match=r"is to hold no 'shop.order'; it holds users.user"):
        sync("audit", "--target", "partner", "--kind", "shop.order")
    offer()
    with pytest.raises(CommandError, match=r"can neither be listed nor be asked about a record"):
        sync("audit", "--target", "partner")


def test_an_audit_is_begun_over_the_api_and_its_findings_are_listed(
    api: APIClient, drifted: tuple[User, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []
    monkeypatch.setattr(hints, "go_on_with_audit", lambda *message: told.append(message))
    answer = api.post(AUDITS, {"target": "partner"}, format="json")
    assert answer.status_code == 202
    (begun,) = answer.data
    assert (begun["by"], begun["mends"], begun["finished_at"], len(told)) == ("root", False, None, 1)
    finished(Audit.objects.get())
    shown = api.get(f"{AUDITS}{begun['id']}/").data
    assert shown["counts"]["differing"] == 1
    assert [each["id"] for each in api.get(AUDITS, {"target": "partner"}).data["results"]] == [begun["id"]]
    first = api.get(f"{AUDITS}{begun['id']}/findings/", {"page_size": 2})
    second = api.get(first.data["next"])
    verdicts = [each["verdict"] for page in (first, second) for each in page.data["results"]]
    assert sorted(verdicts) == ["differing", "extra", "missing"]
    (only,) = api.get(f"{AUDITS}{begun['id']}/findings/", {"verdict": "differing"}).data["results"]
    assert (only["record"], only["fields"], only["ahead"]) == (row_of(drifted[0]).key, ["phone"], "theirs")


@pytest.mark.parametrize(
    "body",
    [{}, {"target": "nowhere"}, {"target": "partner", "kind": "shop.order"}, {"target": "partner", "apply": True}],
)
def test_what_cannot_be_audited_is_refused_by_name(api: APIClient, offer: Offer, body: dict[str, Any]) -> None:
    assert api.post(AUDITS, body, format="json").status_code == 400
    assert not Audit.objects.exists()


def test_a_target_without_means_is_refused_over_the_api(api: APIClient, offer: Offer) -> None:
    offer()
    assert api.post(AUDITS, {"target": "partner"}, format="json").status_code == 400


@pytest.mark.parametrize("address", ["999/", "999/findings/", "99999999999999999999999/"])
def test_an_audit_that_there_is_not_is_not_found(api: APIClient, offer: Offer, address: str) -> None:
    assert api.get(f"{AUDITS}{address}").status_code == 404


def test_who_may_see_records_sees_audits_and_begins_none(drifted: tuple[User, User]) -> None:
    audit = audited()
    client = APIClient()
    client.force_authenticate(staff("view_record"))
    assert client.get(f"{AUDITS}{audit.pk}/findings/").status_code == 200
    assert client.post(AUDITS, {"target": "partner"}, format="json").status_code == 403
    client.force_authenticate(staff_without_rights())
    assert client.get(AUDITS).status_code == 403


def staff_without_rights() -> User:
    account = User.objects.get(username="staff")
    account.user_permissions.clear()
    return User.objects.get(pk=account.pk)


def test_the_admin_shows_audits_and_findings_and_has_them_mended(
    drifted: tuple[User, User], sandbox: SandboxControl
) -> None:
    audit = audited()
    web = Client()
    web.force_login(User.objects.create_superuser("root"))
    assert "3 equal" in web.get("/admin/thirdparty/audit/").content.decode()
    assert web.get(f"/admin/thirdparty/audit/{audit.pk}/change/").status_code == 200
    page = web.get("/admin/thirdparty/finding/", {"audit": audit.pk, "verdict": "differing"}).content.decode()
    assert row_of(drifted[0]).key in page
    assert "nobody" not in page
    chosen = list(Finding.objects.values_list("pk", flat=True))
    answer = web.post("/admin/thirdparty/finding/", {"action": "mend_these", "_selected_action": chosen}, follow=True)
    assert "2 records are owed again" in answer.content.decode()
    converge()
    assert len(sandbox.users()) == 6
    assert [entry.get_change_message() for entry in LogEntry.objects.all()] == [
        "2 records owed again for what was found"
    ]


def test_the_targets_page_leads_to_its_audits_and_its_certificate(drifted: tuple[User, User]) -> None:
    audited()
    web = Client()
    web.force_login(staff("view_record", "view_target"))
    page = web.get("/admin/thirdparty/target/partner/change/").content.decode()
    for address in ("/admin/thirdparty/audit/?target=partner", "/admin/thirdparty/audit/certificate/partner/"):
        assert address in page
        assert web.get(address).status_code == 200


def test_the_menu_leads_to_audits_and_findings(drifted: tuple[User, User]) -> None:
    web = Client()
    web.force_login(staff("view_record"))
    page = web.get("/admin/").content.decode()
    assert 'href="/admin/thirdparty/audit/"' in page
    assert 'href="/admin/thirdparty/finding/"' in page


def test_who_may_only_see_may_not_mend_in_the_admin(drifted: tuple[User, User]) -> None:
    audited()
    web = Client()
    web.force_login(staff("view_record"))
    assert web.get("/admin/thirdparty/finding/").status_code == 200
    chosen = list(Finding.objects.values_list("pk", flat=True))
    web.post("/admin/thirdparty/finding/", {"action": "mend_these", "_selected_action": chosen})
    assert not Finding.objects.filter(mended_at__isnull=False).exists()


def test_what_has_changed_since_it_was_found_is_not_mended(drifted: tuple[User, User]) -> None:
    from thirdparty.decisions import audits

    audited()
    User.objects.filter(pk=drifted[0].pk).update(phone="5")
    assert audits.mend(Finding.objects.all()) == 1
    assert Finding.objects.get(verdict="differing").mended_at is None


def test_the_status_tells_when_and_what_the_last_audit_found(drifted: tuple[User, User]) -> None:
    entry = status().targets["partner"]
    assert (entry["audit_age_seconds"], entry["drift"]) == (None, 0)
    audited()
    now = status()
    assert 0 <= now.targets["partner"]["audit_age_seconds"] < 60
    assert now.targets["partner"]["drift"] == 2
    assert [reason.sentence for reason in now.reasons if reason.code == "drift"] == [
        "The last audit found 2 records that are not as they were acknowledged: 1 missing, 1 differing."
    ]
    audited(mends=True)
    assert status().targets["partner"]["drift"] == 0


def test_the_status_tells_why_the_last_audit_could_not_be_finished(
    drifted: tuple[User, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LandcloudConnector, "page", lambda *_, **__: Page((), None))
    audited()
    entry = status().targets["partner"]
    assert entry["audit_failure"].startswith("users.user: the listing ended early")
    assert entry["drift"] == 0


def test_an_audit_that_made_way_for_another_is_no_failure(drifted: tuple[User, User]) -> None:
    runner.begin("partner", "users.user")
    runner.begin("partner", "users.user")
    assert status().targets["partner"]["audit_failure"] == ""


def test_an_explanation_shows_what_an_audit_found_until_it_is_mended(drifted: tuple[User, User], offer: Offer) -> None:
    offer(*BY_LOOK_UP)
    first = person(drifted[0].uuid)
    audited(mends=True)
    (explanation,) = explain(first)
    assert "an audit found it differing" in explanation.audit_note
    assert explanation.as_json()["finding"]["fields"] == ["phone"]
    converge()
    (explanation,) = explain(first)
    assert explanation.as_json()["finding"] is None


def test_an_application_is_told_what_an_audit_found(drifted: tuple[User, User]) -> None:
    news: list[Any] = []

    def listens(sender: str, **told: Any) -> None:
        news.append((sender, told["kind"], told["counts"]["differing"], told["failure"]))

    audit_finished.connect(listens)
    try:
        audited()
    finally:
        audit_finished.disconnect(listens)
    assert news == [("partner", "users.user", 1, "")]


def test_the_command_waits_for_a_target_that_is_paused(monkeypatch: pytest.MonkeyPatch) -> None:
    people(2)
    protect.pause("partner", "maintenance there")
    waited: list[float] = []

    def wait(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 3:
            protect.resume("partner")

    monkeypatch.setattr(audit_command, "time", SimpleNamespace(sleep=wait))
    out = StringIO()
    call_command("sync", "audit", "--target", "partner", stdout=out)
    assert len(waited) == 3
    assert "2 equal" in out.getvalue()

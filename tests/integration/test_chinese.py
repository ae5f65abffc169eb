"""Who reads Chinese gets Chinese: the admin's pages and the reasons of the API."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import Client
from django.utils import timezone, translation

from thirdparty import targets
from thirdparty.capture import versions
from thirdparty.models import Audit, Declaration, Finding, Record, Target
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def web(at_work: None) -> Iterator[Client]:
    targets.publish_rows()
    client = Client(headers={"accept-language": "zh-CN,zh;q=0.9"})
    client.force_login(User.objects.create_superuser("root"))
    User.objects.create_user(name="张伟", phone="1")
    Record.objects.update(parked="unmapped_role", due_at=None)
    Target.objects.update(breaker="open", breaker_since=timezone.now(), failed_for="refused")
    yield client
    translation.deactivate()  # each request chooses its own; what comes after the last one does not


def test_the_first_page(web: Client) -> None:
    page = web.get("/admin/").content.decode()
    assert "不正常" in page
    assert "partner 上的人员共 1，其中 1 不一致" in page
    assert "起它拒绝连接" in page
    assert "已搁置" in page
    assert "失败原因" in page


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("/admin/thirdparty/record/causes/", "重试这些"),
        ("/admin/thirdparty/target/partner/pause/", "是，暂停"),
        ("/admin/thirdparty/target/partner/brake/", "没有拦住任何内容"),
        ("/admin/thirdparty/audit/", "核对"),
        ("/admin/thirdparty/finding/", "核对发现"),
        ("/admin/users/user/", "人员"),
        ("/admin/thirdparty/record/?sync_state=parked", "最近的错误"),
    ],
)
def test_other_pages(web: Client, address: str, words: str) -> None:
    assert words in web.get(address).content.decode()


def test_another_version_of_a_declaration(web: Client) -> None:
    Declaration.objects.update(version=7)
    told = web.get("/api/v1/sync/status/").json()["reasons"]
    assert any("本进程的 users.user 声明是版本 1，数据库中是 7" in each["sentence"] for each in told)
    assert "the database has 7: restart it" in str(versions.differences()[0])


def test_why_a_finding_could_not_be_compared(web: Client) -> None:
    now = timezone.now()
    audit = Audit.objects.create(
        target="partner", kind="users.user", lists=True, looks_up=True, started_at=now, finished_at=now, phase="ended", due_at=now
    )  # fmt: skip
    Finding.objects.create(
        audit=audit, target="partner", kind="users.user", record=Record.objects.get().key, verdict="not_comparable",
        reason="it is parked (unmapped_role)", seen_at=now, confirmed_at=now,
    )  # fmt: skip
    assert "它已搁置 (unmapped_role)" in web.get("/admin/thirdparty/finding/").content.decode()


def test_the_reasons_of_the_api(web: Client) -> None:
    told = web.get("/api/v1/sync/status/").json()["reasons"]
    assert "拒绝连接" in told[0]["sentence"]
    told = web.get("/api/v1/sync/status/", headers={"accept-language": "en"}).json()["reasons"]
    assert "refused connections" in told[0]["sentence"]

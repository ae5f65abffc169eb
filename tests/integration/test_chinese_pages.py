"""No English is left on the pages that are read in Chinese, whatever the rows say: whoever forgets to mark a text is told here.

Unlike `tests.unit.test_translations`, which reads what is marked, this reads what is shown.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.utils import quote
from django.core.files.base import ContentFile
from django.test import Client
from django.urls import reverse
from django.utils import translation

from tests.integration import every_state
from tests.integration.shown import shown
from thirdparty.models import Record
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)

CODES = [
    "parked",
    "behind",
    "drift",
    "altered",
    "refused",
    "timeout",
    "busy",
    "crashed",
    "blocked",
    "brake",
    "invalid",
    "stale",
    "paused",
    "failing",
    "rejected",
]
"""Short words of the engine that stand beside what they mean, and that people look for in the documents."""
NAMES = [
    "usersync",
    "partner",
    "users",
    "user",
    "thirdparty",
    "person",
    "landcloud",
    "root",
    "webhook",
    "name",
    "phone",
    "email",
    "username",
    "groups",
    "key",
    "id",
    "error",
    "HTTP",
    "HTTPS",
    "CSV",
    "JSON",
    "API",
    "UTC",
    "GB",
    "UTF",
    "TLS",
    "MB",
    "MiB",
    "uuid",
    "UUID",
    "worker",
    "beat",
    "web",
    "sync",
    "manage",
    "py",
    "migrate",
    "import",
    "trial",
    "release",
    "audit",
    "target",
    "ms",
    "esc",
    "Control",
    "Command",
    "Mac",
    "CONNECT",
    "watch",
    "references",
    "all",
    "query",
    "userId",
    "roleIds",
    "version",
    "status",
    "next",
    "true",
    "false",
    "null",
    "SYNC_TARGETS",
    "CELERY_BROKER_URL",
    "docs",
    "operations",
    "md",
]
"""Of the product, its parts, commands, formats and units; of keys on a keyboard; of fields as the target calls them; of the rows themselves."""
ALLOWED = {word.lower() for word in (*CODES, *NAMES)}
_NO_WORDS = re.compile(r"[\w.:-]*/[\w./-]*|User_groups object|[0-9a-f]{8}-[0-9a-f-]{27}", re.ASCII)
"""Addresses, paths and uuids, and what Django calls a row without a name."""
FEW = 12
"""So many objects of each list have their pages opened."""


@pytest.fixture
def web(at_work: None, settings: Any) -> Iterator[Client]:
    every_state.targets_of(settings)
    operator = User.objects.create_superuser("root", name="管理员")
    every_state.make(operator)
    client = Client(headers={"accept-language": "zh-hans"})
    client.force_login(operator)
    yield client
    translation.deactivate()  # each request chooses its own; what comes after the last one does not


def addresses() -> Iterator[str]:
    """Of every page of every list, and those that stand beside them."""
    for model, pages in admin.site._registry.items():
        yield from of_list(pages, f"admin:{model._meta.app_label}_{model._meta.model_name}")
    for app in ("thirdparty", "users", "auth"):
        yield reverse("admin:app_list", args=[app])
    for name in ("index", "password_change", "thirdparty_record_causes", "users_user_import_people"):
        yield reverse(f"admin:{name}")
    for name, target in itertools.product(("pause", "resume", "follow", "brake"), ("partner", "t6")):
        yield reverse(f"admin:thirdparty_target_{name}", args=[target])
    yield reverse("admin:thirdparty_certificate", args=["partner"])
    yield f"{reverse('admin:thirdparty_record_retry')}?target=partner&kind=users.user&cause=identity_conflict&state=parked"
    for record in Record.objects.filter(target="partner"):
        yield f"{reverse('admin:thirdparty_record_change', args=[quote(record.pk)])}?ask=1"
    yield "/admin/nothing/at/all/"


def of_list(pages: admin.ModelAdmin[Any], name: str) -> Iterator[str]:
    listed = reverse(f"{name}_changelist")
    yield from (listed, f"{listed}?q=7", f"{listed}?all=", reverse(f"{name}_add"))
    for each, page in itertools.product(pages.model._default_manager.all()[:FEW], ("change", "history", "delete")):
        yield reverse(f"{name}_{page}", args=[quote(each.pk)])


def english(text: str) -> list[str]:
    """The words of it that nobody has allowed. What has an underscore or a digit is a code, or somebody's data."""
    words = re.findall(r"[A-Za-z0-9_]+", _NO_WORDS.sub("", text))
    return [word for word in words if re.fullmatch(r"[A-Za-z]{2,}", word) and word.lower() not in ALLOWED]


def test_every_word_of_ours_is_chinese(web: Client) -> None:
    left: dict[str, list[str]] = {}
    opened = 0
    for address in addresses():
        answer = web.get(address, follow=True)
        opened += answer.status_code == 200
        for text in in_english(answer.content.decode()):
            left.setdefault(text, []).append(address)
    assert opened > 100
    assert left == {}


def test_every_answer_to_what_somebody_does_is_chinese(web: Client) -> None:
    target = reverse("admin:thirdparty_target_brake", args=["partner"])
    parked = Record.objects.get(state="parked").pk
    deeds: list[tuple[str, dict[str, Any]]] = [
        (reverse("admin:thirdparty_target_pause", args=["t4"]), {"confirmed": "yes", "reason": "维护"}),
        (reverse("admin:thirdparty_target_probe", args=["t4"]), {}),
        (reverse("admin:thirdparty_record_look_now", args=[parked]), {}),
        (reverse("admin:thirdparty_record_decide", args=[parked]), {"deed": "adopt", "seen": 1, "reason": "核实"}),
        (reverse("admin:thirdparty_record_decide", args=[parked]), {"deed": "retry", "seen": 77, "reason": "核实"}),
        (reverse("admin:thirdparty_record_decide", args=[parked]), {}),
        (target, {}),
        (target, {"decision": "reject", "reason": "核实", "until": "2000-01-01T00:00:00.0+0000", "record": "7"}),
        (reverse("admin:users_user_add"), {"name": "", "phone": "x", "email": "y"}),
        (reverse("admin:users_user_add"), {"name": "王芳", "phone": "1", "is_active": "on", "consistency": "strict"}),
        (reverse("admin:users_user_import_people"), {"file": ContentFile(b"email\n", "people.csv")}),
        (reverse("admin:users_user_import_people"), {"file": ContentFile("name,phone\n张伟,x\n,7\n".encode(), "people.csv")}),
    ]  # fmt: skip
    left = {}
    for address, form in deeds:
        answer = web.post(address, form, follow=True)
        assert answer.status_code == 200, address
        left |= dict.fromkeys(in_english(answer.content.decode()), address)
    assert left == {}


def in_english(page: str) -> list[str]:
    """The texts of a page that are not Chinese."""
    assert '<html lang="zh-hans"' in page
    return [text for text in shown(page) if english(text)]

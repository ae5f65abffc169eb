"""Who sees and does what on the pages of operators (brake, audits, causes, targets): every account on every entry.

Each case does one thing and looks at the database: it happened just where the rules, written down here once more, allow it.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command
from django.db.models.functions import Now
from django.test import Client
from django.utils import timezone

from thirdparty import targets
from thirdparty.audit import runner
from thirdparty.decide.brake import HELD_BY_BRAKE
from thirdparty.models import Attempt, Audit, Brake, BrakeDecision, BrakeEntry, Finding, Record, Target
from thirdparty.models.audit import Phase, Verdict
from thirdparty.protect import Probe
from thirdparty.run import pause
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)
ADMIN, API = "/admin/thirdparty/", "/api/v1/sync/"
RIGHTS = ["view_record", "decide_record", "release_brake", "view_target", "pause_target"]
EVERYBODY: dict[str, dict[str, Any]] = {
    "stranger": {},
    "person with every permission": {"rights": RIGHTS, "staff": False},
    "inactive staff with every permission": {"rights": RIGHTS, "active": False},
    "staff with every permission": {"rights": RIGHTS},
    "operator": {"rights": RIGHTS, "operator": True},
}
ALONE: dict[str, dict[str, Any]] = {
    "staff without any": {"rights": []},
    **{f"staff with {right} alone": {"rights": [right]} for right in RIGHTS},
    "read-only staff": {"rights": ["view_record", "view_target"]},
}
SEES = ("view_record", "decide_record", "release_brake")
DECIDES, RELEASES = ("decide_record",), ("release_brake",)
SEES_TARGETS, PAUSES = ("view_target", "pause_target"), ("pause_target",)


@dataclass(frozen=True)
class Entry:
    """``does`` tries; ``happened`` looks, None where ``does`` says so itself; it takes any of ``takes``."""

    does: Callable[[Client, User | None], Any]
    happened: Callable[[], bool] | None
    takes: tuple[str, ...]


def page(path: str) -> Callable[[Client, User | None], bool]:
    """Whether it is shown."""
    return lambda web, _: web.get(path.replace("{audit}", str(Audit.objects.get().pk))).status_code == 200


def post(path: str, **fields: Any) -> Callable[[Client, User | None], Any]:
    def send(web: Client, _: User | None) -> Any:
        given = {name: value() if callable(value) else value for name, value in fields.items()}
        as_json = {"content_type": "application/json"} if path.startswith(API) else {}
        return web.post(path, given, **as_json)

    return send


def command(*words: str) -> Callable[[Client, User | None], None]:
    def call(_: Client, account: User | None) -> None:
        try:
            name = account.username if account is not None else "nobody"
            call_command("sync", *words, "--by", name, stdout=io.StringIO())
        except CommandError:
            return

    return call


def is_released() -> bool:
    return BrakeDecision.objects.filter(rejected=False).exists() and not Record.objects.filter(state="held").exists()


def is_rejected() -> bool:
    return BrakeDecision.objects.filter(rejected=True).exists()


def is_retried() -> bool:
    return not Record.objects.filter(parked="invalid").exists()


def is_mended() -> bool:
    return Finding.objects.filter(mended_at__isnull=False).exists()


def is_begun() -> bool:
    return Audit.objects.count() > 1


def is_paused() -> bool:
    return Target.objects.filter(name="partner", paused=True).exists()


def is_resumed() -> bool:
    return Target.objects.filter(name="saas", paused=False).exists()


def is_retired() -> bool:
    return Target.objects.filter(name="saas", retired=True).exists()


def is_probed() -> bool:
    return Target.objects.filter(name="partner", paused_reason="probed").exists()


def is_owed_again() -> bool:
    return not Record.objects.filter(target="partner", synced_generation=1, generation=1).exists()


def is_tried() -> bool:
    return Attempt.objects.exists()


def is_followed() -> bool:
    return bool(Target.objects.get(name="partner").raised == {"users.user": None})


def on_trial(does: Callable[[Client, User | None], Any]) -> Callable[[Client, User | None], Any]:
    """The same, while a new version is tried on a sample."""

    def tried(web: Client, account: User | None) -> Any:
        Target.objects.filter(name="partner").update(raised={"users.user": 1.0})
        return does(web, account)

    return tried


def push(web: Client, account: User | None) -> None:
    """Of the record that was refused."""
    command("push", Record.objects.get(parked="invalid").object_id)(web, account)


def findings() -> list[int]:
    return list(Finding.objects.values_list("pk", flat=True))


def until() -> str:
    return timezone.now().strftime("%Y-%m-%dT%H:%M:%S.%f%z")


ONE_CAUSE = f"{ADMIN}record/causes/retry/?target=partner&cause=invalid&state=parked"
ENTRIES = {
    "see the front page's figures": Entry(
        lambda web, _: "sync-columns" in web.get("/admin/").content.decode(), None, SEES
    ),
    "see the status, API": Entry(page(f"{API}status/"), None, SEES),
    "see the records": Entry(page(f"{ADMIN}record/"), None, SEES),
    "see the records, API": Entry(page(f"{API}records/"), None, SEES),
    "export the records": Entry(page(f"{ADMIN}record/export/"), None, SEES),
    "see the causes": Entry(page(f"{ADMIN}record/causes/"), None, SEES),
    "see the brake": Entry(page(f"{ADMIN}target/partner/brake/"), None, SEES),
    "see the brake, API": Entry(page(f"{API}targets/partner/brake/"), None, SEES),
    "see the audits": Entry(page(f"{ADMIN}audit/"), None, SEES),
    "see an audit": Entry(page(f"{ADMIN}audit/{{audit}}/change/"), None, SEES),
    "see the audits, API": Entry(page(f"{API}audits/"), None, SEES),
    "see an audit, API": Entry(page(f"{API}audits/{{audit}}/"), None, SEES),
    "see the findings": Entry(page(f"{ADMIN}finding/"), None, SEES),
    "see the findings, API": Entry(page(f"{API}audits/{{audit}}/findings/"), None, SEES),
    "see a certificate": Entry(page(f"{ADMIN}audit/certificate/partner/"), None, SEES),
    "see the attempts": Entry(page(f"{ADMIN}attempt/"), None, SEES),
    "see the alerts": Entry(page(f"{ADMIN}alert/"), None, SEES),
    "see the targets": Entry(page(f"{ADMIN}target/"), None, SEES_TARGETS),
    "see a target": Entry(page(f"{ADMIN}target/partner/change/"), None, SEES_TARGETS),
    "release": Entry(
        post(f"{ADMIN}target/partner/brake/", decision="release", change="", reason="x", until=until),
        is_released, RELEASES,
    ),
    "release, API": Entry(post(f"{API}targets/partner/brake/", decision="release", reason="x"), is_released, RELEASES),
    "release, command": Entry(command("release", "partner", "--reason", "x"), is_released, RELEASES),
    "reject": Entry(
        post(f"{ADMIN}target/partner/brake/", decision="reject", change="", reason="x", until=until),
        is_rejected, RELEASES,
    ),
    "reject, API": Entry(post(f"{API}targets/partner/brake/", decision="reject", reason="x"), is_rejected, RELEASES),
    "reject, command": Entry(command("release", "partner", "--reject", "--reason", "x"), is_rejected, RELEASES),
    "retry these": Entry(post(ONE_CAUSE, confirmed="yes"), is_retried, DECIDES),
    "retry these, command": Entry(command("retry", "--target", "partner", "--cause", "invalid"), is_retried, DECIDES),
    "pause, command": Entry(command("pause", "partner", "--reason", "x"), is_paused, PAUSES),
    "resume, command": Entry(command("resume", "saas"), is_resumed, PAUSES),
    "retire, command": Entry(command("retire", "saas", "--reason", "x"), is_retired, PAUSES),
    "mend these": Entry(
        post(f"{ADMIN}finding/", action="mend_these", _selected_action=findings), is_mended, DECIDES
    ),
    "begin an audit, API": Entry(post(f"{API}audits/", target="partner"), is_begun, DECIDES),
    "begin an audit, command": Entry(command("audit", "--target", "partner"), is_begun, DECIDES),
    "pause": Entry(post(f"{ADMIN}target/partner/pause/", confirmed="yes", reason="x"), is_paused, PAUSES),
    "pause from the list": Entry(
        post(f"{ADMIN}target/", action="pause_selected", _selected_action="partner", confirmed="yes", reason="x"),
        is_paused, PAUSES,
    ),
    "resume": Entry(post(f"{ADMIN}target/saas/resume/", confirmed="yes", reason="x"), is_resumed, PAUSES),
    "pause, API": Entry(post(f"{API}targets/partner/pause/", reason="x"), is_paused, PAUSES),
    "resume, API": Entry(post(f"{API}targets/saas/resume/", reason="x"), is_resumed, PAUSES),
    "backfill, command": Entry(command("backfill", "--target", "partner"), is_owed_again, DECIDES),
    "push, command": Entry(push, is_tried, DECIDES),
    "let the others follow": Entry(
        on_trial(post(f"{ADMIN}target/partner/follow/", confirmed="yes", reason="x")), is_followed, DECIDES
    ),
    "let the others follow, command": Entry(
        on_trial(command("trial", "partner", "--follow", "--reason", "x")), is_followed, DECIDES
    ),
    "probe now": Entry(post(f"{ADMIN}target/partner/probe/"), is_probed, PAUSES),
}  # fmt: skip


DEEDS = {name: entry for name, entry in ENTRIES.items() if entry.happened is not None}


def doers(entry: Entry) -> dict[str, dict[str, Any]]:
    """Who tries a deed: staff with just what it takes, and with all but that, which no other permission makes up for."""
    others = [right for right in RIGHTS if right not in entry.takes]
    return {
        **EVERYBODY,
        **{who: account for who, account in ALONE.items() if set(account["rights"]) & set(entry.takes)},
        f"staff with every permission but {' and '.join(entry.takes)}": {"rights": others},
    }


def allowed(account: dict[str, Any], entry: Entry) -> bool:
    """The rules, once more and apart from the code."""
    let_in = account.get("staff", "rights" in account) and account.get("active", True)
    return bool(let_in) and any(right in account["rights"] for right in entry.takes)


@pytest.fixture
def _at_partner(partner: Callable[..., None], settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """One record that the brake holds, one that was refused, one that an audit found to differ; one target that is paused."""
    # Sessions are not what is tried here, and there are many cases.
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
    partner(capabilities=("query", "list"))
    targets.publish_rows()
    Target.objects.create(name="saas", enabled=False, paused=True)
    people = [User.objects.create_user(name="Ada", phone=str(number)) for number in range(3)]
    held, refused, differing = (Record.objects.get(target="partner", object_id=each.uuid.hex) for each in people)
    Record.objects.filter(key=held.key).update(parked=HELD_BY_BRAKE, due_at=None)
    Brake.objects.update_or_create(target="partner", defaults={"latched_at": Now(), "reason": "too much"})
    BrakeEntry.objects.create(record=held.key, target="partner", change="delete", held=True, at=Now())
    Record.objects.filter(key=refused.key).update(parked="invalid", due_at=None)
    Record.objects.filter(key=differing.key).update(
        synced_generation=1, owed_since=None, due_at=None, remote_id="1", synced_at=Now()
    )
    audit = Audit.objects.create(
        target="partner", kind="users.user", lists=True, looks_up=True, phase=Phase.ENDED, started_at=Now(),
        finished_at=Now(), due_at=Now(),
    )  # fmt: skip
    Finding.objects.create(
        audit=audit, target="partner", kind="users.user", record=differing.key, remote_id="1", generation=1, claims=0,
        verdict=Verdict.DIFFERING, fields=["name"], seen_at=Now(), confirmed_at=Now(),
    )  # fmt: skip

    def seen(_: str) -> Callable[[], Probe]:
        Target.objects.filter(name="partner").update(paused_reason="probed")
        return lambda: Probe.NONE

    def ended(audit_id: int, **_: Any) -> Audit:
        Audit.objects.filter(pk=audit_id).update(finished_at=Now(), phase=Phase.ENDED)
        return Audit.objects.get(pk=audit_id)

    # Nobody answers at this target: who may have it asked is tried here, not what it holds.
    monkeypatch.setattr(pause.protect, "in_doubt", seen)
    monkeypatch.setattr(runner, "go_on", ended)


def account_of(made: dict[str, Any]) -> User | None:
    if "rights" not in made:
        return None
    user = User.objects.create(
        name="Account", username="account", is_staff=made.get("staff", True), is_active=made.get("active", True),
        is_superuser=made.get("operator", False),
    )  # fmt: skip
    user.user_permissions.set(
        Permission.objects.filter(codename__in=made["rights"], content_type__app_label="thirdparty")
    )
    return user


@pytest.mark.usefixtures("_at_partner")
@pytest.mark.parametrize("who", EVERYBODY | ALONE)
def test_each_page_is_shown_just_where_the_rules_allow_it(who: str) -> None:
    made = (EVERYBODY | ALONE)[who]
    account = account_of(made)
    web = Client(raise_request_exception=False)
    if account is not None:
        web.force_login(account)
    seeing = {name: entry for name, entry in ENTRIES.items() if entry.happened is None}

    shown = {name for name, entry in seeing.items() if entry.does(web, account)}

    assert shown == {name for name, entry in seeing.items() if allowed(made, entry)}


@pytest.mark.usefixtures("_at_partner")
@pytest.mark.parametrize(("name", "who"), [(name, who) for name, entry in DEEDS.items() for who in doers(entry)])
def test_each_deed_is_done_just_where_the_rules_allow_it(name: str, who: str) -> None:
    entry = DEEDS[name]
    made = doers(entry)[who]
    account = account_of(made)
    web = Client(raise_request_exception=False)
    if account is not None:
        web.force_login(account)
    assert entry.happened is not None
    assert not entry.happened()

    entry.does(web, account)

    assert entry.happened() == allowed(made, entry)


def test_read_only_staff_see_every_page_and_do_nothing() -> None:
    may = {name for name, entry in ENTRIES.items() if allowed(ALONE["read-only staff"], entry)}

    assert may == {name for name, entry in ENTRIES.items() if entry.happened is None}

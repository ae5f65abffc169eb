"""Who may do what to whom, through which entry: every combination, held against rules written down here once more.

Each case does one thing and looks at the database: it happened just where the rules allow it.
"""

from __future__ import annotations

import ast
import io
import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import transaction
from django.test import Client
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from thirdparty import targets
from thirdparty.connectors.base import RemoteRecord
from thirdparty.models import Record, StrictWrite
from thirdparty.models.record import EPOCH
from thirdparty.permissions import Right as RecordRight
from users import permissions
from users.models import RoleMapping, User
from users.permissions import NotAllowed, Right

pytestmark = pytest.mark.django_db
PEOPLE, ADMIN, RECORDS = "/api/v1/users/", "/admin/users/user/", "/admin/thirdparty/record/"
RIGHTS = [
    "view_user", "add_user", "change_user", "delete_user", "import_user", "issue_token", "view_record", "decide_record",
]  # fmt: skip
EVERYBODY: dict[str, dict[str, Any]] = {
    "stranger": {},
    "person with every permission": {"rights": RIGHTS, "staff": False},
    "inactive staff with every permission": {"rights": RIGHTS, "active": False},
    "staff with every permission": {"rights": RIGHTS},
    "operator": {"rights": RIGHTS, "operator": True},
}
SUBJECTS = ["person", "staff", "operator", "oneself"]


@dataclass
class Case:
    """One attempt. ``subject`` is a person, staff, an operator, or the account itself."""

    account: User | None
    subject: User
    group: Group

    @property
    def page(self) -> str:
        return f"{PEOPLE}{self.subject.uuid}/"

    @property
    def form(self) -> str:
        return f"{ADMIN}{self.subject.pk}/"

    @property
    def key(self) -> str:
        return f"partner:users.user:{self.subject.uuid.hex}"

    def api(self) -> APIClient:
        client = APIClient(raise_request_exception=False)
        if self.account is not None:
            client.force_login(self.account)
        return client

    def web(self) -> Client:
        client = Client(raise_request_exception=False)
        if self.account is not None:
            client.force_login(self.account)
        return client

    def values(self, **values: Any) -> dict[str, Any]:
        subject = self.subject
        return {"name": subject.name, "phone": subject.phone, "email": subject.email, "is_active": "on", **values}


def fresh(user: User) -> User | None:
    return User.objects.filter(pk=user.pk).first()


def is_changed(case: Case) -> bool:
    now = fresh(case.subject)
    return now is not None and now.name == "Changed"


def is_added(_: Case) -> bool:
    return User.objects.filter(name="Newcomer").exists()


def is_gone(case: Case) -> bool:
    return fresh(case.subject) is None


def is_inactive(case: Case) -> bool:
    now = fresh(case.subject)
    return now is not None and now.email == "inactive@example.org" and not now.is_active


def is_member(case: Case) -> bool:
    return case.group.user_set.filter(name__in=["Newcomer", case.subject.name, "Changed"]).exists()


def is_due(case: Case) -> bool:
    return Record.objects.filter(key=case.key, due_at=EPOCH).exists()


def is_decided(case: Case) -> bool:
    return Record.objects.filter(key=case.key, parked="").exists()


def csv_of(columns: dict[str, str]) -> bytes:
    return f"{','.join(columns)}\n{','.join(columns.values())}\n".encode()


def upload(case: Case, **columns: str) -> None:
    case.web().post(f"{ADMIN}import/", {"file": SimpleUploadedFile("people.csv", csv_of(columns))})


def send(case: Case, **columns: str) -> None:
    case.api().post(f"{PEOPLE}import/", csv_of(columns), content_type="text/csv")


def import_by_command(case: Case, **columns: str) -> None:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "people.csv"
        file.write_bytes(csv_of(columns))
        command(case, "import", str(file))


def command(case: Case, *words: str) -> None:
    account = case.account or User(username="nobody")
    with suppress(CommandError):
        call_command("sync", *words, "--by", account.username, stdout=io.StringIO())


def strictly(case: Case, method: str, path: str, body: dict[str, Any]) -> bool:
    """Whether the targets were asked: nobody answers here, so nothing is ever accepted."""
    asked: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "thirdparty.consistency.strict.carry_out", lambda *_: asked.append(StrictWrite.objects.all().delete()[0])
        )
        getattr(case.api(), method)(f"{path}?consistency=strict", body)
    return bool(asked)


def decide(case: Case, deed: str) -> None:
    case.web().post(f"{RECORDS}{case.key}/decide/", {"deed": deed, "reason": "by phone", "seen": generation(case)})


def decide_from_list(case: Case) -> None:
    seen = json.dumps({case.key: generation(case)})
    form = {"choice": "retry", "reason": "by phone", "seen": seen, "confirmed": "yes"}
    case.web().post(RECORDS, {"action": "decide_together", "_selected_action": [case.key]} | form)


def decide_by_api(case: Case, deed: str) -> None:
    path = f"/api/v1/sync/records/partner/users.user/{case.subject.uuid}/decisions/"
    case.api().post(path, {"deed": deed, "reason": "by phone", "seen": generation(case)})


def decide_by_command(case: Case, deed: str) -> None:
    command(case, "compensate", deed, str(case.subject.uuid), "--target", "partner", "--reason", "by phone")


def generation(case: Case) -> int:
    return Record.objects.filter(key=case.key).values_list("generation", flat=True).first() or 1


def accept(case: Case, by: Callable[[Case, str], None], *, roles: tuple[str, ...] = ()) -> None:
    """Take the target's values, by which the subject is called otherwise, and has the roles."""
    subject = case.subject
    RoleMapping.objects.create(group=case.group, target="partner", remote_role_id="7")
    payload = {"name": "Changed", "phone": subject.phone, "email": subject.email, "role_ids": roles}
    held = RemoteRecord("9", str(subject.uuid), subject.username, payload)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("thirdparty.decisions.linkage.inquiry.held", lambda *_, **__: held)
        by(case, "accept")


def has_key(case: Case) -> bool:
    return Token.objects.filter(user=case.subject).exists()


def reads_key(case: Case) -> bool:
    key = Token.objects.create(user=case.subject).key
    answer = case.web().get(f"/admin/authtoken/tokenproxy/{case.subject.pk}/change/")
    return answer.status_code == 200 and key in answer.content.decode()


def deletes_key(case: Case) -> bool:
    Token.objects.create(user=case.subject)
    case.web().post(f"/admin/authtoken/tokenproxy/{case.subject.pk}/delete/", {"post": "yes"})
    return not has_key(case)


@dataclass(frozen=True)
class Entry:
    """``does`` tries; ``happened`` looks; it takes any of ``takes``, and any of ``also``. ``touches``: the subject's account;
    ``own``: done to others by operators alone.
    """

    does: Callable[[Case], Any]
    happened: Callable[[Case], bool] | None
    takes: tuple[str, ...]
    also: tuple[str, ...] = ()
    touches: bool = False
    own: bool = False
    to_operators: bool = True
    of_record: bool = False
    grants: bool = False


def sees(case: Case, path: str, *, named: bool = True) -> bool:
    answer = case.api().get(path) if path.startswith("/api") else case.web().get(path)
    return answer.status_code == 200 and (not named or case.subject.username in answer.content.decode())


IN_GROUP = {"groups": ["Managers"]}
FACES = {"admin": decide, "API": decide_by_api, "command": decide_by_command}
ENTRIES = {
    "list, API": Entry(lambda c: sees(c, PEOPLE), None, ("view_user", "change_user"), to_operators=False),
    "read, API": Entry(lambda c: sees(c, c.page), None, ("view_user", "change_user"), to_operators=False),
    "list, admin": Entry(lambda c: sees(c, ADMIN, named=False), None, ("view_user", "change_user")),
    "read, admin": Entry(lambda c: sees(c, f"{c.form}change/"), None, ("view_user", "change_user")),
    "explain, API": Entry(
        lambda c: sees(c, f"{c.page}sync/?ask_target=false", named=False),
        None,
        ("view_record", "decide_record"),
        of_record=True,
    ),
    "status, API": Entry(
        lambda c: sees(c, "/api/v1/sync/status/", named=False), None, ("view_record", "decide_record")
    ),
    "add, API": Entry(lambda c: c.api().post(PEOPLE, {"name": "Newcomer"}), is_added, ("add_user",)),
    "add strictly, API": Entry(
        lambda c: strictly(c, "post", PEOPLE, {"name": "Newcomer"}), None, ("add_user",)
    ),
    "add in bulk, API": Entry(
        lambda c: c.api().post(f"{PEOPLE}bulk/", {"users": [{"name": "Newcomer"}]}), is_added, ("add_user",)
    ),
    "add, admin": Entry(
        lambda c: c.web().post(f"{ADMIN}add/", {"name": "Newcomer", "is_active": "on"}), is_added, ("add_user",)
    ),
    "import, admin": Entry(lambda c: upload(c, name="Newcomer"), is_added, ("import_user",)),
    "import, API": Entry(lambda c: send(c, name="Newcomer"), is_added, ("import_user",)),
    "import, command": Entry(lambda c: import_by_command(c, name="Newcomer"), is_added, ("import_user",)),
    "change, API": Entry(
        lambda c: c.api().patch(c.page, {"name": "Changed"}), is_changed, ("change_user",), touches=True,
        to_operators=False,
    ),
    "replace, API": Entry(
        lambda c: c.api().put(c.page, {"name": "Changed"}), is_changed, ("change_user",), touches=True,
        to_operators=False,
    ),
    "change strictly, API": Entry(
        lambda c: strictly(c, "patch", c.page, {"name": "Changed"}), None, ("change_user",), touches=True,
        to_operators=False,
    ),
    "change, admin": Entry(
        lambda c: c.web().post(f"{c.form}change/", c.values(name="Changed")), is_changed, ("change_user",),
        touches=True,
    ),
    "deactivate, API": Entry(
        lambda c: c.api().patch(c.page, {"is_active": False, "email": "inactive@example.org"}),
        is_inactive, ("change_user",), touches=True, to_operators=False,
    ),
    "deactivate, admin": Entry(
        lambda c: c.web().post(f"{c.form}change/", c.values(is_active="", email="inactive@example.org")),
        is_inactive, ("change_user",), touches=True,
    ),
    "delete, API": Entry(
        lambda c: c.api().delete(c.page), is_gone, ("delete_user",), touches=True, to_operators=False
    ),
    "delete strictly, API": Entry(
        lambda c: strictly(c, "delete", c.page, {}), None, ("delete_user",), touches=True, to_operators=False
    ),
    "delete, admin": Entry(
        lambda c: c.web().post(f"{c.form}delete/", {"post": "yes"}), is_gone, ("delete_user",), touches=True
    ),
    "delete from the list, admin": Entry(
        lambda c: c.web().post(
            f"{ADMIN}?kind=operators" if c.subject.is_superuser else ADMIN,
            {"action": "delete_selected", "_selected_action": [c.subject.pk], "confirmed": "yes"},
        ),
        is_gone, ("delete_user",), also=("view_user", "change_user"), touches=True,
    ),
    "add to a group, API": Entry(
        lambda c: c.api().post(PEOPLE, {"name": "Newcomer", **IN_GROUP}), is_member, ("add_user",), grants=True
    ),
    "add in bulk to a group, API": Entry(
        lambda c: c.api().post(f"{PEOPLE}bulk/", {"users": [{"name": "Newcomer", **IN_GROUP}]}),
        is_member, ("add_user",), grants=True,
    ),
    "add to a group, admin": Entry(
        lambda c: c.web().post(f"{ADMIN}add/", {"name": "Newcomer", "groups": [c.group.pk], "is_active": "on"}),
        is_member, ("add_user",), grants=True,
    ),
    "import into a group, admin": Entry(
        lambda c: upload(c, name="Newcomer", groups="Managers"), is_member, ("import_user",), grants=True
    ),
    "import into a group, API": Entry(
        lambda c: send(c, name="Newcomer", groups="Managers"), is_member, ("import_user",), grants=True
    ),
    "import into a group, command": Entry(
        lambda c: import_by_command(c, name="Newcomer", groups="Managers"), is_member, ("import_user",), grants=True
    ),
    "put into a group, API": Entry(
        lambda c: c.api().patch(c.page, IN_GROUP), is_member, ("change_user",), touches=True, to_operators=False,
        grants=True,
    ),
    "put into a group, admin": Entry(
        lambda c: c.web().post(f"{c.form}change/", c.values(groups=[c.group.pk])), is_member, ("change_user",),
        touches=True, grants=True,
    ),
    "look now, API": Entry(lambda c: c.api().post(f"{c.page}sync/"), is_due, ("decide_record",), of_record=True),
    "look now, admin": Entry(
        lambda c: c.web().post(f"{RECORDS}{c.key}/look-now/"), is_due, ("decide_record",), of_record=True
    ),
    "look now from the list, admin": Entry(
        lambda c: c.web().post(RECORDS, {"action": "look_now", "_selected_action": [c.key], "confirmed": "yes"}),
        is_due, ("decide_record",), of_record=True,
    ),
    "decide from the list, admin": Entry(decide_from_list, is_decided, ("decide_record",), of_record=True),
    "decide, admin": Entry(lambda c: decide(c, "retry"), is_decided, ("decide_record",), of_record=True),
    "decide, API": Entry(lambda c: decide_by_api(c, "retry"), is_decided, ("decide_record",), of_record=True),
    "decide, command": Entry(lambda c: decide_by_command(c, "retry"), is_decided, ("decide_record",), of_record=True),
    **{
        f"accept, {face}": Entry(
            lambda c, by=by: accept(c, by), is_changed, ("decide_record",), also=("change_user",), touches=True, of_record=True
        )
        for face, by in FACES.items()
    },
    **{
        f"accept into a group, {face}": Entry(
            lambda c, by=by: accept(c, by, roles=("7",)), is_member, ("decide_record",), also=("change_user",), touches=True,
            of_record=True, grants=True,
        )
        for face, by in FACES.items()
    },
    "issue a key, admin": Entry(
        lambda c: c.web().post("/admin/authtoken/tokenproxy/add/", {"user": c.subject.pk}), has_key, ("issue_token",), own=True
    ),
    "issue a key, command": Entry(
        lambda c: command(c, "token", c.subject.username), has_key, ("issue_token",), own=True
    ),
    "read a key, admin": Entry(reads_key, None, ("issue_token",), own=True),
    "delete a key, admin": Entry(deletes_key, None, ("issue_token",), own=True),
}  # fmt: skip


def accounts(entry: Entry) -> dict[str, dict[str, Any]]:
    """Who tries it: staff with just what it takes, and with all but that, which no other permission makes up for."""
    tried = dict(EVERYBODY)
    for enough in itertools.product(*filter(None, (entry.takes, entry.also))):
        tried[f"staff with {' and '.join(enough)} alone"] = {"rights": enough}
    for needed in filter(None, (entry.takes, entry.also)):
        others = [right for right in RIGHTS if right not in needed]
        tried[f"staff with every permission but {' and '.join(needed)}"] = {"rights": others}
    return tried


def allowed(account: dict[str, Any], whom: str, entry: Entry, *, group_permits: str) -> bool:
    """The rules, once more and apart from the code."""
    rights = account.get("rights", [])
    operator = account.get("operator", False)
    if not account.get("staff", "rights" in account) or not account.get("active", True):
        return False
    is_listed = operator or all(any(right in rights for right in each) for each in (entry.takes, entry.also or rights))
    if not is_listed or (not entry.to_operators and (whom == "operator" or (whom == "oneself" and operator))):
        return False
    if (entry.touches and whom != "person" and not operator) or (entry.own and whom != "oneself" and not operator):
        return False
    return operator or not (entry.grants and group_permits not in ("", *rights))


def attempts(account: dict[str, Any], entry: Entry) -> Iterator[tuple[str, str]]:
    """Whom this account tries this entry on, and what the group permits that is given."""
    for whom in SUBJECTS:
        if (whom == "oneself" and not account) or (
            whom != "person" and not (entry.touches or entry.own or entry.happened is None)
        ):
            continue
        if entry.of_record and whom == "oneself":
            continue
        # Who may not give a group that permits nothing may give none.
        may = allowed(account, whom, entry, group_permits="")
        for permits in ("", "view_user", "delete_user") if entry.grants and may else ("",):
            yield whom, permits


@pytest.fixture(autouse=True)
def _published(db: None, settings: Any) -> None:
    # Sessions are not what is tried here, and there are many cases.
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
    targets.publish_rows()


def account_of(made: dict[str, Any]) -> User | None:
    if "rights" not in made:
        return None
    user = User.objects.create(
        name="Account", username="account", is_staff=made.get("staff", True), is_active=made.get("active", True),
        is_superuser=made.get("operator", False),
    )  # fmt: skip
    user.user_permissions.set(
        Permission.objects.filter(codename__in=made["rights"], content_type__app_label__in=["users", "thirdparty"])
    )
    return user


def happens(account: User | None, whom: str, entry: Entry, *, group_permits: str) -> bool:
    """Whether it happens. Afterwards the database is as it was before."""
    # No `atomic`, in which no strict write can be made.
    before = transaction.savepoint()
    try:
        group = Group.objects.create(name="Managers")
        group.permissions.set(
            Permission.objects.filter(codename=group_permits, content_type__app_label__in=["users", "thirdparty"])
        )
        subject = account if whom == "oneself" else User.objects.create(
            name="Subject", username="subject", phone="1", is_staff=whom != "person", is_superuser=whom == "operator"
        )  # fmt: skip
        assert subject is not None
        Record.objects.update(parked="invalid", due_at=None)
        case = Case(account, subject, group)
        seen = entry.does(case)
        return bool(seen) if entry.happened is None else entry.happened(case)
    finally:
        transaction.set_rollback(False)
        transaction.savepoint_rollback(before)


@pytest.mark.parametrize(("name", "who"), [(name, who) for name, entry in ENTRIES.items() for who in accounts(entry)])
def test_it_happens_just_where_the_rules_allow_it(name: str, who: str) -> None:
    entry = ENTRIES[name]
    made = accounts(entry)[who]
    pk = getattr(account_of(made), "pk", None)
    wrong, tried = [], 0
    for whom, permits in attempts(made, entry):
        # Read anew: an account remembers what it may, and what was changed of itself.
        account = User.objects.filter(pk=pk).first()
        happened = happens(account, whom, entry, group_permits=permits)
        has_record = not entry.of_record or whom != "operator"
        if happened != (allowed(made, whom, entry, group_permits=permits) and has_record):
            wrong.append(f"to {whom}, group permits {permits or 'nothing'}: {'happened' if happened else 'refused'}")
        tried += 1
    assert tried
    assert wrong == []


@pytest.mark.parametrize(
    ("method", "path", "permission"),
    [
        ("get", PEOPLE, Right.VIEW),
        ("post", PEOPLE, Right.ADD),
        ("post", f"{PEOPLE}bulk/", Right.ADD),
        ("post", f"{PEOPLE}import/", Right.IMPORT),
        ("patch", "{page}", Right.CHANGE),
        ("put", "{page}", Right.CHANGE),
        ("delete", "{page}", Right.DELETE),
        ("get", "{page}sync/", RecordRight.VIEW_RECORDS),
        ("post", "{page}sync/", RecordRight.DECIDE),
        ("get", "/api/v1/sync/status/", RecordRight.VIEW_RECORDS),
        ("post", "/api/v1/sync/targets/partner/brake/", RecordRight.RELEASE),
        ("post", "/api/v1/sync/targets/partner/pause/", RecordRight.PAUSE),
        ("post", "/api/v1/sync/targets/partner/resume/", RecordRight.PAUSE),
    ],
)
def test_who_may_not_is_told_which_permission_it_takes(method: str, path: str, permission: Right) -> None:
    client = APIClient()
    client.force_login(User.objects.create(name="Staff", is_staff=True))
    user = User.objects.create(name="Person")

    answer = getattr(client, method)(path.replace("{page}", f"{PEOPLE}{user.uuid}/"))

    assert answer.status_code == 403
    problem = answer.json()
    assert (problem["type"], problem["permission"]) == ("urn:usersync:problem:not-allowed", permission)
    assert permission in problem["detail"]


def test_what_a_group_permits_is_for_operators_to_say() -> None:
    staff = User.objects.create(name="Staff", is_staff=True)
    staff.user_permissions.set(Permission.objects.filter(codename__in=["view_group", "change_group", "add_group"]))
    group = Group.objects.create(name="Sales")
    staff.groups.add(group)
    client = Client()
    client.force_login(staff)
    inline = {"rolemapping_set-TOTAL_FORMS": "0", "rolemapping_set-INITIAL_FORMS": "0"}
    everything = list(Permission.objects.values_list("pk", flat=True))

    client.post(f"/admin/auth/group/{group.pk}/change/", {"name": "Sellers", "permissions": everything, **inline})

    group.refresh_from_db()
    assert group.name == "Sellers"
    assert not group.permissions.exists()


def test_a_group_that_a_person_is_in_already_is_given_by_nobody() -> None:
    staff = User.objects.create(name="Staff", is_staff=True)
    staff.user_permissions.add(Permission.objects.get(codename="change_user"))
    managers = Group.objects.create(name="Managers")
    managers.permissions.set(Permission.objects.filter(codename="delete_user"))
    user = User.objects.create(name="Person")
    user.groups.add(managers)
    client = APIClient()
    client.force_login(staff)

    assert client.patch(f"{PEOPLE}{user.uuid}/", {"name": "Changed", **IN_GROUP}).status_code == 200


def test_who_acts_as_operator_is_kept_from_nothing_but_operators() -> None:
    permissions.require(permissions.OPERATOR, *Right)
    root = User.objects.create_superuser("root")
    permissions.require_touch(permissions.OPERATOR, root)
    with pytest.raises(NotAllowed):
        permissions.require_touch(User.objects.create(name="Staff", is_staff=True), root)


def test_every_page_and_endpoint_says_who_acts() -> None:
    """Left out, ``by`` stands for an operator: that is for the command line, never for a request."""
    gated = {
        "create_user", "update_user", "delete_user", "look_now", "locked", "fill", "create", "update", "delete", "read",
    }  # fmt: skip
    modules = {"services", "consistency", "bulk"}
    silent, calls = [], 0
    users = Path("users")
    by_itself = [users / "remote_values.py", users / "csvimport.py"]  # they act for whoever decided, or imports
    for path in sorted([*users.glob("api/*.py"), *users.glob("admin/*.py"), *by_itself]):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            function = node.func
            of_module = isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name)
            named = of_module and function.value.id in modules and function.attr in gated
            if named or (isinstance(function, ast.Name) and function.id in gated - {"create", "update", "delete"}):
                calls += 1
                if "by" not in {keyword.arg for keyword in node.keywords}:
                    silent.append(f"{path}:{node.lineno}")
    assert calls >= 11
    assert silent == []

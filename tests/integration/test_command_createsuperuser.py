"""An operator is made with what is given, and asked only where somebody is there to answer."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.management.commands import createsuperuser
from django.core.management import CommandError, call_command

from users.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("USERNAME", "NAME", "EMAIL", "PASSWORD"):
        monkeypatch.delenv(f"DJANGO_SUPERUSER_{name}", raising=False)


def create(*arguments: str) -> User:
    call_command("createsuperuser", "--noinput", *arguments, stdout=StringIO())
    return User.objects.get(is_superuser=True)


def test_a_username_is_enough() -> None:
    root = create("--username", "root")
    assert (root.username, root.name, root.email, root.is_staff) == ("root", "root", "", True)
    assert not root.has_usable_password()


def test_name_and_email_are_taken_where_they_are_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "pw")
    root = create("--username", "root", "--name", "Ada", "--email", "ada@example.com")
    assert (root.name, root.email, root.check_password("pw")) == ("Ada", "ada@example.com", True)


def test_all_can_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("USERNAME", "NAME", "EMAIL"):
        monkeypatch.setenv(f"DJANGO_SUPERUSER_{name}", "ada@example.com")
    assert create().email == "ada@example.com"


@pytest.mark.parametrize(
    "arguments", [[], ["--username", "root", "--email", "no address"], ["--username", "- -"], ["--username", "taken"]]
)
def test_what_cannot_be_is_refused_and_nobody_made(arguments: list[str]) -> None:
    User.objects.create_user(username="taken", name="Ada")
    with pytest.raises(CommandError):
        create(*arguments)
    assert not User.objects.filter(is_superuser=True).exists()


def test_who_is_asked_may_leave_the_email_blank(monkeypatch: pytest.MonkeyPatch) -> None:
    replies = iter(["root", "Ada", ""])
    monkeypatch.setattr("builtins.input", lambda _prompt: next(replies))
    monkeypatch.setattr(createsuperuser.getpass, "getpass", lambda *_: "long-enough-and-odd")

    class Terminal(StringIO):
        def isatty(self) -> bool:
            return True

    options: dict[str, Any] = {"stdin": Terminal(), "stdout": StringIO()}
    call_command("createsuperuser", interactive=True, **options)
    root = User.objects.get(is_superuser=True)
    assert (root.username, root.name, root.email) == ("root", "Ada", "")

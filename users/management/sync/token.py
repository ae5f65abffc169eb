"""``sync token``: a key for the API."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError
from rest_framework.authtoken.models import Token
from rich.console import Console

from thirdparty.management.sync import action, argument
from thirdparty.management.sync.action import Answer
from users import permissions
from users.models import User


def add_to(actions: Any) -> None:
    parser = action.add(
        actions,
        "token",
        run=run,
        example="ada",
        does="print the API key of an account, made at the first asking; it permits what the account may do (docs/api.md)",
    )
    parser.add_argument("username", metavar="USERNAME")
    parser.add_argument("--by", default="", metavar="YOU", help="your account, which then has to be allowed to")


def run(_: Console, options: dict[str, Any]) -> Answer[dict[str, str]]:
    """Raises `NotAllowed`, and `CommandError` for an account that does not exist."""
    user = User.objects.filter(username=options["username"]).first()
    if user is None:
        raise CommandError(f"there is no account {options['username']!r}")
    permissions.require_issue(argument.acting(options), user)
    key = Token.objects.get_or_create(user=user)[0].key
    return Answer({"username": user.username, "key": key}, lambda out, made: out.print(made["key"]))

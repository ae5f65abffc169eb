"""``sync token``: a key for the API."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError
from rest_framework.authtoken.models import Token
from rich.console import Console

from users.models import User


def add_to(actions: Any) -> None:
    parser = actions.add_parser(
        "token",
        help="print the API key of an account, made at the first asking; it permits what the account may do (docs/api.md)",
    )
    parser.add_argument("username", metavar="USERNAME")
    parser.set_defaults(run=run)


def run(out: Console, options: dict[str, Any]) -> None:
    """Raises `CommandError` for an account that does not exist."""
    user = User.objects.filter(username=options["username"]).first()
    if user is None:
        raise CommandError(f"there is no account {options['username']!r}")
    out.print(Token.objects.get_or_create(user=user)[0].key)

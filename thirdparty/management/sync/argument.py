"""What people name on a command line: an object, a target, an account, a share."""

from __future__ import annotations

import argparse
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError

from thirdparty import targets
from thirdparty.decide.sample import LEAST_PERCENT, WHOLE_PERCENT
from thirdparty.declaration import objects
from thirdparty.models import Record, Ref
from thirdparty.permissions import OPERATOR

OBJECT = (
    "an object: KIND:ID, its identity, natural key or numeric id, our id or its own at a target; "
    "one that is gone, by its identity or those ids, while a tombstone stands"
)


def object_named(text: str) -> Ref:
    """The object meant, which has a record at some target. Raises `CommandError`."""
    try:
        ref = objects.named(text)
    except objects.NoSuchObject as why:
        raise CommandError(str(why)) from None
    if not Record.objects.of(ref).exists():
        raise CommandError(
            f"{ref} has no record at any target: it is not among those that its declaration sends, "
            "or the reconciler has yet to find it"
        )
    return ref


def target_named(name: str) -> str:
    """The name of a target, once it is sure to be configured. Raises `CommandError`."""
    if name not in targets.names():
        raise CommandError(f"there is no target {name!r}; SYNC_TARGETS names {', '.join(targets.names()) or 'none'}")
    return name


def account_named(name: str) -> Any:
    """The account that acts. Raises `CommandError` where there is none of this name."""
    model = get_user_model()
    account = model._default_manager.filter(**{model.USERNAME_FIELD: name}).first()
    if account is None:
        raise CommandError(f"--by {name}: there is no such account")
    return account


def acting(options: dict[str, Any]) -> Any:
    """Whoever acts: the account that ``--by`` names, else an operator. Raises `CommandError` where there is none of this name."""
    return account_named(options["by"]) if options["by"] else OPERATOR


def staff_named(name: str) -> Any:
    """The staff account that decides. Raises `CommandError` where there is none of this name."""
    account = account_named(name)
    if not getattr(account, "is_staff", False):
        raise CommandError(f"--by {name}: that is no staff account")
    return account


def percent(text: str) -> float:
    """So many of a hundred, with or without the sign. Raises `argparse.ArgumentTypeError` for what is none."""
    try:
        value = float(text.removesuffix("%"))
    except ValueError:
        value = 0.0
    if not LEAST_PERCENT <= value <= WHOLE_PERCENT:
        raise argparse.ArgumentTypeError(f"{text!r} is no share; use 1% or the like")
    return value

"""Which database a target is sent to from: a copy of it, at another place, has to be told to send by a person.

A copied database holds everything that the original knows of its targets. Sent from, it would overwrite and delete the
original's records with its own, older or made-up, values.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from django.db import ProgrammingError, connection, transaction

from thirdparty.models import Target
from thirdparty.settings import settings

_SEPARATOR = "@"


@dataclass(frozen=True, slots=True)
class Sender:
    """A database that is sent from. ``name``: SYNC_INSTANCE. ``place``: what the server says of where it is; either may be empty."""

    name: str
    place: str

    def __str__(self) -> str:
        return f"{self.name}{_SEPARATOR}{self.place}"

    @classmethod
    def of(cls, text: str) -> Sender:
        """The other way round from ``str``."""
        name, _, place = text.rpartition(_SEPARATOR)
        return cls(name, place)

    def is_another(self, bound: Sender) -> bool:
        """Whether it is surely not the one that a target is bound to: what either cannot tell says nothing."""
        return bool((bound.name and bound.name != self.name) or (bound.place and self.place not in ("", bound.place)))


def this_database() -> Sender:
    """The one that this process works with. Two copies on one server have different places; a standby has its primary's."""
    return Sender(settings.SYNC_INSTANCE, _place(str(connection.settings_dict["NAME"])))


def bound_elsewhere(target: Target) -> tuple[Sender, Sender] | None:
    """The database that the target is bound to, and this one, where that is another; None where this process may send."""
    bound, sender = Sender.of(target.sent_from), this_database()
    return (bound, sender) if sender.is_another(bound) else None


def refusal(target: Target) -> str:
    """Why this process may not send to the target; empty where it may."""
    if (databases := bound_elsewhere(target)) is None:
        return ""
    bound, sender = databases
    return f"last sent to from another database ({bound}, this is {sender}): if this one is to send, resume the target"


def bind(target: Target) -> None:
    """Have the target sent to from this database, and from no other, as far as can be told; nothing is done where it is."""
    bound, sender = Sender.of(target.sent_from), this_database()
    known = str(Sender(sender.name or bound.name, sender.place or bound.place))
    if known != target.sent_from:
        Target.objects.filter(name=target.name, sent_from=target.sent_from).update(sent_from=known)


def rebind(target_name: str) -> None:
    """A person says that the target is sent to from this database, whatever was before."""
    Target.objects.filter(name=target_name).update(sent_from=str(this_database()))


@cache
def _place(_name: str) -> str:
    if connection.vendor != "postgresql":
        return ""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT system_identifier || '/' || oid FROM pg_control_system(), pg_database "
                "WHERE datname = current_database()"
            )
            found: Any = cursor.fetchone()
    except ProgrammingError:
        return ""  # a server that does not let everybody ask
    return str(found[0])

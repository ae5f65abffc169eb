"""What is declared, and the connectors that are to carry it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004  # Django's name
from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.db.utils import OperationalError

from thirdparty import targets
from thirdparty.capture import triggers
from thirdparty.connectors.base import Connector
from thirdparty.declaration import KeyChanges, misdeclared
from thirdparty.declaration.registry import declared, declared_for, of_kind


@register()
def declarations(**_: Any) -> list[CheckMessage]:
    """What is declared can be: its fields are there, its scope can be compiled, its tables are where the records are."""
    wrong: list[CheckMessage] = [
        Error(fault.message, hint=fault.hint, id=f"thirdparty.E{fault.number}") for fault in misdeclared.faults()
    ]
    strange = [
        Warning(
            f"{declaration.kind} is for target {name!r}, which settings do not name",
            hint="Name it in SYNC_TARGETS, or take it out of `targets`. Where it is only away, nothing is lost.",
            id="thirdparty.W110",
        )
        for declaration in declared()
        for name in sorted({*(declaration.targets or ())} - {*targets.names()})
    ]
    return [*wrong, *strange]


@register(Tags.database)
def tables_carry_triggers(*, databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """What is declared or watched is a table of this database: of views and foreign tables no write is seen."""
    problems: list[CheckMessage] = []
    for alias in databases or ():
        try:
            found = triggers.without_triggers(connections[alias])
        except OperationalError:
            continue
        problems += [
            Error(
                f"{table} is watched, and is a {what}: writes to it would not be seen",
                hint="Declare a model of the tables behind it.",
                id="thirdparty.E111",
            )
            for table, what in found.items()
        ]
    return problems


@register()
def connectors_can_be_made(**_: Any) -> list[CheckMessage]:
    """Each target's connector takes each kind of object that is declared for the target. No network is touched."""
    wrong: list[CheckMessage] = []
    for name, kind, made in _connectors():
        if isinstance(made, ImproperlyConfigured):
            wrong.append(Error(str(made), hint=f"See TARGET_{name.upper()}_CONNECTOR.", id="thirdparty.E005"))
        elif made is None:
            wrong.append(
                Error(
                    f"Nothing is declared for target {name!r}",
                    hint="Take it out of SYNC_TARGETS, or name it in the `targets` of a declaration (synced.py).",
                    id="thirdparty.E006",
                )
            )
        elif of_kind(kind).key_changes is KeyChanges.RENAMED and not (
            made.capabilities.rename and made.capabilities.query and made.keeps_keys()
        ):
            wrong.append(
                Error(
                    f"{kind} has its records renamed when their key changes (key_changes), which target {name!r} is not said to offer",
                    hint="An update has to be able to give a record another natural key, and a look-up has to show which one it has: "
                    f"`rename` and `query` among the connector's capabilities, or in TARGET_{name.upper()}_CAPABILITIES. "
                    "Otherwise set key_changes to REPLACED, or leave it at KEPT.",
                    id="thirdparty.E114",
                )
            )
        elif of_kind(kind).key is not None and not made.keeps_keys():
            wrong.append(
                Warning(
                    f"{kind} has a natural key ({of_kind(kind).key}), and the connector of target {name!r} has no place for it",
                    hint="Nothing is found by it there: what was there before is added anew. Name the partner's field in the "
                    "connector (`key_field` of a RestConnector), or take `key` out of the declaration and raise its version.",
                    id="thirdparty.W111",
                )
            )
    return wrong


def _connectors() -> Iterator[tuple[str, str, Connector | ImproperlyConfigured | None]]:
    """Target, kind, and the connector of both, or why there is none; None where nothing is declared for the target."""
    for name in targets.names():
        kinds = [declaration.kind for declaration in declared_for(name)]
        if not kinds:
            yield name, "", None
        for kind in kinds:
            try:
                yield name, kind, targets.connector(name, kind)
            except ImproperlyConfigured as wrong:
                yield name, kind, wrong

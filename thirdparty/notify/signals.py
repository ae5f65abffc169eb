"""Every ORM write of a declared object, or of what it is watched through, wakes its records once it has committed.

These are hints for speed. What is owed is recorded by the database triggers, whatever wrote it.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from django.db import models
from django.db.models.signals import m2m_changed, post_delete, post_save

from thirdparty import targets
from thirdparty.declaration import declared, misdeclared
from thirdparty.declaration.lookups import Hop
from thirdparty.declaration.synced import Synced
from thirdparty.notify import hints


def connect() -> None:
    """Listen to the models of every declaration. Once, when all are registered.

    Of one that is wrong nothing is listened to: a system check says what, which runs after this.
    """
    for declaration in declared():
        if misdeclared.faults_of(declaration):
            continue
        _listen(declaration.model, partial(_written, declaration), f"{declaration.kind} written")
        for lookup in declaration.lookups():
            for hop in lookup.hops:
                if hop.model._meta.auto_created:
                    _listen_to_members(hop.model, declaration)
                elif hop.watched:
                    written = partial(_near_one_written, declaration, hop)
                    _listen(hop.model, written, f"{declaration.kind} {hop.table}")


def _listen(model: type[models.Model], receiver: Any, uid: str) -> None:
    for signal in (post_save, post_delete):
        signal.connect(receiver, sender=model, weak=False, dispatch_uid=f"thirdparty {uid}")


def _listen_to_members(through: type[models.Model], declaration: Synced[Any]) -> None:
    m2m_changed.connect(
        partial(_members_written, declaration),
        sender=through,
        weak=False,
        dispatch_uid=f"thirdparty {declaration.kind} members",
    )


def _written(
    declaration: Synced[Any], *, instance: Any, update_fields: frozenset[str] | None = None, **_: Any
) -> None:
    if update_fields is not None:
        watched = {column for lookup in declaration.lookups() for column in lookup.own}
        names = {instance._meta.get_field(name).column for name in update_fields}
        if watched.isdisjoint(names):
            return
    hints.on_commit(declaration.ref_of(instance))


def _members_written(
    declaration: Synced[Any], *, instance: Any, action: str, reverse: bool, pk_set: set[Any] | None, **_: Any
) -> None:
    if action not in ("post_add", "post_remove", "post_clear"):
        return
    if isinstance(instance, declaration.model):
        hints.on_commit(declaration.ref_of(instance))
    elif reverse and pk_set:
        members = declaration.rows().filter(pk__in=pk_set)
        for identity in members.values_list(declaration.identity_field().attname, flat=True):
            hints.on_commit(declaration.ref(identity))


def _near_one_written(declaration: Synced[Any], hop: Hop, *, created: bool = False, **_: Any) -> None:
    """Whose object it is, the triggers have found out: a look at what is due is enough."""
    if created and not hop.refers:
        return  # nobody names it yet
    for target in targets.names():
        if declaration.targets is None or target in declaration.targets:
            hints.drain_on_commit(target)

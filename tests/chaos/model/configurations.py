"""The configurations that are explored: every kind of target, in profiles small enough for each test run, and in full."""

from __future__ import annotations

from dataclasses import replace

from tests.chaos.model.configuration import Configuration
from tests.chaos.model.state import Budget
from tests.chaos.model.target import NOBODY, STRANGER, Offers
from thirdparty.connectors.leaving import Leaving, OnLeave

TARGETS = {
    "query": Offers(query=True),
    "query, versions": Offers(query=True, versions=True),
    "query, shared usernames": Offers(query=True, unique=False),
    "query, versions, shared usernames": Offers(query=True, versions=True, unique=False),
    "idempotency": Offers(idempotency=True),
    "idempotency, shared usernames": Offers(idempotency=True, unique=False),
    "versions": Offers(versions=True),
    "everything": Offers(query=True, versions=True, idempotency=True),
    "nothing": Offers(),
}
"""Where every promise holds. With nothing on offer, `user_exists` is all that helps (CONTRACT A)."""

BARE = Offers(unique=False)
"""Where promise 2 cannot be kept: no look-ups, no keys, and usernames are shared."""

PROFILES = {
    "edits": Budget(edits=3, kills=1, timeouts=2),
    "a username used again": Budget(edits=1, deletes=1, creates=1, kills=1, timeouts=1),
    "deactivation": Budget(edits=1, toggles=2, kills=1, timeouts=1),
    "a frozen worker": Budget(edits=1, deletes=1, creates=1, kills=1, freezes=1),
    "refusals": Budget(edits=1, toggles=1, kills=1, busy=1, refusals=1),
}
"""What goes wrong, in the runs of every day."""

FULL = {
    "three edits, a username used again": Budget(edits=3, deletes=1, creates=1, kills=2, freezes=1, timeouts=2),
    "deactivation": Budget(edits=1, toggles=2, kills=2, freezes=1, timeouts=2),
}
"""The same in full."""
FULL_RESTORED = {
    "a late edit": Budget(edits=1, creates=1, timeouts=1, restores=1),
    "a late deletion": Budget(deletes=1, creates=1, timeouts=1, restores=1),
    "an edit and a death": Budget(edits=1, creates=1, kills=1, restores=1),
    "a deletion and a death": Budget(deletes=1, creates=1, kills=1, restores=1),
    "a death and a late request": Budget(edits=1, deletes=1, kills=1, timeouts=1, restores=1),
}
"""After a restore, while requests of before may still land."""

TRUST = Configuration(
    "a stranger's record, adopted on trust, a username used again",
    TARGETS["query"],
    PROFILES["a username used again"],
    adopt="trust",
    stranger=STRANGER,
)
TRUST_DEACTIVATION = replace(
    TRUST, name="a stranger's record, adopted on trust, deactivation", budget=PROFILES["deactivation"]
)
UNMARKED = Configuration(
    "a stranger's record without external id", TARGETS["query"], PROFILES["a username used again"], stranger=NOBODY
)
UNMARKED_NEVER = replace(UNMARKED, name="the same, and never adopted", adopt="never")
RESTORED = Configuration(
    "restored from backup",
    Offers(query=True, distinct=True),
    Budget(edits=1, creates=1, restores=1),
)
RESTORED_SHARED = replace(
    RESTORED, name="restored from backup, shared usernames", offers=Offers(query=True, unique=False, distinct=True)
)
RESTORED_STRANGER = Configuration(
    "restored from backup, the id given to a stranger",
    RESTORED.offers,
    Budget(edits=2, refusals=1, restores=1, decisions=1),
    stranger=NOBODY,
)
"""What a change of the user writes to the id before everything is owed anew is a limit."""
RESTORED_LATE = replace(
    RESTORED,
    name="restored from backup at rest, a late edit",
    budget=Budget(edits=1, creates=1, timeouts=1, restores=1),
    restored_at_rest=True,
)
RESTORED_REUSED = Configuration(
    "restored from backup, a username used again",
    TARGETS["query"],
    Budget(deletes=1, creates=1, timeouts=1, restores=1),
    restored_at_rest=True,
    backed_up=True,
)
"""The backup brings back whoever is gone, and somebody else has their username by now."""
RESTORED_REUSED_SHARED = replace(
    RESTORED_REUSED,
    name="restored from backup, a username used again, shared usernames",
    offers=TARGETS["query, shared usernames"],
    budget=RESTORED_REUSED.budget._replace(kills=1),
)
RESTORED_BACK = replace(
    RESTORED_REUSED_SHARED,
    name="restored from backup, somebody who comes back, shared usernames",
    budget=Budget(toggles=2, timeouts=1, kills=1, restores=1),
)
"""Whoever is inactive is back by the backup, and wanted again before everything is owed anew."""
RESTORED_BLIND = replace(RESTORED, name="restored from backup, nothing on offer", offers=Offers(distinct=True))
FROZEN_SENDER = Configuration(
    "a frozen sender",
    TARGETS["query"],
    Budget(edits=2, kills=1, freezes=1),
    frozen_senders=True,
)
"""PROTOCOL 5's exception: a worker frozen after its lease check sends an old request after everything settled."""

REFERRED = Offers(query=True, distinct=True)
CHECKED = Offers(query=True, distinct=True, checks=True)
"""As the ERP of the example project."""
ORDER = (-1, 0)
"""User 1 refers to user 0, as an order does to its customer."""
REFERENCES = {
    "edits": (REFERRED, ORDER, Budget(edits=1, kills=1, timeouts=1)),
    "another customer": (REFERRED, ORDER, Budget(switches=2, timeouts=1)),
    "a deletion after a switch": (REFERRED, ORDER, Budget(switches=1, deletes=1, timeouts=1)),
    "both deleted": (REFERRED, ORDER, Budget(deletes=2, kills=1, timeouts=1)),
    "a late edit": (REFERRED, ORDER, Budget(edits=1, switches=1, deletes=1, timeouts=1)),
    "checked by the target": (CHECKED, ORDER, Budget(switches=1, deletes=1, timeouts=1)),
    "deactivation": (CHECKED, ORDER, Budget(toggles=2, switches=1)),
    "a lost customer": (CHECKED, ORDER, Budget(edits=1, losses=1)),
    "a circle": (REFERRED, (1, 0), Budget(edits=1, switches=1, kills=1)),
    "nothing on offer": (Offers(distinct=True), ORDER, Budget(deletes=1, switches=1, timeouts=1)),
}
"""What goes wrong while one user refers to another."""
FULL_REFERENCES = {
    "a deletion after a switch": (REFERRED, ORDER, Budget(switches=1, deletes=1, kills=1, timeouts=2)),
    "both deleted": (REFERRED, ORDER, Budget(edits=1, deletes=2, kills=1, timeouts=1)),
    "deactivation": (CHECKED, ORDER, Budget(edits=1, toggles=2, switches=1, kills=1, timeouts=1)),
    "a lost customer": (CHECKED, ORDER, Budget(edits=2, losses=1, kills=1, timeouts=1)),
    "a circle": (CHECKED, (1, 0), Budget(edits=1, switches=2, kills=1, timeouts=1)),
    "frozen workers": (REFERRED, ORDER, Budget(switches=1, deletes=1, kills=1, freezes=1)),
}
"""The same in full."""
RAISED = Configuration(
    "a version that rises", TARGETS["query"], Budget(edits=1, kills=1, timeouts=1, raises=1, slips=1)
)
"""Older processes claim and settle beside it."""
RAISED_REFUSALS = replace(
    RAISED, name="a version that rises, refusals", budget=Budget(toggles=1, busy=1, refusals=1, raises=1, slips=1)
)
RAISED_REUSED = replace(
    RAISED, name="a version that rises, a username used again",
    budget=Budget(deletes=1, creates=1, timeouts=1, raises=1, slips=1),
)  # fmt: skip
RAISED_VERSIONS = replace(
    RAISED,
    name="a version that rises, everything on offer",
    offers=TARGETS["everything"],
    budget=RAISED.budget._replace(slips=0),
)
"""What an older process sends with a newer generation, the target cannot know to be older: it is sent once more."""
RAISED_BLIND = replace(RAISED, name="a version that rises, nothing on offer", offers=TARGETS["nothing"])

KEPT = Configuration(
    "kept: a username that changes", TARGETS["query"], Budget(edits=1, kills=1, timeouts=1, renames=1), backed_up=True
)
KEPT_REUSED = replace(
    KEPT,
    name="kept: the old username used again",
    budget=Budget(edits=1, creates=1, deletes=1, kills=1, timeouts=1, renames=1),
)
KEPT_BACK = replace(
    KEPT,
    name="kept: back and forth, from the beginning",
    budget=Budget(kills=1, timeouts=1, renames=2),
    backed_up=False,
)
KEPT_BLIND = replace(KEPT, name="kept: nothing on offer", offers=TARGETS["nothing"])
KEPT_EVERYTHING = replace(
    KEPT_REUSED,
    name="kept: everything on offer",
    offers=TARGETS["everything"],
    budget=KEPT_REUSED.budget._replace(edits=0, kills=0),
)
KEPT_GONE = replace(
    KEPT,
    name="kept: the username of somebody who has left used again",
    budget=Budget(toggles=2, creates=1, timeouts=1, renames=1),
)
KEEPING = (KEPT, KEPT_REUSED, KEPT_BACK, KEPT_BLIND, KEPT_EVERYTHING, KEPT_GONE)

REPLACED = Configuration(
    "replaced: a username that changes", TARGETS["query"], Budget(edits=1, kills=1, timeouts=1, renames=1),
    replaces=True, backed_up=True,
)  # fmt: skip
REPLACED_REUSED = replace(
    REPLACED, name="replaced: the old username used again", budget=Budget(creates=1, kills=1, timeouts=1, renames=1)
)
REPLACED_BACK = replace(
    REPLACED, name="replaced: back and forth, a deletion", budget=Budget(deletes=1, timeouts=1, renames=2)
)
REPLACED_SHARED = replace(
    REPLACED_REUSED, name="replaced: shared usernames", offers=TARGETS["query, shared usernames"]
)
REPLACED_EVERYTHING = replace(REPLACED_REUSED, name="replaced: everything on offer", offers=TARGETS["everything"])
REPLACED_BLIND = replace(
    REPLACED, name="replaced: nothing on offer", offers=TARGETS["nothing"], budget=Budget(timeouts=1, renames=1)
)
REPLACED_TRUST = replace(
    TRUST,
    name="replaced: a stranger's record, adopted on trust",
    budget=Budget(edits=1, timeouts=1, renames=1),
    replaces=True,
)
REPLACED_UNMARKED = replace(
    UNMARKED,
    name="replaced: a stranger's record without external id",
    budget=Budget(edits=1, timeouts=1, renames=1),
    replaces=True,
)
REPLACED_LEFT = replace(
    REPLACED,
    name="replaced: somebody who leaves, comes back, and stays there meanwhile",
    budget=Budget(toggles=2, timeouts=1, renames=1),
    leaving=Leaving(OnLeave.LEAVE),
)
REPLACED_DEACTIVATED = replace(
    REPLACED_LEFT,
    name="replaced: somebody who leaves, comes back, and is deactivated meanwhile",
    leaving=Leaving(OnLeave.DEACTIVATE),
)
REPLACING = (
    REPLACED, REPLACED_REUSED, REPLACED_BACK, REPLACED_SHARED, REPLACED_EVERYTHING, REPLACED_BLIND, REPLACED_TRUST, REPLACED_UNMARKED,
    REPLACED_LEFT, REPLACED_DEACTIVATED,
)  # fmt: skip

_RENAMES = TARGETS["query"]._replace(renames=True)
RENAMED = Configuration(
    "renamed: a username that changes", _RENAMES, Budget(edits=1, kills=1, timeouts=1, renames=2), backed_up=True
)
RENAMED_REUSED = replace(
    RENAMED,
    name="renamed: the old username used again",
    budget=Budget(creates=1, deletes=1, kills=1, timeouts=1, renames=1),
)
RENAMED_BACK = replace(
    RENAMED, name="renamed: back and forth, a deletion", budget=Budget(deletes=1, kills=1, timeouts=1, renames=2)
)
RENAMED_ON = replace(
    RENAMED,
    name="renamed: on to a third username",
    budget=Budget(kills=1, timeouts=2, renames=2),
    usernames=3,
)
RENAMED_REFUSED = replace(
    RENAMED_ON,
    name="renamed: refused, then another one",
    budget=Budget(kills=1, timeouts=1, refusals=1, busy=1, renames=2),
)
RENAMED_SWAPPED = replace(
    RENAMED,
    name="renamed: two that take each other's usernames",
    budget=Budget(creates=1, timeouts=1, renames=3),
    usernames=3,
)
RENAMED_SHARED = replace(
    RENAMED_REUSED,
    name="renamed: shared usernames",
    offers=TARGETS["query, shared usernames"]._replace(renames=True),
    budget=Budget(creates=1, kills=1, timeouts=1, renames=2),
)
RENAMED_EVERYTHING = replace(
    RENAMED_REUSED,
    name="renamed: everything on offer",
    offers=TARGETS["everything"]._replace(renames=True),
    budget=Budget(creates=1, kills=1, timeouts=1, renames=2),
)
RENAMED_FROZEN = replace(
    RENAMED, name="renamed: a frozen worker", budget=Budget(edits=1, freezes=1, timeouts=1, renames=2)
)
RENAMED_LEFT = replace(
    RENAMED,
    name="renamed: somebody who leaves, comes back, and stays there meanwhile",
    budget=Budget(toggles=2, kills=1, timeouts=1, renames=2),
    leaving=Leaving(OnLeave.LEAVE),
)
RENAMED_DEACTIVATED = replace(
    RENAMED_LEFT,
    name="renamed: somebody who leaves, comes back, and is deactivated meanwhile",
    budget=Budget(toggles=2, timeouts=1, renames=1),
    leaving=Leaving(OnLeave.DEACTIVATE),
)
RENAMED_TRUST = replace(
    TRUST, name="renamed: a stranger's record, adopted on trust", offers=TRUST.offers._replace(renames=True),
    budget=Budget(edits=1, timeouts=1, renames=1),
)  # fmt: skip
RENAMED_UNMARKED = replace(
    UNMARKED, name="renamed: a stranger's record without external id", offers=UNMARKED.offers._replace(renames=True),
    budget=Budget(edits=1, kills=1, timeouts=1, renames=2),
)  # fmt: skip
RENAMED_RESTORED = replace(
    RENAMED_REUSED,
    name="renamed: the third party is restored",
    budget=Budget(creates=1, timeouts=1, restores=1, renames=2),
)
RENAMED_APART = replace(
    RENAMED_REUSED,
    name="renamed: something comes between the claim and the attempt",
    budget=Budget(edits=1, busy=1, creates=1, kills=1, renames=2),
    apart=True,
)
RENAMING = (
    RENAMED, RENAMED_REUSED, RENAMED_BACK, RENAMED_ON, RENAMED_REFUSED, RENAMED_SWAPPED, RENAMED_SHARED, RENAMED_EVERYTHING,
    RENAMED_FROZEN, RENAMED_LEFT, RENAMED_DEACTIVATED, RENAMED_TRUST, RENAMED_UNMARKED, RENAMED_RESTORED, RENAMED_APART,
)  # fmt: skip
RENAMING_FULLY = (
    replace(RENAMED_REUSED, budget=RENAMED_REUSED.budget._replace(edits=1)),
    replace(RENAMED_SWAPPED, budget=RENAMED_SWAPPED.budget._replace(kills=1)),
    replace(RENAMED_RESTORED, budget=RENAMED_RESTORED.budget._replace(edits=1)),
)

_DECISIONS = {
    "in doubt": Budget(edits=1, kills=1, timeouts=1, decisions=1),
    "one after the other": Budget(edits=1, timeouts=1, refusals=1, decisions=2),
    "deactivation": Budget(edits=1, toggles=2, timeouts=1, decisions=1),
    "a username used again": Budget(edits=1, deletes=1, creates=1, timeouts=1, decisions=1),
}
"""What goes wrong while people decide by hand."""
STRANGERS_BY_HAND = replace(
    UNMARKED_NEVER,
    name="by hand: a stranger's record without external id",
    budget=Budget(edits=1, toggles=2, timeouts=1, refusals=1, decisions=1),
)
STRANGERS_BESIDE = replace(
    STRANGERS_BY_HAND,
    name="by hand: a stranger's record beside ours",
    offers=TARGETS["query, shared usernames"],
    budget=Budget(edits=1, toggles=1, timeouts=1, refusals=1, decisions=1),
)


LEAVING = {
    "left": Leaving(OnLeave.LEAVE),
    "deactivated": Leaving(OnLeave.DEACTIVATE),
    "deleted later": Leaving(OnLeave.DELETE, 30),
    "deactivated, and deleted later": Leaving(OnLeave.DEACTIVATE, 30),
}
_WHO_LEAVES = {
    "somebody who comes back": Budget(edits=1, toggles=2, kills=1, timeouts=1),
    "a username used again": Budget(edits=1, deletes=1, creates=1, timeouts=1),
    "days": Budget(toggles=2, kills=1, timeouts=1, days=1),
}


def leaving() -> list[Configuration]:
    """Where the target keeps the records of those who leave, for good or for some days."""
    return [
        Configuration(f"{policy}, {target}: {profile}", TARGETS[target], budget, leaving=LEAVING[policy])
        for policy, targets in (
            ("left", ("query", "nothing")),
            ("deactivated", ("query", "everything", "nothing")),
            ("deleted later", ("query",)),
            ("deactivated, and deleted later", ("query", "nothing")),
        )
        for target in targets
        for profile, budget in _WHO_LEAVES.items()
        if (profile == "days") == ("later" in policy)
    ]


HELD = Configuration(
    "held by the brake: whoever leaves and comes back",
    TARGETS["query"],
    Budget(toggles=2, timeouts=1, latches=1),
    backed_up=True,
)
"""What is level is to be taken away, by a person who may come back, and other people decide about that."""
HELD_DELETION = replace(
    HELD, name="held by the brake: a deletion", budget=Budget(deletes=1, kills=1, timeouts=1, latches=1)
)
HELD_REUSED = replace(
    HELD, name="held by the brake: a username used again", budget=Budget(deletes=1, creates=1, edits=1, latches=1)
)
HELD_REWRITES = replace(
    HELD, name="held by the brake: rewrites", budget=Budget(edits=2, kills=1, timeouts=1, latches=1), rewrites=True
)
HELD_FREEZES = replace(
    HELD_REWRITES, name="held by the brake: a frozen worker", budget=Budget(edits=2, freezes=1, latches=1)
)
HELD_RAISED = replace(
    HELD, name="held by the brake: a version that rises", budget=Budget(deletes=1, raises=1, latches=1)
)
HELD_BY_HAND = replace(
    HELD, name="held by the brake: decisions by hand", budget=Budget(toggles=1, decisions=1, latches=1)
)
HELD_RESTORED = Configuration(
    "held by the brake: the third party has its backup back",
    RESTORED.offers,
    Budget(deletes=1, creates=1, restores=1, latches=1),
    restored_at_rest=True,
)
"""Whoever comes meets what was rejected, on its remote id."""
HELD_APART = replace(
    HELD_REWRITES, name="held by the brake, apart: rewrites", budget=Budget(edits=2, latches=1), apart=True
)
HELD_REFERENCES = Configuration(
    "held by the brake: references", CHECKED, Budget(deletes=1, switches=1, latches=1), refers=ORDER
)
"""What is held keeps those waiting that it names."""


def braked() -> list[Configuration]:
    """Where the target's brake may latch."""
    return [
        HELD, HELD_DELETION, HELD_REUSED, HELD_REWRITES, HELD_FREEZES, HELD_RAISED, HELD_BY_HAND, HELD_RESTORED, HELD_APART, HELD_REFERENCES,
        replace(HELD_DELETION, name="held by the brake: nothing on offer", offers=TARGETS["nothing"]),
        replace(HELD, name="held by the brake: deactivations", leaving=LEAVING["deactivated"]),
        replace(
            HELD, name="held by the brake: days", leaving=LEAVING["deactivated, and deleted later"],
            budget=Budget(deletes=1, days=1, latches=1),
        ),
        replace(HELD, name="held by the brake: a record is replaced", replaces=True, budget=Budget(renames=1, edits=1, latches=1)),
    ]  # fmt: skip


def by_hand() -> list[Configuration]:
    """Decisions by hand; they differ by what can be asked of the target, and in doubt by what else it offers."""
    found = [
        Configuration(f"by hand, {target}: {profile}", TARGETS[target], budget)
        for target in ("query", "everything", "nothing")
        for profile, budget in _DECISIONS.items()
        if target != "everything" or profile == "in doubt"
    ]
    return [*found, STRANGERS_BY_HAND, STRANGERS_BESIDE]


def references(*, fully: bool = False) -> list[Configuration]:
    """Where one user refers to another."""
    found = [
        Configuration(f"references: {name}", offers, budget, refers=refers)
        for name, (offers, refers, budget) in (FULL_REFERENCES if fully else REFERENCES).items()
    ]
    lost = Budget(toggles=1, losses=1)
    gone = [
        Configuration(f"references: a lost customer who is {policy}", CHECKED, lost, refers=ORDER, leaving=leaving)
        for policy, leaving in {"deleted": Leaving(), **LEAVING}.items()
    ]
    return [*found, *(replace(each, budget=lost._replace(days=int("later" in each.name))) for each in gone)]


_DAILY = {
    "query": set(PROFILES),
    "query, versions": set(PROFILES) - {"a frozen worker"},
    "query, shared usernames": {"a username used again"},
    # In the others its states are those of "nothing", one for one.
    "idempotency, shared usernames": {"a username used again", "a frozen worker"},
    "everything": set(PROFILES),
    "nothing": set(PROFILES),
}
"""What differs enough from the others to be explored each time."""


def apart() -> list[Configuration]:
    """Something comes between a claim and its attempt."""
    edits = Configuration("apart: edits and a death", TARGETS["query"], Budget(edits=2, kills=1, busy=1), apart=True)
    return [
        edits,
        replace(edits, name="apart: a frozen worker", budget=Budget(edits=1, freezes=1, kills=1)),
        replace(edits, name="apart: whoever leaves and comes back", budget=Budget(toggles=2, kills=1, timeouts=1)),
        replace(edits, name="apart: a username used again", budget=Budget(deletes=1, creates=1, freezes=1)),
        replace(
            edits, name="apart: versions", offers=TARGETS["everything"], budget=Budget(edits=1, freezes=1, timeouts=1)
        ),
        replace(
            edits,
            name="apart: nothing on offer",
            offers=TARGETS["nothing"],
            budget=Budget(edits=1, kills=1, timeouts=1),
        ),
        replace(RAISED, name="apart: the version rises", apart=True),
        replace(REPLACED, name="apart: a record is replaced", apart=True),
    ]


def daily() -> list[Configuration]:
    """What is explored in each test run, without PROTOCOL 5's exception."""
    found = [
        Configuration(f"{target}: {profile}", TARGETS[target], budget)
        for target, profiles in _DAILY.items()
        for profile, budget in PROFILES.items()
        if profile in profiles
    ]
    restored = [
        RESTORED, RESTORED_SHARED, RESTORED_BLIND, RESTORED_STRANGER, RESTORED_LATE, RESTORED_REUSED, RESTORED_REUSED_SHARED,
        RESTORED_BACK,
    ]  # fmt: skip
    raised = [RAISED, RAISED_REFUSALS, RAISED_REUSED, RAISED_VERSIONS, RAISED_BLIND]
    return [
        *found, TRUST, UNMARKED, UNMARKED_NEVER, *restored, *raised, *KEEPING, *REPLACING, *RENAMING, *by_hand(), *references(), *leaving(), *braked(),
        *apart(),
    ]  # fmt: skip


def full() -> list[Configuration]:
    """Every target with the full budgets; hours, rather than minutes."""
    found = [
        Configuration(f"{target}: {profile}", offers, budget)
        for target, offers in TARGETS.items()
        for profile, budget in FULL.items()
    ]
    restored = [
        replace(RESTORED, name=f"restored from backup: {name}", budget=budget)
        for name, budget in FULL_RESTORED.items()
    ]
    trust = replace(TRUST, budget=TRUST.budget._replace(edits=2, kills=2, freezes=1))
    return [*found, trust, *restored, *RENAMING_FULLY, *references(fully=True)]

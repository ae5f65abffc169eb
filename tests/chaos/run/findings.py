"""What audits named, against what was done behind our back: I15, and I16. Pure."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.chaos.run.ledger import RESTORE, Effect
from tests.chaos.run.options import LEASE_SECONDS
from tests.chaos.run.promises import CLOCK_SECONDS, History
from tests.chaos.run.witness import Content

MISSING, DIFFERING, ALTERED, EXTRA = "missing", "differing", "altered", "extra"
OURS = "ours"
KEY = "key"
IDENTITY = frozenset({KEY, "remote_id", "external_id"})
EXTRA_USERNAME = "extra"
"""With what the usernames begin of records that the third party gets beside ours."""


@dataclass(frozen=True, slots=True)
class Found:
    """A confirmed finding. ``external_id``: of its record here, empty for none. ``at``: when it was written down, in unix seconds."""

    external_id: str
    remote_id: str
    verdict: str
    fields: frozenset[str]
    ahead: str
    generation: int | None
    at: float
    mended: bool


@dataclass(frozen=True, slots=True)
class Drift:
    """Something that somebody did to a record that was at rest. ``fields``: as an audit calls them, where it differs since."""

    external_id: str
    remote_id: str
    verdict: str
    at: float
    fields: frozenset[str] = frozenset()


def unnamed(
    drifts: Iterable[Drift], found: Sequence[Found], given_again: Mapping[str, float] | None = None
) -> Iterator[str]:
    """I15: each drift that stands is found, under its name, with its fields, and owed again; an extra one only found.

    ``given_again``: when an id was last given to a record that we added. Whoever is linked to that id looks, and comes
    right by that, before the audit has asked for them.
    """
    for drift in drifts:
        if drift.verdict == MISSING and (given_again or {}).get(drift.remote_id, 0.0) > drift.at:
            continue
        named = [each for each in found if each.at >= drift.at - CLOCK_SECONDS and _is_of(each, drift)]
        right = [each for each in named if each.verdict == drift.verdict and each.fields >= drift.fields]
        what = f"{drift.external_id or drift.remote_id}: is {drift.verdict} {', '.join(sorted(drift.fields))}".rstrip()
        if not right:
            told = ", ".join(f"{each.verdict} {sorted(each.fields)}" for each in named) or "nothing"
            yield f"{what}, and the audit says {told}"
        elif drift.verdict == EXTRA:
            if any(each.mended for each in right):
                yield f"{what}, and was to be mended"
        elif not any(each.mended for each in right):
            yield f"{what}, and was not owed again"
        elif all(each.ahead == OURS for each in right):
            yield f"{what}, and is taken for a change of ours"


def unfounded(
    history: History,
    found: Iterable[Found],
    freezes: Collection[tuple[float, float]],
    *,
    owed_in_batches: bool = False,
    was_retired: bool = False,
    brought_back: Collection[str] = (),
) -> Iterator[str]:
    """I16: what an audit calls missing or differing was made so by somebody else, since it was acknowledged.

    An audit is to find nothing else: a change of ours that got lost would come right by it, and nobody would know.
    ``owed_in_batches``: something happened for which everything is owed anew; what is found before its turn is rightly said
    to be ahead here. ``was_retired``: the target was, and may know people by names that they had before. ``brought_back``: ids of records that a
    restore brought back, and an edit of another went astray to: they keep the names that they had in the backup.
    """
    for each in found:
        if each.fields == {KEY} and (was_retired or each.remote_id in brought_back):
            continue
        if each.verdict not in (MISSING, DIFFERING, ALTERED) or (owed_in_batches and each.ahead == OURS):
            continue
        wanted = {item.content for item in history.evidence.generations if item.number == each.generation}
        since = max((at for number, at in history.evidence.acknowledged if number == each.generation), default=0.0)
        moments = _moments(history.effects, since + CLOCK_SECONDS, each.at + CLOCK_SECONDS)
        if not any(
            (last.is_foreign or _was_frozen(history, last, freezes)) and _bears(each, living, wanted)
            for last, living in moments
        ):
            fields = ", ".join(sorted(each.fields))
            yield f"{history.external_id}: was found {each.verdict} {fields} at {each.at:.3f}, and nobody had done that"


def touched_extras(entries: Iterable[Mapping[str, Any]], backfilled: Sequence[float] = ()) -> Iterator[str]:
    """I15: what the third party has beside ours is never changed or removed by us. ``entries``: the whole ledger, restores, too.

    But for what was given the id of a record of ours that its own people had deleted, or that a restore had taken away, up to
    the backfill after it: whoever edits that person here meanwhile writes to it (docs/guarantees.md).
    ``backfilled``: when each backfill had come back.
    """
    entries = list(entries)
    freed = _freed(entries, backfilled)
    for user_id, effect in _after_extras(entries):
        if effect is not None and effect["call"] not in (RESTORE, "operator"):
            if effect["at"] <= freed.get((user_id, effect["external_id"]), 0.0):
                continue
            yield f"the record {user_id} beside ours was {effect['effect']} by us (#{effect['request']})"


def extras(entries: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """The records that the third party got beside ours, and that nobody has touched since, by their ids."""
    entries = list(entries)
    standing = {user_id for user_id, effect in _after_extras(entries) if effect is None}
    return {
        entry["user_id"]: entry["record"] for entry in entries if _is_extra(entry) and entry["user_id"] in standing
    }


def given_again(entries: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """When each id was last given to a record that we added, in unix seconds."""
    return {
        entry["user_id"]: entry["at"]
        for entry in entries
        if entry["kind"] == "effect" and (entry["effect"], entry.get("call")) == ("created", "add")
    }


def handed_on(entries: Iterable[Mapping[str, Any]]) -> set[tuple[str, str]]:
    """By id and username, the records that we added under an id that the third party's own people had freed of another of ours.

    What is sent to that id, before an audit has found that one missing, writes over the record; its username stays
    (docs/guarantees.md).
    """
    freed: dict[str, str] = {}
    handed = set()
    for entry in entries:
        if entry["kind"] != "effect":
            continue
        deed = (entry["effect"], entry.get("call"))
        if deed == ("deleted", "operator") and entry["external_id"]:
            freed[entry["user_id"]] = entry["external_id"]
        elif deed == ("created", "add") and freed.get(entry["user_id"], entry["external_id"]) != entry["external_id"]:
            handed.add((entry["user_id"], entry["username"]))
    return handed


def _after_extras(entries: Iterable[Mapping[str, Any]]) -> list[tuple[str, Mapping[str, Any] | None]]:
    """The id of each extra record, and what happened to it next; None for nothing yet."""
    told: list[tuple[str, Mapping[str, Any] | None]] = []
    standing: set[str] = set()
    for entry in entries:
        if entry["kind"] != "effect":
            continue
        if entry["user_id"] in standing:
            standing.remove(entry["user_id"])
            told.append((entry["user_id"], entry))
        if _is_extra(entry):
            standing.add(entry["user_id"])
    return [*told, *((user_id, None) for user_id in sorted(standing))]


def _freed(entries: Iterable[Mapping[str, Any]], backfilled: Sequence[float]) -> dict[tuple[str, str], float]:
    """Until when an update may go to an id that our record has no more, by the id and the external id that the record had.

    For ever, where the third party's own people deleted it. What a lease had begun before the backfill ends with the lease.
    """
    return {
        (entry["user_id"], entry["external_id"]): math.inf
        if entry["call"] == "operator"
        else min((at for at in backfilled if at > entry["at"]), default=math.inf) + LEASE_SECONDS
        for entry in entries
        if entry["kind"] == "effect" and entry["effect"] == "deleted" and entry["call"] in ("operator", RESTORE)
    }


def _is_extra(entry: Mapping[str, Any]) -> bool:
    created = entry["kind"] == "effect" and entry["effect"] == "created" and entry["call"] == "operator"
    return created and str(entry["username"]).startswith(EXTRA_USERNAME)


def _is_of(found: Found, drift: Drift) -> bool:
    if drift.verdict == EXTRA:
        return found.remote_id == drift.remote_id
    return found.external_id == drift.external_id


def _moments(effects: Sequence[Effect], since: float, until: float) -> Iterator[tuple[Effect, list[Content]]]:
    """What had happened last and what was there, at ``since`` and after each later effect."""
    living: dict[str, Content] = {}
    before: tuple[Effect, list[Content]] | None = None
    for effect in effects:
        if effect.at > until:
            break
        if before is not None and effect.at > since:
            yield before
        if effect.content is None:
            living.pop(effect.user_id, None)
        else:
            living[effect.user_id] = effect.content
        before = (effect, list(living.values()))
    if before is not None:
        yield before


def _bears(found: Found, living: Sequence[Content], wanted: Collection[Content | None]) -> bool:
    """Whether what was there bears out the finding."""
    if found.verdict == MISSING:
        return not living
    if found.fields <= IDENTITY:
        return bool(living)
    return any(content is not None and not held.is_as_new_as(content) for held in living for content in wanted)


def _was_frozen(history: History, effect: Effect, freezes: Collection[tuple[float, float]]) -> bool:
    """Whether its sender may have slept past its lease: what it sends then, nobody expects any more."""
    sender = history.sent_by.get(effect.request or 0)
    began = sender.started_at if sender is not None else effect.at
    return any(since < effect.at and until > began for since, until in freezes)

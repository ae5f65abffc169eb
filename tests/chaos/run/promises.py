"""The invariants that only the whole history can show: each gives a sentence for every time it was broken. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from tests.chaos.run.ledger import Effect, Ledger, Write
from tests.chaos.run.options import TIMEOUT_SECONDS
from tests.chaos.run.witness import Content, Evidence

CLOCK_SECONDS = 0.02
"""One machine, one clock; SQLite's has milliseconds."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A row of `Attempt`; times in unix seconds."""

    id: int
    call: str
    key: str
    outcome: str
    reason: str
    started_at: float
    finished_at: float | None


@dataclass(frozen=True, slots=True)
class History:
    """Everything known of one record."""

    external_id: str
    attempts: Sequence[Attempt]
    evidence: Evidence
    writes: Sequence[Write]
    effects: Sequence[Effect]
    others: Sequence[Evidence] = ()
    """What was seen of the other records of this target."""
    sent_by: dict[int, Attempt | None] = field(default_factory=dict)
    """The attempt behind each write request, by the request's ``seq``."""
    numbered_since: float = 0.0
    """From when on the generations of ``evidence`` are counted, in unix seconds: a record that is made anew begins again."""

    def __post_init__(self) -> None:
        self.sent_by.update(_matched(self.writes, self.attempts))


def histories(
    ledger: Ledger,
    attempts: dict[str, list[Attempt]],
    evidence_by_key: dict[str, Evidence],
    *,
    dropped_at: float = 0.0,
) -> Iterator[History]:
    """One for each external id that anybody knows of.

    ``dropped_at``: when the target was retired, in unix seconds. With its records, their attempts have gone.
    """
    for external_id in sorted({*ledger.writes, *ledger.effects, *attempts, *evidence_by_key}):
        others = [seen for other, seen in evidence_by_key.items() if other != external_id]
        yield History(
            external_id,
            sorted(attempts.get(external_id, ()), key=lambda attempt: attempt.started_at),
            evidence_by_key.get(external_id, Evidence()),
            [write for write in ledger.writes.get(external_id, ()) if write.at > dropped_at],
            ledger.effects.get(external_id, ()),
            others,
            numbered_since=dropped_at,
        )


def acknowledged_unapplied(history: History) -> Iterator[str]:
    """I2: what is acknowledged as g was applied with the content of g or a later generation.

    Absent is also who is named by records only that others of ours are linked to, which an update went astray to after a
    restore; who was absent, is back by a restore, and is owed without a question, as before a backfill; and who was never
    here, since the strict write that was to bring them was refused: what it took over of the third party's own stays there.
    """
    for number, at in history.evidence.acknowledged:
        later = [item for item in history.evidence.generations if item.number >= number]
        contents = {item.content for item in later}
        now = at + CLOCK_SECONDS
        if any(effect.at <= now and _holds(effect, contents) for effect in history.effects):
            continue
        if None in contents and _absent_between(history.effects, min(item.at for item in later), now):
            continue
        there = _living(history.effects, now)
        if None in contents and all(_is_of_another(history, user_id, now) for user_id in there):
            continue
        if None in contents and _asked_nobody(history, at) and all(effect.restored for effect in there.values()):
            continue
        if not history.evidence.was_wanted and all(effect.was_theirs for effect in there.values()):
            continue
        yield f"{history.external_id}: generation {number} was acknowledged at {at:.3f} and never applied before"


def content_before_its_version(history: History, *, candidates: Collection[str] = ()) -> Iterator[str]:
    """I4 where versions are honoured: what is applied as version v is the content of v or a later generation.

    Each part of it: a person and the groups are read in two queries, and an edit between them is owed once more.

    ``candidates``: addresses of strict writes. A target is asked to take one before anybody has it, and nobody has it here
    unless it is accepted; its roles may be called otherwise by then. The external ids in it are of whom a strict write was to
    take away: should it have to repeat their unanswered add, to learn the record's id, that says nothing of them.
    """
    had = {item.content.email for item in history.evidence.generations if item.content is not None}
    for effect in history.effects:
        if effect.content is not None and effect.content.email in set(candidates) - had:
            continue
        if effect.content is None or effect.version is None or effect.request is None:
            continue  # what the third party's own people do bears no version of ours
        if effect.at <= history.numbered_since:
            continue
        contents = {item.content for item in history.evidence.generations if item.number >= effect.version}
        if effect.content.email in candidates and any(held and held.is_as_new_as(effect.content) for held in contents):
            continue
        goes = None in contents or history.external_id in candidates
        if not _holds_in_parts(effect.content, contents) and not (goes and effect.content.bare):
            yield f"{history.external_id}: version {effect.version} was applied with older content (#{effect.seq})"


def in_flight_together(history: History, freezes: Iterable[tuple[float, float]]) -> Iterator[str]:
    """I5: no write request arrives while another one of the same record is under way, frozen workers aside."""
    frozen = list(freezes)
    for one, two in zip(history.writes, history.writes[1:], strict=False):
        ends = one.at + TIMEOUT_SECONDS if one.answered_at is None else min(one.answered_at, one.at + TIMEOUT_SECONDS)
        sender = history.sent_by[one.seq]
        if sender is not None and sender.finished_at is not None and sender.reason != "lease_expired":
            ends = min(ends, sender.finished_at)
        began = sender.started_at if sender is not None else one.at
        if two.at + CLOCK_SECONDS < ends and not any(since < two.at and until > began for since, until in frozen):
            yield f"{history.external_id}: requests #{one.seq} and #{two.seq} were under way together"


def sent_unannounced(history: History) -> Iterator[str]:
    """I6: every write request has an attempt, written before it, of its own."""
    for write in history.writes:
        if history.sent_by[write.seq] is None:
            yield f"{history.external_id}: request #{write.seq} ({write.call}) has no attempt"


def called_otherwise(history: History) -> Iterator[str]:
    """I8: the target knows a person by one name, which they had here, whatever they are called later.

    Who is found where a retired target is named again may have the name of then.
    """
    called = [name for name in history.evidence.frozen if name]
    had = {item.username for item in history.evidence.generations if item.username} | history.evidence.earlier
    for one, two in pairwise(called):
        if one != two:
            yield f"{history.external_id}: was {one!r} at the target and is to be {two!r}"
    if had and called and called[0] not in had:
        yield f"{history.external_id}: is {called[0]!r} at the target and never was that here"


def later_than_promised(history: History, window_seconds: float) -> Iterator[str]:
    """The third party's own promise: what takes effect after its window makes the run void."""
    for effect in history.effects:
        sender = history.sent_by.get(effect.request or 0)
        if sender is None or sender.finished_at is None:
            continue
        if effect.at > sender.finished_at + window_seconds:
            yield f"{history.external_id}: #{effect.request} took effect at {effect.at:.3f}, too late (#{effect.seq})"


def _matched(writes: Sequence[Write], attempts: Sequence[Attempt]) -> Iterator[tuple[int, Attempt | None]]:
    free = list(attempts)
    # From the end, since requests that were held up together arrive in the order in which they were sent.
    for write in reversed(writes):
        possible = [
            attempt
            for attempt in free
            if attempt.call == write.call
            and attempt.started_at <= write.at + CLOCK_SECONDS
            and (write.key is None or attempt.key == write.key)
        ]
        sender = possible[-1] if possible else None
        if sender is not None:
            free.remove(sender)
        yield write.seq, sender


def _holds(effect: Effect, contents: Collection[Content | None]) -> bool:
    """Whether what took effect is one of these, or newer in its roles."""
    held = effect.content
    return held is not None and any(held.is_as_new_as(content) for content in contents if content is not None)


def _holds_in_parts(held: Content, contents: Collection[Content | None]) -> bool:
    seen = [content for content in contents if content is not None]
    return any(map(held.has_fields_of, seen)) and any(map(held.has_roles_of, seen))


def _living(effects: Sequence[Effect], until: float) -> dict[str, Effect]:
    """The records that lived then, each with what was done to it last."""
    last = {effect.user_id: effect for effect in effects if effect.at <= until}
    return {user_id: effect for user_id, effect in last.items() if effect.content is not None}


def _is_of_another(history: History, user_id: str, at: float) -> bool:
    return any(other.has_linked(user_id, at) for other in history.others)


def _asked_nobody(history: History, at: float) -> bool:
    """Whether the step that acknowledged then had no need to ask the target: nothing was known to be there."""
    return any(
        attempt.call == "nothing"
        and attempt.finished_at is not None
        and attempt.started_at <= at + CLOCK_SECONDS
        and at <= attempt.finished_at + CLOCK_SECONDS
        for attempt in history.attempts
    )


def _absent_between(effects: Sequence[Effect], since: float, until: float) -> bool:
    """Whether there was a moment in that time at which no record lived."""
    living: set[str] = set()
    for effect in effects:
        if effect.at > until:
            break
        if not living and effect.at >= since:
            return True
        if effect.content is None:
            living.discard(effect.user_id)
        else:
            living.add(effect.user_id)
    return not living

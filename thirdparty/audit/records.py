"""The walk through our records: each that is not settled yet is looked up at its target.

That is all of them where the target cannot be listed; else those that its listing did not show, or showed otherwise. A
listing that ends early is found out here: what it left out is still there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from thirdparty import protect
from thirdparty.audit import looks
from thirdparty.audit.conclusions import Compared, conclude
from thirdparty.audit.digest import digest_of
from thirdparty.audit.journal import STUMBLES, Journal
from thirdparty.audit.looks import Ours
from thirdparty.audit.questions import NotNow, Questions
from thirdparty.audit.verdict import Judged, Look, compared, is_of, not_comparable, unsettled
from thirdparty.connectors.base import Connector, RemoteRecord
from thirdparty.connectors.circles import ListingBroken
from thirdparty.connectors.errors import CapabilityMissing, TargetError
from thirdparty.decide.sample import in_sample
from thirdparty.declaration import of_kind
from thirdparty.models import Comparison, Record
from thirdparty.models.audit import OPEN, Audit, Verdict

_KEYS_AT_ONCE = 1_000
_AT_ONCE = 20
_SHARE_MOVED = 0.05
"""Of a listing that is read while its items move, no more is missed than this, or one for each border of two pages."""
_SHARE_GONE = 0.5
"""Where the target can be asked about nothing, so much of it is not believed to be gone."""


def step(journal: Journal, questions: Questions) -> bool:
    """Settle the next few records; False once there are no more. Raises `NotNow`, `ListingBroken`, `LeaseLost`, `TargetError`.

    What was answered before is kept: it is not asked about again.
    """
    audit = journal.audit
    rows = Record.objects.filter(target=audit.target, kind=audit.kind, key__gt=audit.cursor or "").order_by("key")
    seen = list(rows.values_list("key", flat=True)[:_KEYS_AT_ONCE])
    keys = [key for key in seen if in_sample(key, audit.percent)]
    noted = journal.outcomes(keys)
    todo = _at_rest(journal, [key for key in keys if key not in noted or noted[key].outcome == OPEN])
    for some in (todo[at : at + _AT_ONCE] for at in range(0, len(todo), _AT_ONCE)):
        # Twice where they were worked on meanwhile: by the second time they may be at rest.
        for key in _settle(journal, questions, some, noted, last=False):
            _settle(journal, questions, [key], noted, last=True)
        journal.go_on(cursor=some[-1])
    if seen:
        journal.go_on(cursor=seen[-1])
    return bool(seen)


def _at_rest(journal: Journal, keys: Sequence[str]) -> list[str]:
    """Those that something can be concluded of; the others are settled here, all at once: there may be very many."""
    before, at = looks.looks(keys), protect.clock()
    busy = {key: look.busy for key, look in before.items() if look.busy}
    conclude(journal, [Compared(before[key], not_comparable(why), at) for key, why in busy.items()])
    return [key for key in keys if key in before and key not in busy]


def _settle(
    journal: Journal, questions: Questions, keys: Sequence[str], noted: Mapping[str, Comparison], *, last: bool
) -> list[str]:
    """The keys of those that were worked on while their target was asked: to be asked about again, unless ``last``."""
    before = looks.looks(keys)
    wanted = looks.ours(journal.audit.target, {key: look for key, look in before.items() if not look.busy})
    answers, stopped = list[Compared](), None
    for key, look in before.items():
        try:
            answer = _asked(journal, questions, look, wanted.get(key), noted)
        except (NotNow, TargetError) as why:
            stopped = why
            break
        if answer is not None:
            answers.append(answer)
    after = looks.looks([each.look.key for each in answers])
    ended, left = list[Compared](), list[str]()
    for each in answers:
        moved = unsettled(each.look, after.get(each.look.key))
        if not moved or each.judged.verdict == Verdict.NOT_COMPARABLE:
            _require_whole(journal, each, noted)
            ended.append(each)
        elif last:
            ended.append(replace(each, judged=not_comparable(moved)))
        else:
            left.append(each.look.key)
    conclude(journal, ended)
    if stopped is not None:
        raise stopped
    return left


def _asked(
    journal: Journal, questions: Questions, look: Look, ours: Ours | None, noted: Mapping[str, Comparison]
) -> Compared | None:
    """What came of asking about one record; None for one that is not to be there, and of which none was there."""
    audit = journal.audit
    at = protect.clock()
    if ours is None:
        return Compared(look, not_comparable(look.busy), at)
    if ours.obstacle:
        return Compared(look, not_comparable(f"what is wanted cannot be said: {ours.obstacle}"), at)
    if ours.desired.obj is None and look.remote_id is None and look.key not in noted:
        # The listing shows none; and what was never there is not looked for.
        return Compared(look, Judged(Verdict.EQUAL), at) if audit.lists else None
    if not audit.looks_up:
        return _unlisted(audit, look, ours, noted, questions)
    try:
        found = _looked_up(journal, questions, look)
    except TargetError as error:
        if isinstance(error, CapabilityMissing) or journal.stumble(look.key) < STUMBLES:
            raise
        return Compared(look, not_comparable(f"the target did not say what it holds: {error}"), at)
    judged = compared(look, ours.desired.obj, found, looks.rules(questions.connector))
    digest = "" if found is None else digest_of(found, questions.connector.comparable)
    journal.answered()
    return Compared(look, judged, at, found="" if found is None else found.remote_id, digest=digest)


def _unlisted(audit: Audit, look: Look, ours: Ours, noted: Mapping[str, Comparison], questions: Questions) -> Compared:
    """What two listings say, and nothing else can."""
    at = protect.clock()
    if look.key in noted:
        return Compared(look, not_comparable("two listings showed it otherwise, or it was worked on in between"), at)
    if look.synced_at is None or look.synced_at > audit.started_at:
        return Compared(look, not_comparable("it was acknowledged while the target was listed"), at)
    return Compared(look, compared(look, ours.desired.obj, None, looks.rules(questions.connector)), at)


def _looked_up(journal: Journal, questions: Questions, look: Look) -> RemoteRecord | None:
    """The record that is ours (`is_of`), by each key that there is, the surest first; None where none is."""
    external_id = of_kind(look.kind).external_id(look.object_id)
    for nth, (name, value) in enumerate(_names(look, external_id)):
        journal.keep()
        question = partial(_found, by=name, value=value)
        found = questions.ask("query", look.key, question, known=(value,), further=nth > 0)
        if found is not None and is_of(found, look, external_id):
            return found
    return None


def _found(connector: Connector, *, by: str, value: str) -> RemoteRecord | None:
    return connector.find(**{by: value})


def _names(look: Look, external_id: str) -> Iterable[tuple[str, str]]:
    if look.remote_id is not None:
        yield "remote_id", look.remote_id
    yield "external_id", external_id
    if look.natural_key:
        yield "key", look.natural_key


def _require_whole(journal: Journal, each: Compared, noted: Mapping[str, Comparison]) -> None:
    """Raises `ListingBroken` where the listing has left out more than can have moved while it was read."""
    audit = journal.audit
    if not audit.lists or each.look.key in noted:
        return
    if audit.looks_up:
        was_there = each.look.synced_at is not None and each.look.synced_at <= audit.started_at
        if not each.found or not was_there:
            return
        journal.count("left_out")
        left_out, pages = audit.counts["left_out"], audit.counts.get("pages", 0)
        if left_out > max(pages - 1, _SHARE_MOVED * audit.counts.get("listed", 0) if pages > 1 else 0):
            raise ListingBroken(
                f"the listing ended early: {left_out} records that it does not show are there when they are looked up"
            )
    elif each.judged.verdict == Verdict.MISSING:
        journal.count("unlisted")
        if audit.counts["unlisted"] > _SHARE_GONE * audit.expected:
            raise ListingBroken(
                f"more than {_SHARE_GONE:.0%} of {audit.expected} records are in neither of two listings, and the target "
                "cannot be asked about a single one"
            )

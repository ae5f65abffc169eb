"""The walk through a target's listing, page by page.

What is equal, or left there on purpose, is settled here. Whatever else a page seems to show is only a reason to ask again: about a record by a
look-up, or by a second listing where the target offers none. Items move between pages while they are read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from thirdparty import protect
from thirdparty.audit import looks
from thirdparty.audit.conclusions import Compared, comparison, conclude
from thirdparty.audit.digest import digest_of
from thirdparty.audit.journal import Journal
from thirdparty.audit.looks import Ours
from thirdparty.audit.questions import Questions
from thirdparty.audit.verdict import Judged, Look, compared, is_of, not_comparable, unsettled
from thirdparty.connectors.base import RemoteRecord
from thirdparty.connectors.circles import MARKS, ListingBroken, require_progress
from thirdparty.connectors.identity import same_remote_id
from thirdparty.declaration import of_kind
from thirdparty.declaration.registry import declared_for
from thirdparty.models import Comparison, Finding, Ref
from thirdparty.models.audit import OPEN, Audit, Owner, Phase, Verdict

PER_PAGE = 200


@dataclass(slots=True)
class _Items:
    """A page's items: those of our records, by the record's key, and those that are not to be there.

    ``extra``: their remote ids, each with the key of the record that it claims to be of.
    """

    own: dict[str, RemoteRecord] = field(default_factory=dict)
    extra: dict[tuple[str, str], None] = field(default_factory=dict)
    rows: dict[str, Look] = field(default_factory=dict)


def step(journal: Journal, questions: Questions) -> None:
    """Read one page and note what it shows. Raises `NotNow`, `ListingBroken`, `LeaseLost`, `TargetError`."""
    audit = journal.audit
    cursor = audit.cursor
    asked_at = protect.clock()
    page = questions.ask("list", f"{audit.target}:{audit.kind}:", lambda it: it.page(cursor, limit=PER_PAGE))
    _note_page(journal, questions, page.records, asked_at)
    journal.answered()
    journal.count("pages")
    journal.count("listed", len(page.records))
    if page.next_cursor is not None:
        # An empty page is no end: only the target says where its listing ends.
        require_progress(page, asked=cursor, walk=audit.counts)
        journal.go_on(cursor=page.next_cursor)
    else:
        _require_anything(journal)
        for name in MARKS:
            audit.counts.pop(name, None)
        journal.go_on(cursor=None, phase=_following(audit))


def _following(audit: Audit) -> Phase:
    if audit.looks_up:
        return Phase.EXTRAS
    return Phase.LISTING_AGAIN if audit.phase == Phase.LISTING else Phase.RECORDS


def _require_anything(journal: Journal) -> None:
    if not journal.audit.looks_up and journal.audit.expected and not journal.audit.counts.get("listed"):
        raise ListingBroken("the target's listing is empty, and it cannot be asked about a single record")


def _note_page(journal: Journal, questions: Questions, records: Sequence[RemoteRecord], asked_at: datetime) -> None:
    audit = journal.audit
    items = _sorted(audit, records)
    before = journal.outcomes(items.own)
    todo = {key: items.rows[key] for key in items.own if key not in before or before[key].outcome == OPEN}
    wanted = looks.ours(audit.target, {key: look for key, look in todo.items() if not look.busy})
    after = looks.looks(wanted)
    ended, still_open = list[Compared](), list[Comparison]()
    for key, look in todo.items():
        found = items.own[key]
        seen = digest_of(found, questions.connector.comparable)
        judged = _judged(questions, wanted.get(key), found)
        steady = not unsettled(look, after.get(key)) and look.synced_at is not None and look.synced_at <= asked_at
        if (
            judged is not None
            and steady
            and (judged.verdict in (Verdict.EQUAL, Verdict.LEFT) or _is_same(before.get(key), look, seen))
        ):
            ended.append(Compared(look, judged, asked_at, found=found.remote_id, digest=seen))
        else:
            still_open.append(comparison(audit.pk, OPEN, look, seen, asked_at))
    with journal.writing():
        journal.note(still_open)
        _note_extra(journal, items.extra, asked_at)
    conclude(journal, ended)


def _judged(questions: Questions, ours: Ours | None, found: RemoteRecord) -> Judged | None:
    if ours is None:
        return None
    if ours.obstacle:
        return not_comparable(f"what is wanted cannot be said: {ours.obstacle}")
    return compared(ours.look, ours.desired.obj, found, looks.rules(questions.connector))


def _is_same(before: Comparison | None, look: Look, seen: str) -> bool:
    """Whether an earlier listing showed the same, and nobody has worked on the record since."""
    if before is None:
        return False
    return (before.generation, before.claims, before.digest) == (look.generation, look.claims, seen)


def _sorted(audit: Audit, records: Sequence[RemoteRecord]) -> _Items:
    declaration = of_kind(audit.kind)
    keys = {}
    for found in records:
        object_id = declaration.object_id(found.external_id) if found.external_id else None
        if object_id is not None:
            keys[found.remote_id] = Ref(audit.kind, object_id).key(audit.target)
    unnamed = [found.remote_id for found in records if not found.external_id]
    linked = looks.looks_at_remote_ids(audit.target, audit.kind, unnamed)
    items = _Items(rows=looks.looks(keys.values()) | {look.key: look for look in linked.values()})
    of_others = _of_other_kinds(audit, records)
    for found in records:
        look = items.rows.get(keys.get(found.remote_id, "")) or linked.get(found.remote_id)
        external_id = declaration.external_id(look.object_id) if look is not None else ""
        if found.external_id in of_others:
            continue
        if look is None or not is_of(found, look, external_id):
            items.extra[found.remote_id, ""] = None
        elif look.remote_id is not None and not same_remote_id(look.remote_id, found.remote_id):
            items.extra[found.remote_id, look.key] = None
        else:
            items.own[look.key] = found
    return items


def _of_other_kinds(audit: Audit, records: Sequence[RemoteRecord]) -> set[str]:
    """The external ids of what belongs to objects of other kinds: several kinds may share one collection."""
    others = [each for each in declared_for(audit.target) if each.kind != audit.kind]
    keys = {
        Ref(declaration.kind, object_id).key(audit.target): found.external_id
        for declaration in others
        for found in records
        if found.external_id and (object_id := declaration.object_id(found.external_id)) is not None
    }
    return {keys[key] for key in looks.looks(keys)} if keys else set()


def _note_extra(journal: Journal, extra: Iterable[tuple[str, str]], at: datetime) -> None:
    """Seen once, it stays unconfirmed; a second listing confirms what the first one showed, and nothing else."""
    audit = journal.audit
    if audit.phase == Phase.LISTING:
        journal.note([], [_candidate(audit, remote_id, key, at) for remote_id, key in extra])
        return
    for remote_id, key in extra:
        audit.findings.filter(record=key, remote_id=remote_id, confirmed_at=None).update(confirmed_at=at)


def _candidate(audit: Audit, remote_id: str, key: str, at: datetime) -> Finding:
    return Finding(
        audit=audit, target=audit.target, kind=audit.kind, record=key, remote_id=remote_id, seen_at=at,
        verdict=Verdict.EXTRA, owner=Owner.OURS if key else Owner.NOBODY,
    )  # fmt: skip

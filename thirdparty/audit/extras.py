"""Ask about records that a listing showed and that are not to be there."""

from __future__ import annotations

from thirdparty import protect
from thirdparty.audit import looks
from thirdparty.audit.journal import STUMBLES, Journal
from thirdparty.audit.questions import Questions
from thirdparty.audit.verdict import Look, is_of
from thirdparty.connectors.base import RemoteRecord
from thirdparty.connectors.errors import TargetError
from thirdparty.connectors.identity import same_remote_id
from thirdparty.declaration import of_kind
from thirdparty.models import Finding

_AT_ONCE = 50


def step(journal: Journal, questions: Questions) -> bool:
    """Confirm or forget the next few; False once there are no more. Raises `NotNow`, `LeaseLost`, `TargetError`."""
    audit = journal.audit
    after = int(audit.cursor or 0)
    some = list(audit.findings.filter(confirmed_at=None, pk__gt=after).order_by("pk")[:_AT_ONCE])
    for each in some:
        place = str(each.pk)
        at = protect.clock()
        try:
            is_there = _is_there(journal, questions, each)
            journal.answered()
        except TargetError:
            if journal.stumble(f"extra {each.pk}") < STUMBLES:
                raise
            is_there = False  # nothing is said of what nobody has confirmed
        with journal.writing():
            if is_there:
                Finding.objects.filter(pk=each.pk).update(confirmed_at=at)
            else:
                each.delete()
        journal.go_on(cursor=place)
    return bool(some)


def _is_there(journal: Journal, questions: Questions, finding: Finding) -> bool:
    found = _find(journal, questions, finding, finding.remote_id)
    if found is None:
        return False
    look = _owner(finding, found)
    if look is None:
        return True
    if look.remote_id is None or same_remote_id(look.remote_id, found.remote_id) or look.busy:
        return False  # it is the record's own by now: it is looked up with the others
    # A second one of ours, if there is a first one.
    own = _find(journal, questions, finding, look.remote_id, further=True)
    return own is not None and is_of(own, look, of_kind(look.kind).external_id(look.object_id))


def _find(
    journal: Journal, questions: Questions, finding: Finding, remote_id: str, *, further: bool = False
) -> RemoteRecord | None:
    journal.keep()
    return questions.ask(
        "query", finding.record, lambda it: it.find(remote_id=remote_id), known=(remote_id,), further=further
    )


def _owner(finding: Finding, found: RemoteRecord) -> Look | None:
    """The record of ours that it is of by its external id, or by our link where it has none."""
    declaration = of_kind(finding.kind)
    object_id = declaration.object_id(found.external_id) if found.external_id else None
    if object_id is not None:
        key = f"{finding.target}:{finding.kind}:{object_id}"
        return looks.looks([key]).get(key)
    if found.external_id:
        return None
    look = looks.looks_at_remote_ids(finding.target, finding.kind, [found.remote_id]).get(found.remote_id)
    return look if look is not None and is_of(found, look, declaration.external_id(look.object_id)) else None

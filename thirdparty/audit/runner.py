"""Begin audits, and take them a while further."""

from __future__ import annotations

import logging
import time
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from thirdparty import events, protect, targets
from thirdparty.audit import extras, listing, records
from thirdparty.audit.journal import Journal, LeaseLost, Outdated
from thirdparty.audit.questions import NotNow, Questions
from thirdparty.capture import versions
from thirdparty.connectors.circles import ListingBroken
from thirdparty.connectors.errors import CapabilityMissing, TargetError
from thirdparty.decide.sample import WHOLE_PERCENT
from thirdparty.declaration import is_declared, of_kind
from thirdparty.declaration.registry import declared_for
from thirdparty.models import Audit, Record, Target
from thirdparty.models.audit import Phase
from thirdparty.settings import settings

logger = logging.getLogger(__name__)

MOST_FAILURES = 10
"""So many calls that fail one after the other end an audit."""
_PAUSE_SECONDS = 0.2


class CannotAudit(Exception):
    """There is nothing to audit by; the message says why."""


def kinds(target: str) -> list[str]:
    """The kinds of objects that this target is to hold."""
    return [declaration.kind for declaration in declared_for(target)]


def begin(  # noqa: PLR0913  # what audits differ in, all by name
    target: str,
    kind: str,
    *,
    by: str = "",
    mends: bool = False,
    spread: timedelta | None = None,
    percent: float = WHOLE_PERCENT,
) -> Audit:
    """An audit of this kind at this target, from its beginning; one that is under way is ended first, unfinished.

    One of all records and one of a sample may be under way at once: a sample takes the place of a sample.
    ``spread``: over how long its calls are spread. ``percent``: of so many of the records, each looked up
    (`thirdparty.decide.sample`). Raises `CannotAudit`.
    """
    require_version(kind)
    offers = targets.connector(target, kind).capabilities
    if not (offers.list or offers.query):
        raise CannotAudit(f"target {target} can neither be listed nor be asked about a record")
    if percent < WHOLE_PERCENT and not offers.query:
        raise CannotAudit(f"target {target} cannot be asked about a record, so all of them are audited or none")
    if mends:
        _require_tried(target, kind, percent)
    lists = offers.list and percent >= WHOLE_PERCENT
    phase = Phase.LISTING if lists else Phase.RECORDS
    for _ in range(2):
        under_way(target, kind, percent=percent).update(
            finished_at=Now(), phase=Phase.ENDED, failure="another one was begun", lease_token=None, leased_until=None
        )
        try:
            with transaction.atomic():
                made = Audit.objects.create(
                    target=target, kind=kind, percent=percent, lists=lists, looks_up=offers.query, mends=mends, by=by,
                    started_at=Now(), due_at=Now(), phase=phase, spread_seconds=spread.total_seconds() if spread else None,
                    declared_version=of_kind(kind).version, hash_key=settings.hash_key().id,
                    expected=Record.objects.filter(target=target, kind=kind, remote_id__isnull=False).count(),
                )  # fmt: skip
        except IntegrityError:
            continue
        return Audit.objects.get(pk=made.pk)
    raise CannotAudit(f"others begin audits of {kind} at {target} at this moment")


def _require_tried(target: str, kind: str, percent: float) -> None:
    """Raises `CannotAudit` where mending would send a version that is tried on fewer records than these."""
    tried = targets.on_trial(Target.objects.get(name=target)).get(kind)
    if tried is not None and percent > tried:
        raise CannotAudit(
            f"a new version of {kind} is tried at {target} on {tried:g} % of the records: those can be mended, "
            "the others when they are let go (sync trial)"
        )


def require_version(kind: str) -> None:
    """Raises `CannotAudit` where this process has another version of the declaration than the database: what it takes for
    wanted is not what is sent."""
    if (differing := versions.difference_of(kind)) is not None:
        raise CannotAudit(str(differing))


def under_way(target: str, kind: str, *, percent: float) -> QuerySet[Audit]:
    """The audit of this kind at this target that has not ended: the one of all records; for a lower percentage, of a sample."""
    which = Q(percent=WHOLE_PERCENT) if percent >= WHOLE_PERCENT else Q(percent__lt=WHOLE_PERCENT)
    return Audit.objects.filter(which, target=target, kind=kind, finished_at=None)


def go_on(audit_id: int, *, seconds: float, most_calls: int | None = None) -> Audit:
    """Take this audit further for so long, and for one call longer at most. Its row as it is then.

    ``most_calls``: and with no more calls than these. Does nothing where somebody else is at it, nor in a process that has
    another version of the declaration than it was begun with, or that does not name its target. One whose row has gone with its
    target (``sync retire``) has ended, and says so in its ``failure``. Never raises for what
    the target does. Not to be used inside a transaction.
    """
    journal = Journal.take(audit_id)
    if journal is not None:
        try:
            _go_on(journal, time.monotonic() + seconds, most_calls)
        except LeaseLost:
            logger.warning("audit %s was taken up by somebody else meanwhile, or is gone", audit_id)
        finally:
            journal.release()
    row = Audit.objects.filter(pk=audit_id).first()
    return row if row is not None else _gone(journal.audit if journal is not None else Audit(pk=audit_id))


def _gone(audit: Audit) -> Audit:
    audit.phase, audit.finished_at = Phase.ENDED, protect.clock()
    audit.failure = "its target was retired meanwhile"
    return audit


def _go_on(journal: Journal, ends_at: float, most_calls: int | None) -> None:
    audit = journal.audit
    try:
        journal.require_current()
    except Outdated as why:
        end(journal, str(why))
        return
    if not is_declared(audit.kind) or of_kind(audit.kind).version != audit.declared_version:
        return
    if audit.target not in targets.names():
        return
    questions = Questions(audit.target, audit.kind, ends_at, lambda: journal.count("calls"), most_calls)
    while audit.finished_at is None and time.monotonic() < ends_at:
        try:
            _step(journal, questions)
        except NotNow as why:
            logger.debug("%s waits: %s", audit, why)
            return
        except (ListingBroken, Outdated) as why:
            end(journal, str(why))
        except TargetError as error:
            _failed(journal, error)
        except LeaseLost:
            raise
        except Exception as error:  # of our own code, or the database: it must not be tried for ever
            logger.exception("%s: a step broke off", audit)
            _failed(journal, error)


def _step(journal: Journal, questions: Questions) -> None:
    match journal.audit.phase:
        case Phase.LISTING | Phase.LISTING_AGAIN:
            listing.step(journal, questions)
        case Phase.EXTRAS:
            if not extras.step(journal, questions):
                journal.go_on(cursor=None, phase=Phase.RECORDS)
        case _:
            if not records.step(journal, questions):
                end(journal)


def _failed(journal: Journal, error: Exception) -> None:
    audit = journal.audit
    at_first = audit.phase == Phase.LISTING and audit.cursor is None
    if isinstance(error, CapabilityMissing) and at_first and audit.looks_up:
        journal.go_on(cursor=None, phase=Phase.RECORDS, lists=False)
        return
    failures = journal.failed()
    journal.go_on(cursor=audit.cursor)
    if failures >= MOST_FAILURES:
        end(journal, f"{failures} calls failed one after the other, the last with {_named(error)}")
    else:
        time.sleep(_PAUSE_SECONDS)


def _named(error: Exception) -> str:
    return str(error) if isinstance(error, TargetError) else f"{type(error).__name__} in our own code"


def end(journal: Journal, failure: str = "") -> None:
    """It is done, or could not be finished; whoever listens is told. Raises `LeaseLost`."""
    journal.end(failure)
    audit = journal.audit
    if failure:
        logger.warning("%s could not be finished: %s", audit, failure)
    events.send(
        events.audit_finished, audit.target, audit=audit.pk, kind=audit.kind, counts=audit.counts, failure=failure
    )

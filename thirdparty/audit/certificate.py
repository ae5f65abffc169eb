"""What the last audits of a target bear out, as a document: so many records equal, by the target's own answers.

It is made while people go on writing: each record was equal at its generation, at the time at which the target was asked.
docs/guarantees.md says what it means, and what it cannot.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from hashlib import sha256
from importlib import metadata
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, Exists, Max, Min, OuterRef, QuerySet
from django.db.models.functions import Collate
from django.utils.translation import gettext_noop

from thirdparty import protect
from thirdparty.audit import freshness, report
from thirdparty.audit.runner import kinds
from thirdparty.decide.sample import WHOLE_PERCENT
from thirdparty.models import Audit, Comparison, Finding, Record
from thirdparty.models.audit import Verdict
from thirdparty.observe.audits import finding_as_json

MOST_EXCEPTIONS = 10_000
"""So many stand in the document; how many there are is said in any case."""
_DISTRIBUTION = "usersync"
_TOLD_EVERY = 1_000


class CannotCertify(Exception):
    """No audit bears it out; the message says which is missing."""


def certificate(target: str, *, progress: Callable[[int, int], None] = lambda _done, _total: None) -> dict[str, Any]:
    """The document, as plain values. Raises `CannotCertify`.

    ``progress`` is called from time to time with how many of how many equal records are digested.
    """
    audits = {kind: _last(target, kind) for kind in kinds(target)}
    if not audits:
        raise CannotCertify(f"{target} is to hold nothing")
    total = Comparison.objects.filter(audit__in=audits.values(), outcome=Verdict.EQUAL).count()
    parts: list[dict[str, Any]] = []
    for audit in audits.values():
        before = sum(part["equal"] for part in parts)
        parts.append(_part(audit, partial(_digested, progress, before, total)))
    return {
        "target": target,
        "made_at": protect.clock(),
        "equal_throughout": not any(part["exceptions_total"] for part in parts),
        "kinds": parts,
        "freshness": {
            "hours": freshness.HOURS,
            "changes": asdict(freshness.changes(target)),
            "removals": asdict(freshness.removals(target)),
        },
        "package": {"name": _DISTRIBUTION, "version": _version()},
        "digest": sha256("".join(part["digest"] for part in parts).encode()).hexdigest(),
    }


def lines(target: str) -> Iterator[str]:
    """What the digests are of, kind by kind: a line for each record that was equal. Raises `CannotCertify`."""
    for kind in kinds(target):
        yield from _lines(_last(target, kind))


def _last(target: str, kind: str) -> Audit:
    finished = Audit.objects.filter(
        target=target, kind=kind, percent=WHOLE_PERCENT, finished_at__isnull=False, failure=""
    )
    audit = finished.order_by("pk").last()
    if audit is None:
        raise CannotCertify(f"no audit of {kind} at {target} has been finished yet: run sync audit --target {target}")
    return audit


def _digested(progress: Callable[[int, int], None], before: int, total: int, done: int) -> None:
    progress(before + done, total)


def _part(audit: Audit, digested: Callable[[int], None]) -> dict[str, Any]:
    compared = Comparison.objects.filter(audit=audit)
    times = compared.aggregate(first=Min("at"), last=Max("at"))
    equal = compared.filter(outcome=Verdict.EQUAL)
    exceptions = Finding.objects.filter(audit=audit, confirmed_at__isnull=False)
    made = sha256()
    for done, line in enumerate(_lines(audit), start=1):
        made.update(line.encode())
        if done % _TOLD_EVERY == 0:
            digested(done)
    return {
        "kind": audit.kind,
        "audit": audit.pk,
        "how": gettext_noop("the target's listing") if audit.lists else gettext_noop("a look-up of each record"),
        "first_compared_at": times["first"],
        "last_compared_at": times["last"],
        "compared": compared.exclude(outcome=Verdict.NOT_COMPARABLE).count(),
        "equal": equal.count(),
        "absent_as_wanted": equal.filter(digest="").count(),
        "counts": report.counts(audit),
        "not_compared": _reasons(exceptions),
        "not_looked_at": _not_looked_at(audit),
        "exceptions_total": exceptions.count(),
        "exceptions": [finding_as_json(each) for each in exceptions.order_by("pk")[:MOST_EXCEPTIONS]],
        "declaration_version": audit.declared_version,
        "hash_key": audit.hash_key,
        "digest": made.hexdigest(),
    }


def _lines(audit: Audit) -> Iterator[str]:
    """``key generation digest``, by the bytes of the keys, whatever the database's collation."""
    equal = Comparison.objects.filter(audit=audit, outcome=Verdict.EQUAL)
    by_bytes = Collate("record", "C" if connection.vendor == "postgresql" else "BINARY")
    rows = equal.order_by(by_bytes).values_list("record", "generation", "digest")
    with (
        transaction.atomic()
    ):  # a cursor of the server outlives no transaction: PgBouncer may give the connection away
        for key, generation, digest in rows.iterator():
            yield f"{key} {generation} {digest}\n"


def _reasons(exceptions: QuerySet[Finding]) -> dict[str, int]:
    """What could not be compared, by its reason."""
    reasons = exceptions.filter(verdict=Verdict.NOT_COMPARABLE).order_by("reason").values_list("reason")
    return dict(reasons.annotate(Count("pk")))


def _not_looked_at(audit: Audit) -> int:
    """Records that there are by now and that it has not seen: made since, or not wanted at the target where it cannot be listed."""
    seen = Comparison.objects.filter(audit=audit, record=OuterRef("key"))
    return Record.objects.filter(~Exists(seen), target=audit.target, kind=audit.kind).count()


def _version() -> str:
    try:
        return metadata.version(_DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return "not installed"

"""``sync audit``: compare what a target really holds with what is wanted; report it, and mend it where that is asked for."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import CommandError
from rich.console import Console

from thirdparty import permissions
from thirdparty.audit import report, runner
from thirdparty.decide.sample import WHOLE_PERCENT
from thirdparty.management.sync import action, argument, terminal
from thirdparty.management.sync.action import Answer
from thirdparty.management.sync.progress import progress
from thirdparty.models import Audit, Record
from thirdparty.models.audit import Verdict
from thirdparty.permissions import OPERATOR, Account, Right

_SLICE_SECONDS = 5.0
_PAUSE_SECONDS = 1.0
_FINDINGS_SHOWN = 50


def add_to(actions: Any) -> None:
    parser = action.add(
        actions,
        "audit",
        run=run,
        does="compare what a target holds with what is wanted",
        example="--target partner --apply --by ada",
    )
    parser.add_argument("--target", required=True, metavar="T", help="the target's name")
    parser.add_argument("--kind", metavar="K", help="only objects of this kind")
    parser.add_argument(
        "--sample",
        type=argument.percent,
        default=WHOLE_PERCENT,
        metavar="1%",
        help="look at so many of a hundred records",
    )
    parser.add_argument(
        "--apply", action="store_true", help="owe again what is missing or differs; extra records stay"
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on with the one that is under way, with --sample the one of a sample; without, a new one is begun",
    )
    parser.add_argument("--by", default="", metavar="YOU", help="your account: a new audit keeps who asked for it")


def run(_: Console, options: dict[str, Any]) -> Answer[list[Audit]]:
    """Fails where an audit could not be finished. Raises `NotAllowed`, and `CommandError` for a target, kind or account that there is not."""
    target = argument.target_named(options["target"])
    by = argument.acting(options)
    permissions.require(by, Right.DECIDE)
    kinds = runner.kinds(target)
    if options["kind"] is not None and options["kind"] not in kinds:
        raise CommandError(f"{target} is to hold no {options['kind']!r}; it holds {', '.join(kinds) or 'nothing'}")
    audits = [_through(_begun(target, kind, by, options)) for kind in kinds if options["kind"] in (None, kind)]
    unfinished = [f"{audit.kind}: {audit.failure}" for audit in audits if audit.failure]
    failure = f"could not be finished: {'; '.join(unfinished)}" if unfinished else ""
    return Answer(audits, _show, lambda some: [report.as_json(audit) for audit in some], failure)


def _begun(target: str, kind: str, by: Account, options: dict[str, Any]) -> Audit:
    wanted_by = "command line" if by is OPERATOR else options["by"]
    try:
        runner.require_version(kind)
        percent = options["sample"]
        open_one = runner.under_way(target, kind, percent=percent).first() if options["resume"] else None
        return open_one or runner.begin(target, kind, by=wanted_by, mends=options["apply"], percent=percent)
    except runner.CannotAudit as why:
        raise CommandError(str(why)) from None


def _through(audit: Audit) -> Audit:
    records = Record.objects.filter(target=audit.target, kind=audit.kind).count()
    told = ""
    with progress(
        f"auditing {audit.kind} at {audit.target}", total=round(records * audit.percent / WHOLE_PERCENT)
    ) as shown:
        while audit.finished_at is None:
            audit = runner.go_on(audit.pk, seconds=_SLICE_SECONDS)
            note = f"{audit.get_phase_display()}, {report.progress(audit)}"
            if audit.finished_at is None and note == told:
                time.sleep(_PAUSE_SECONDS)  # its target is paused or silent, or somebody else is at it
            shown.to(audit.comparisons.count(), note=note)
            told = note
    return audit


def _show(out: Console, audits: list[Audit]) -> None:
    for audit in audits:
        _show_one(out, audit)


def _show_one(out: Console, audit: Audit) -> None:
    of = "" if audit.percent == WHOLE_PERCENT else f", {audit.percent:g} % of the records"
    out.print(f"{audit.kind} at {audit.target}{of}: {report.summary(audit)}")
    shown = terminal.table(out, "record", "remote id", "verdict", "fields", "ahead", "note")
    findings = audit.findings.exclude(verdict=Verdict.NOT_COMPARABLE)
    for finding in findings[:_FINDINGS_SHOWN]:
        note = "owed again" if finding.mended_at else finding.get_owner_display()
        fields = ", ".join(finding.fields)
        shown.add_row(
            finding.record or "-", finding.remote_id or "-", finding.get_verdict_display(), fields, finding.ahead, note
        )
    if shown.row_count:
        out.print(shown)
    if (more := findings.count() - _FINDINGS_SHOWN) > 0:
        out.print(f"and {more} more: see the admin, the API, or --json")

"""``sync certify``: what the last audits of a target bear out, as a document."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.core.serializers.json import DjangoJSONEncoder
from rich.console import Console

from thirdparty.audit import certificate
from thirdparty.management.sync import action, argument
from thirdparty.management.sync.action import Answer
from thirdparty.management.sync.progress import progress


def add_to(actions: Any) -> None:
    parser = action.add(
        actions,
        "certify",
        run=run,
        does="what the last audits of a target bear out: equal at which generations",
        example="--target partner --out certificate.json --lines lines.txt",
    )
    parser.add_argument("--target", required=True, metavar="T", help="the target's name")
    parser.add_argument("--out", metavar="FILE", help="write the document, as JSON, to this file")
    parser.add_argument(
        "--lines", metavar="FILE", help="write what the digests are of to this file: `sha256sum` recomputes one kind's"
    )


def run(_: Console, options: dict[str, Any]) -> Answer[dict[str, Any]]:
    """Raises `CommandError` where no audit has been finished, or a file cannot be written."""
    target = argument.target_named(options["target"])
    try:
        with progress(f"certifying {target}") as shown:
            made = certificate.certificate(target, progress=lambda done, total: shown.to(done, total=total))
        if options["out"]:
            text = json.dumps(made, indent=2, ensure_ascii=False, cls=DjangoJSONEncoder)
            Path(options["out"]).write_text(f"{text}\n", encoding="utf-8")
        if options["lines"]:
            with Path(options["lines"]).open("w", encoding="utf-8", newline="\n") as file:
                file.writelines(certificate.lines(target))
    except certificate.CannotCertify as why:
        raise CommandError(str(why)) from None
    except OSError as problem:
        raise CommandError(f"cannot be written: {problem}") from None
    return Answer(made, _show)


def _show(out: Console, made: dict[str, Any]) -> None:
    for part in made["kinds"]:
        out.print(
            f"{part['kind']} at {made['target']}, by {part['how']}: {part['equal']} of {part['compared']} records compared are equal "
            f"({part['absent_as_wanted']} of them absent, as wanted); {part['exceptions_total']} exceptions; "
            f"{part['not_looked_at']} not looked at"
        )
        for reason, count in part["not_compared"].items():
            out.print(f"  not comparable: {count} since {reason}")
        out.print(f"  between {part['first_compared_at']} and {part['last_compared_at']}; digest {part['digest']}")
    for name in ("changes", "removals"):
        measured = made["freshness"][name]
        if measured["share"] is not None:
            took = ", ".join(f"{each} {seconds:.2f} s" for each, seconds in measured["percentiles"].items())
            within = timedelta(seconds=measured["objective_seconds"])
            out.print(
                f"{name} of the last {made['freshness']['hours']:g} hours: {measured['share']:.2%} within {within}; {took}"
            )
    out.print(f"digest {made['digest']}")

"""``sync import``: people from a CSV file; may be run again at any time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from rich.console import Console

from thirdparty.management.sync import action, argument, terminal
from thirdparty.management.sync.action import Answer
from thirdparty.management.sync.progress import progress
from thirdparty.observe.cost import adds
from users.csvimport import COLUMNS, NotReadable, Report, as_text, read, write_rejected
from users.synced import Person


def add_to(actions: Any) -> None:
    parser = action.add(
        actions,
        "import",
        run=run,
        does=f"add people from a CSV file (columns {', '.join(COLUMNS)}); may be run again at any time",
        example="people.csv --dry-run",
    )
    parser.add_argument("file", metavar="FILE.csv", type=Path, help="the first line names the columns")
    parser.add_argument(
        "--encoding", metavar="NAME", help="of the file; by default UTF-8, UTF-16 or GB18030, whichever it is"
    )
    parser.add_argument("--by", default="", metavar="YOU", help="your account, which then has to be allowed to")
    parser.add_argument("--dry-run", action="store_true", help="only say what would become of the rows")
    parser.add_argument(
        "--rejected", metavar="FILE.csv", type=Path, help="where rejected rows go (default: FILE.rejected.csv)"
    )


def run(_: Console, options: dict[str, Any]) -> Answer[dict[str, Any]]:
    """Fails where rows were rejected. Raises `NotAllowed`, and `CommandError` for a file that cannot be read."""
    path: Path = options["file"]
    rejected_path: Path = options["rejected"] or path.with_suffix(".rejected.csv")
    try:
        with (
            path.open("rb") as stored,
            as_text(stored, encoding=options["encoding"]) as file,
            progress(f"importing {path.name}", unit="rows") as shown,
        ):
            size = path.stat().st_size

            def tell(report: Report) -> None:
                # How many rows there are, nobody knows before the end; how many bytes, the disk does.
                total = round(report.rows * size / max(stored.tell(), 1))
                shown.to(
                    report.rows,
                    total=max(total, report.rows),
                    note=_said(report.added, report.present, len(report.rejected)),
                )

            report = read(file, by=argument.acting(options), dry_run=options["dry_run"], progress=tell)
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}") from None
    except NotReadable as problem:
        raise CommandError(f"{path}: {problem}") from None
    failure = ""
    if report.rejected:
        with rejected_path.open("w", encoding="utf-8", newline="") as corrections:
            write_rejected(report, corrections)
        failure = f"{len(report.rejected)} rows were rejected; they are in {rejected_path}, each with its error"
    done = {
        "dry_run": options["dry_run"],
        "added": report.added,
        "present": report.present,
        "rejected": len(report.rejected),
        "rejected_file": str(rejected_path) if report.rejected else None,
        "targets": [each.as_json() for each in adds(Person.kind, report.added)],
    }
    return Answer(done, _show, failure=failure)


def _show(out: Console, done: dict[str, Any]) -> None:
    out.print(f"{'would be: ' if done['dry_run'] else ''}{_said(done['added'], done['present'], done['rejected'])}")

    if done["dry_run"]:
        for each in done["targets"]:
            taken = terminal.calls(each["calls"], each["rate_per_second"], each["seconds"])
            out.print(f"  at {each['target']}: {each['records']} to add; {taken}")


def _said(added: int, present: int, rejected: int) -> str:
    return f"{added} added, {present} here already, {rejected} rejected"

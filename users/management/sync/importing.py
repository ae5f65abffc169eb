"""``sync import``: people from a CSV file; may be run again at any time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from users.csvimport import COLUMNS, NotReadable, Report, as_text, read, write_rejected


def add_to(actions: Any) -> None:
    parser = actions.add_parser("import", help=f"add people from a CSV file (columns {', '.join(COLUMNS)})")
    parser.add_argument("file", metavar="FILE.csv", type=Path, help="the first line names the columns")
    parser.add_argument(
        "--encoding", metavar="NAME", help="of the file; by default UTF-8, UTF-16 or GB18030, whichever it is"
    )
    parser.add_argument("--dry-run", action="store_true", help="only say what would become of the rows")
    parser.add_argument(
        "--rejected", metavar="FILE.csv", type=Path, help="where rejected rows go (default: FILE.rejected.csv)"
    )
    parser.set_defaults(run=run)


def run(out: Console, options: dict[str, Any]) -> None:
    """Raises `CommandError` for a file that cannot be read, and where rows were rejected."""
    path: Path = options["file"]
    rejected_path: Path = options["rejected"] or path.with_suffix(".rejected.csv")
    try:
        with path.open("rb") as stored, as_text(stored, encoding=options["encoding"]) as file, _bar() as bar:
            task = bar.add_task(path.name, total=path.stat().st_size, found="")

            def progress(report: Report) -> None:
                bar.update(task, completed=stored.tell(), found=_said(report))

            report = read(file, dry_run=options["dry_run"], progress=progress)
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}") from None
    except NotReadable as problem:
        raise CommandError(f"{path}: {problem}") from None
    out.print(f"{'would be: ' if options['dry_run'] else ''}{_said(report)}")
    if report.rejected:
        with rejected_path.open("w", encoding="utf-8", newline="") as corrections:
            write_rejected(report, corrections)
        raise CommandError(
            f"{len(report.rejected)} rows were rejected; they are in {rejected_path}, each with its error"
        )


def _said(report: Report) -> str:
    return f"{report.added} added, {report.present} here already, {len(report.rejected)} rejected"


def _bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TextColumn("{task.fields[found]}"))
    return Progress(*columns, console=Console(stderr=True), transient=True)

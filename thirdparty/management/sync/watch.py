"""Looks again and again, until somebody stops it: in place on a terminal, one look after the other elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from django.db import Error, connection
from rich.console import Console, RenderableType
from rich.live import Live

EVERY_SECONDS = 2.0


def watch(
    out: Console,
    look: Callable[[], RenderableType],
    sorry: Callable[[str], RenderableType],
    *,
    seconds: float,
    in_place: bool,
) -> None:
    """Show what ``look`` returns, every so many seconds; while the database does not answer, what ``sorry`` makes of one line.

    Ctrl-C ends it, and so does a reader that has gone.
    """
    try:
        if in_place and out.is_terminal:
            with Live(console=out, auto_refresh=False) as live:
                for shown in _looks(look, sorry, seconds):
                    live.update(shown, refresh=True)
        else:
            for shown in _looks(look, sorry, seconds):
                out.print(shown, soft_wrap=not in_place)
                out.file.flush()
    except (KeyboardInterrupt, BrokenPipeError):
        return


def _looks(
    look: Callable[[], RenderableType], sorry: Callable[[str], RenderableType], seconds: float
) -> Iterator[RenderableType]:
    while True:
        try:
            yield look()
        except Error as problem:
            connection.close()  # the next look has a new one
            yield sorry(f"the database does not answer ({type(problem).__name__})")
        time.sleep(seconds)

"""What was explored, kept for every process of a run: each configuration is explored by whichever of them needs it first.

The environment's ``MODEL_EXPLORED`` names the folder. Without it a process keeps what it explored for itself.
"""

from __future__ import annotations

import fcntl
import os
import pickle
from collections.abc import Callable
from dataclasses import replace
from functools import cache, wraps
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.chaos.model.explorer import Exploration
from tests.chaos.model.rules import Memo

_FOLDER = os.environ.get("MODEL_EXPLORED", "")
_STATEMENTS = tuple(f"{__package__}.{name}" for name in ("transitions", "references", "holding", "strict.statements"))


def kept(explore: Callable[[Any], Exploration]) -> Callable[[Any], Exploration]:
    """The same, called once for each configuration in all of the run's processes."""

    @wraps(explore)
    @cache
    def explored(configuration: Any) -> Exploration:
        if not _FOLDER:
            return explore(configuration)
        path = Path(_FOLDER, sha256(repr(configuration).encode()).hexdigest())
        with path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not path.exists():
                path.write_bytes(pickle.dumps(_of_statements(explore(configuration))))
        found: Exploration = pickle.loads(path.read_bytes())
        return found

    return explored


def _of_statements(found: Exploration) -> Exploration:
    """With the answers of those functions alone that mirror statements, which are compared with the real ones."""
    memo = Memo()
    memo.answers = {
        (function, *arguments): answer
        for (function, *arguments), answer in found.memo.answers.items()
        if function.__module__ in _STATEMENTS
    }
    return replace(found, memo=memo)

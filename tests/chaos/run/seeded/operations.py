"""The seeded bugs of audits, upgrades and retirement, by the names of `registry.BUGS`."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from thirdparty import protect, targets
from thirdparty.audit import extras, listing, records
from thirdparty.audit.conclusions import Compared
from thirdparty.audit.journal import Journal
from thirdparty.audit.looks import Ours
from thirdparty.audit.questions import Questions
from thirdparty.audit.verdict import Judged, Look
from thirdparty.capture import retirement
from thirdparty.connectors.config import load_targets
from thirdparty.connectors.errors import TargetError
from thirdparty.connectors.registry import connector_class
from thirdparty.models import Comparison, Finding, Record
from thirdparty.models.audit import Verdict
from thirdparty.store import choosing, manual, owing, settling, strict_rows

_SLOW_SECONDS = 0.3


def listing_shows_all() -> None:
    """What a listing does not show is not asked about: an empty page is as good as a full one."""
    asked = records._asked

    def trusting(
        journal: Journal, questions: Questions, look: Look, ours: Ours | None, noted: Mapping[str, Comparison]
    ) -> Compared | None:
        if journal.audit.lists and look.key not in noted:
            return Compared(look, Judged(Verdict.EQUAL), protect.clock())
        return asked(journal, questions, look, ours, noted)

    records._asked = trusting


def one_look_is_enough() -> None:
    """What is sent while the target is asked is taken for what somebody did there. Needs an audit that takes its time."""
    asked = records._asked

    def slowly(*args: Any) -> Compared | None:
        time.sleep(_SLOW_SECONDS)
        return asked(*args)

    records._asked = slowly
    for module in (listing, records):
        module.unsettled = lambda *_: ""


def extras_removed() -> None:
    """An audit that mends removes what is not to be there."""
    step = extras.step

    def tidy(journal: Journal, questions: Questions) -> bool:
        more = step(journal, questions)
        of_nobody = Finding.objects.filter(audit=journal.audit, verdict=Verdict.EXTRA, confirmed_at__isnull=False)
        for each in of_nobody if journal.audit.mends else ():
            questions.connector.delete(each.remote_id)
        return more

    extras.step = tidy


def old_acknowledges() -> None:
    """A process of an older version of the mapping works on as before."""
    for module in (choosing, settling, strict_rows, manual):
        module.is_current = lambda db, *_: db.true


def retire_deletes() -> None:
    """Whoever retires a target cleans up there."""
    steps = retirement.steps

    def tidy(name: str) -> Iterator[int]:
        target = load_targets({**os.environ, "SYNC_TARGETS": name})[name]
        for row in Record.objects.filter(target=name, remote_id__isnull=False):
            with suppress(TargetError):
                connector_class(target.connector)(target, row.kind).delete(row.remote_id)
        return steps(name)

    retirement.steps = tidy


def named_again_is_known() -> None:
    """A retired target that is named again is taken for one that was away, which was owed all the time."""
    targets._as_new = dict[str, Any]


def sample_is_everybody() -> None:
    """A version that is tried is owed to all at once: whoever walks through the records asks nobody who is chosen."""
    assert callable(owing.is_chosen)
    owing.is_chosen = lambda *_: True

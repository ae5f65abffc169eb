"""New versions of people's mapping that are tried on a sample: when, of whom, and who was sent one for no other reason (I18).

When a trial stands is noted by a trigger of the test's own on the targets' rows; who is in the sample is reckoned here, apart from
the product (decision 0040).
"""

from __future__ import annotations

import json
import math
import zlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace

from django.db import connection

from tests.chaos.run.ledger import Effect
from tests.chaos.run.promises import CLOCK_SECONDS, History
from tests.chaos.run.side import key_of
from tests.chaos.run.upgraded import mapping
from tests.chaos.run.witness import SQLITE_CLOCK, seconds
from thirdparty.store.attempts import AUDIT, NEW_VERSION
from thirdparty.store.tables import DECLARATIONS, TARGETS

_TABLE = "CREATE TABLE chaos_trial (target text, at {time}, raised text, may integer, owing integer, version bigint)"
_NOTED = f"""INSERT INTO chaos_trial SELECT NEW.name, {{clock}}, {{raised}},
    CASE WHEN NEW.retired OR NEW.unrecorded OR NEW.backfill THEN 0 ELSE 1 END,
    CASE WHEN OLD.owing_to IS NULL AND {{left}} = '[]' THEN 0 ELSE 1 END,
    (SELECT d.version FROM {DECLARATIONS} d WHERE d.kind = '{mapping.KIND}')"""
_COLUMNS = ("raised", "unrecorded", "backfill", "retired", "trial_since")
"""What says at a target's row whether it is on trial."""
_PARTS = 1_000_000


@dataclass(frozen=True, slots=True)
class Trial:
    """The version that is tried, on so many ``percent`` of the people. Times in unix seconds; ``until``: infinite where it stands.

    ``amid``: whether records were still being owed when it began, for a version before it or for changes that had gone unrecorded.
    """

    version: int
    percent: float
    since: float
    until: float = math.inf
    amid: bool = False

    def has(self, key: str) -> bool:
        """Whether the record of this key is in the sample: one that the hash of its key puts among the first."""
        return zlib.crc32(key.encode()) % _PARTS < self.percent * _PARTS / 100


@dataclass(frozen=True, slots=True)
class Row:
    """What a target's row said ``at`` a moment. ``percent``: None for no trial of people."""

    at: float
    percent: float | None
    version: int
    owing: bool


def install(clock: str = "clock_timestamp()") -> None:
    """Begin to watch. ``clock``: by which, on PostgreSQL."""
    with connection.cursor() as cursor:
        for statement in _postgresql(clock) if connection.vendor == "postgresql" else _sqlite():
            cursor.execute(statement)


def by_target() -> dict[str, list[Trial]]:
    """All trials there were, oldest first."""
    rows: dict[str, list[Row]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute("SELECT target, at, raised, may, owing, version FROM chaos_trial ORDER BY at")
        for target, at, raised, may, owing, version in cursor.fetchall():
            percent = json.loads(raised).get(mapping.KIND) if may else None
            rows[target].append(Row(seconds(at), percent, version, bool(owing)))
    return {target: list(trials(some)) for target, some in rows.items()}


def trials(rows: Iterable[Row]) -> Iterator[Trial]:
    """Those that one target's rows tell, oldest first. A version that rises meanwhile ends one and begins another."""
    standing: Trial | None = None
    for row in rows:
        if standing is not None and (row.percent, row.version) != (standing.percent, standing.version):
            yield replace(standing, until=row.at)
            standing = None
        if standing is None and row.percent is not None:
            standing = Trial(row.version, row.percent, row.at, amid=row.owing)
    if standing is not None:
        yield standing


def left_standing(target: str, some: Iterable[Trial]) -> Iterator[str]:
    """I18: in the end a person has had the others follow, and nothing is on trial any more."""
    for trial in some:
        if math.isinf(trial.until):
            yield f"{target}: version {trial.version} is still tried on {trial.percent:g} % though the others were to follow"


def sent_untried(
    target: str, history: History, some: Iterable[Trial], *, candidates: Collection[str] = ()
) -> Iterator[str]:
    """I18: while a version is tried, nobody outside the sample is sent it, unless there was something else to send of them.

    That is an edit of theirs, whatever was owed of them before the trial, a decision by hand, or what somebody at the third party
    has changed: only processes of that version send anything. ``candidates``: addresses of strict writes, with which a target is asked
    before anybody here has them.
    """
    key = key_of(target, history.external_id)
    for trial in some:
        if trial.has(key) or trial.amid or not _was_level(history, trial.since):
            continue
        sent = [effect for effect in history.effects if _bears(effect, trial)]
        if not sent or _is_of_a_strict_write(sent[0], candidates):
            continue
        if _is_for_the_trial(history, trial.since, sent[0].at):
            yield (
                f"{history.external_id}: version {trial.version} was sent (#{sent[0].seq}), which is tried on "
                f"{trial.percent:g} % of the people, and not on them"
            )


def _bears(effect: Effect, trial: Trial) -> bool:
    """Whether it is a request of ours with the version's content, which took effect during the trial."""
    if effect.content is None or effect.is_foreign or not trial.since < effect.at < trial.until:
        return False
    return mapping.role(trial.version) in effect.content.roles


def _is_of_a_strict_write(effect: Effect, candidates: Collection[str]) -> bool:
    return effect.content is not None and effect.content.email in candidates


def _was_level(history: History, at: float) -> bool:
    """Whether the record was there, and all that was wanted by then was acknowledged by then."""
    wanted = max((item.number for item in history.evidence.generations if item.at <= at), default=None)
    known = max((number for number, when in history.evidence.acknowledged if when <= at), default=-1)
    return wanted is not None and known >= wanted


def _is_for_the_trial(history: History, since: float, until: float) -> bool:
    """Whether the record was owed anew in that time, and only for the version, or for an audit that found the version missing."""
    raised = [item for item in history.evidence.generations if since < item.at <= until + CLOCK_SECONDS]
    touched = any(effect.is_foreign for effect in history.effects)
    for_it = {NEW_VERSION} if touched else {NEW_VERSION, AUDIT}
    return bool(raised) and {history.evidence.causes.get(item.number, "") for item in raised} <= for_it


def _distinct(operator: str) -> str:
    return " OR ".join(f"NEW.{column} {operator} OLD.{column}" for column in _COLUMNS)


def _sqlite() -> Iterator[str]:
    yield _TABLE.format(time="text")
    noted = _NOTED.format(clock=SQLITE_CLOCK, raised="NEW.raised", left="OLD.owing_left")
    yield f"CREATE TRIGGER chaos_tried AFTER UPDATE ON {TARGETS} WHEN {_distinct('IS NOT')} BEGIN {noted}; END"


def _postgresql(clock: str) -> Iterator[str]:
    yield _TABLE.format(time="timestamptz")
    noted = _NOTED.format(clock=clock, raised="NEW.raised::text", left="OLD.owing_left::text")
    yield (
        f"CREATE FUNCTION chaos_tried() RETURNS trigger LANGUAGE plpgsql AS $body$BEGIN {noted}; RETURN NULL; END$body$"
    )
    yield (
        f"CREATE TRIGGER chaos_tried AFTER UPDATE ON {TARGETS} FOR EACH ROW WHEN ({_distinct('IS DISTINCT FROM')}) "
        "EXECUTE FUNCTION chaos_tried()"
    )

"""Seeded bugs of decisions by hand, and of the links that they leave."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.chaos.model import transitions
from tests.chaos.model.bug import Bug
from tests.chaos.model.configurations import RESTORED_STRANGER, STRANGERS_BESIDE, by_hand
from tests.chaos.model.hand import Asked
from tests.chaos.model.row import Link, Result, Row
from tests.chaos.model.rules import Rules
from thirdparty.connectors.base import RemoteRecord

BY_HAND = {configuration.name.removeprefix("by hand, "): configuration for configuration in by_hand()}


def _backfills_past_the_parked(row: Row) -> Row:
    return row if row.parked else transitions.owe_again(row)


def _settles_a_doubt_too(row: Row, link: Link) -> Row:
    settled = transitions.settle_by_hand(row, link)
    return settled._replace(recheck="none", due="now" if link.add_key else "none")


def _stands_at_any_generation(seen: Row, row: Row) -> bool:
    return transitions.stands(
        seen._replace(generation=0, synced=0, parked=""), row._replace(generation=0, synced=0, parked="")
    )


def _stands_under_a_worker(seen: Row, row: Row) -> bool:
    return (seen.generation, seen.remote_id) == (row.generation, row.remote_id)


def _retries_without_looking(row: Row) -> Row:
    return transitions.retry(row)._replace(look_first=row.look_first)


def _overwrites_without_looking(row: Row) -> Row:
    return transitions.overwrite(row)._replace(look_first=row.look_first)


def _stays_level_with_more_to_do(row: Row, generation: int, result: Result) -> Row:
    settled = transitions.settle(row, generation, result)
    was_level = row.synced >= row.generation and result.raise_above < 0
    return settled._replace(generation=row.generation) if was_level else settled


class _SettlesWhateverIsThere(Asked):
    def for_settling(self, remote_id: str) -> Any:  # noqa: ARG002  # that is the bug
        return self.of_row()


class _ForgetsWhatIsGone(Asked):
    def _gone(self, remote_id: str) -> Any:
        return replace(super()._gone(remote_id), remote_id=None)


class _BelievesAnyWord(Asked):
    def _require_no_other(self, found: RemoteRecord) -> None:
        """Nothing."""


class _LinksWhileAnAddMayLand(Asked):
    def add_may_land(self) -> bool:
        return False


class _TakesWhatIsUnderOurId(Asked):
    def _is_linked(self, found: RemoteRecord) -> bool:
        return found.remote_id == self.row.remote_id and not found.external_id

    def asked(self, remote_id: str = "") -> RemoteRecord | None:
        found = self.find(remote_id=self.row.remote_id or "")
        return found if found is not None and not found.external_id else super().asked(remote_id)


BUGS = {
    "a backfill passes over the links of parked records": Bug(
        Rules(owe_again=_backfills_past_the_parked), RESTORED_STRANGER, "P7"
    ),
    "retry by hand writes without looking": Bug(Rules(retry=_retries_without_looking), RESTORED_STRANGER, "P7"),
    "overwrite by hand writes without looking": Bug(
        Rules(overwrite=_overwrites_without_looking), RESTORED_STRANGER, "P7"
    ),
    "accept by hand takes what is under our id": Bug(Rules(linkage=_TakesWhatIsUnderOurId), RESTORED_STRANGER, "I4"),
    "settle by hand clears a doubt": Bug(Rules(settle_by_hand=_settles_a_doubt_too), BY_HAND["query: in doubt"], "I4"),
    "settle by hand links nothing": Bug(
        Rules(linkage=_SettlesWhateverIsThere), BY_HAND["query: one after the other"], "I3"
    ),
    "settle by hand forgets the id of a late deletion": Bug(
        Rules(linkage=_ForgetsWhatIsGone), BY_HAND["nothing: deactivation"], "I4"
    ),
    "what is found of a settled record is not owed": Bug(
        Rules(settle=_stays_level_with_more_to_do), BY_HAND["nothing: deactivation"], "P4"
    ),
    "a decision holds against a newer generation": Bug(
        Rules(stands=_stands_at_any_generation), BY_HAND["query: in doubt"], "P10"
    ),
    "a decision holds while a worker holds the record": Bug(
        Rules(stands=_stands_under_a_worker), BY_HAND["query: in doubt"], "I7"
    ),
    "another record is linked while an add may land": Bug(
        Rules(linkage=_LinksWhileAnAddMayLand), STRANGERS_BESIDE, "I3"
    ),
    "a second record is linked by word": Bug(Rules(linkage=_BelievesAnyWord), STRANGERS_BESIDE, "I3"),
}

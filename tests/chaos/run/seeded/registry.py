"""The seeded bugs by name, and the run that shows each. Pure: needs no Django."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bug:
    """``run``: further options of the run that shows it best, and the ``seeds`` that it is tried with until it is
    seen. ``harmless``: an aggravation and no bug, so that the run has to pass with it.
    """

    run: tuple[str, ...]
    seeds: tuple[int, ...] = (1, 2, 3)
    harmless: bool = False


_UNIQUE = ("--capabilities", "query,list")
_SHARED = ("--capabilities", "query,list", "--shared-usernames")
_KEYS = ("--capabilities", "idempotency", "--shared-usernames")
_FROZEN = (*_UNIQUE, "--strikes", "past lease", "--seconds", "70", "--writes", "250")
_DEAD = (*_UNIQUE, "--window", "16", "--moods", "late", "--strikes", "child")
"""Workers die while they wait, and what they sent takes effect after their lease is over: nothing else happens so often then."""
_PAIR = ("--pair", "postgres+redis", *_UNIQUE)
_RESTORED = ("--pair", "postgres+redis", "--troubles", "restores,ids", "--targets", "1", "--seconds", "60")
_DRIFT = (*_UNIQUE, "--troubles", "drift", "--targets", "1")
_UPGRADED = (*_UNIQUE, "--troubles", "upgrade", "--targets", "1")
_RETIRED = (*_UNIQUE, "--troubles", "retire", "--targets", "2", "--seconds", "60")
_ACROSS = (
    *_PAIR, "--targets", "2", "--troubles", "targets", "--seconds", "60", "--writes", "120", "--moods", "late", "--strikes", "child"
)  # fmt: skip
"""Nobody ends the transaction that is open while a target comes, and few edit once more whom it wrote."""
_ADDED = (5, 6, 10)
"""Seeds of runs to which a target is added; with the first ones, they leave and return."""
BUGS: dict[str, Bug] = {
    "no_trigger": Bug(_UNIQUE),
    "no_lease_check": Bug(_UNIQUE),
    "settle_any_token": Bug(_FROZEN),
    "mark_before_send": Bug(_UNIQUE),
    "unknown_as_failed": Bug(_SHARED),
    "no_reread": Bug(_UNIQUE),
    "expired_lease_clean": Bug(_DEAD),
    "tombstone_dropped": Bug(_UNIQUE),
    "reconciler_off": Bug(_UNIQUE),
    "wakes_lost": Bug(_UNIQUE),
    "repair_ignored": Bug(_FROZEN),
    "username_not_frozen": Bug(_UNIQUE),
    "no_attempt": Bug(_UNIQUE),
    "stale_read": Bug(_UNIQUE),
    "acknowledges_the_latest": Bug(_UNIQUE),
    "add_key_forgotten": Bug(_KEYS),
    "hidden_retry": Bug(_SHARED),
    "exists_is_success": Bug(_UNIQUE),
    "delete_is_best_effort": Bug(_UNIQUE),
    "sends_before_commit": Bug(_UNIQUE),
    "away_is_forgotten": Bug((*_PAIR, "--targets", "2", "--troubles", "targets")),
    "waits_for_nobody": Bug(_ACROSS, _ADDED),
    "empty_id_is_ours": Bug((*_PAIR, "--troubles", "strangers", "--targets", "1")),
    "username_decides": Bug((*_RESTORED, *_UNIQUE)),
    "accepted_whatever_came": Bug((*_PAIR, "--troubles", "decisions", "--targets", "1")),
    "key_pairs_by_id": Bug((*_PAIR, "--troubles", "keys", "--targets", "1")),
    "listing_shows_all": Bug(_DRIFT),
    "one_look_is_enough": Bug(_DRIFT),
    "extras_removed": Bug(_DRIFT),
    "old_acknowledges": Bug(_UPGRADED),
    "sample_is_everybody": Bug(_UPGRADED),
    "retire_deletes": Bug(_RETIRED),
    "named_again_is_known": Bug(_RETIRED),
    "slow_send": Bug(_FROZEN, harmless=True),
}

"""A `Record` row without its times: each is replaced by what it stands in relation to."""

from __future__ import annotations

from typing import Literal, NamedTuple

Due = Literal["now", "later", "recheck", "none"]
"""``due_at``: passed; in the future; equal to ``unknown_until``; null."""
LeaseIs = Literal["free", "held", "expired"]
Left = Literal["", "stays", "over"]
"""``left_at``: null, set, and so long ago that the record is to be deleted."""
Window = Literal["none", "open", "over"]
"""``unknown_until``: null, in the future, passed."""


class Row(NamedTuple):
    """One record. Numbers stand for ids and keys, 0 for none.

    ``no_progress``: 0 where the row counts for another generation than the present one.
    ``doing``: the call of the open attempt under the present lease. ``named``: ``natural_key`` is set, to the
    username ``login``, 0 for the one that everybody has from the beginning. ``former``: the one that an update is to change,
    or may have changed unheard; -1 for none.
    ``waits_for``, ``held_by``: the number of the other row; -1 for none. ``released``: a person has let the present
    generation go that the brake held.
    """

    generation: int = 1
    synced: int = 0
    deleted: bool = False
    due: Due = "now"
    lease: LeaseIs = "free"
    doing: str = ""
    recheck: Window = "none"
    remote_id: int = 0
    named: bool = False
    add_key: int = 0
    adopted: str = ""
    parked: str = ""
    failed_tries: int = 0
    crashes: int = 0
    look_first: bool = False
    no_progress: int = 0
    waits_for: int = -1
    held_by: int = -1
    left: Left = ""
    login: int = 0
    released: bool = False
    former: int = -1

    @property
    def may_exist(self) -> bool:
        """The generated column of the same name."""
        return bool(self.remote_id or self.add_key or self.recheck != "none" or self.lease != "free")

    @property
    def is_left(self) -> bool:
        """The state `left`."""
        at_rest = (
            self.synced == self.generation and self.lease == "free" and self.recheck == "none" and not self.parked
        )
        return bool(self.left) and at_rest

    @property
    def is_due(self) -> bool:
        """``due_at`` has passed."""
        return self.due == "now" or (self.due == "recheck" and self.recheck == "over")


class Held(NamedTuple):
    """What a worker knows of the row that it claimed: `thirdparty.decide.lease.Lease` without names and times.

    ``named``: it knows by which name the target is to know the record, ``login``.
    """

    generation: int
    remote_id: int
    adopted: str
    add_key: int
    in_doubt: bool
    window_over: bool
    failed_tries: int
    crashes: int
    look_first: bool = False
    no_progress: int = 0
    named: bool = True
    days_over: bool = False
    login: int = 0
    replaces: bool = False
    released: bool = False
    former_key: int = -1


class Link(NamedTuple):
    """`thirdparty.decisions.linkage.Link`. ``named``: the remote username is known."""

    remote_id: int
    named: bool
    adopted: str
    add_key: int
    look_first: bool


class Result(NamedTuple):
    """`thirdparty.decide.result.StepResult` without its words. ``raise_above``: -1 for none.

    ``owner``, ``login``: to whom its external id and username point, where they differ; -1 where they do not. ``found``: its id.
    ``known_by``: which of two usernames its record has; -1 where there are not two, or nobody knows.
    ``stays``: 1 where the object has left and its record stays, 0 where it does not, -1 where that is as it was.
    """

    outcome: str
    remote_id: int
    adopted: str
    add_key: int
    acknowledged: bool
    raise_above: int
    doubt: str
    parked: str
    next: str
    look_first: bool = False
    no_progress: int = 0
    shown: bool = False
    owner: int = -1
    login: int = -1
    waits_for: int = -1
    held_by: int = -1
    found: int = 0
    instead: Result | tuple[()] = ()
    let_go: Result | tuple[()] = ()
    stays: int = -1
    known_by: int = -1

    @property
    def failed(self) -> bool:
        return self.outcome != "ok"

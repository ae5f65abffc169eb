"""The protocol as a bundle of functions, so that a seeded bug can replace one of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.chaos.model import holding, references, transitions
from tests.chaos.model.decision import NextCall
from tests.chaos.model.row import Held, Link, Result, Row
from thirdparty.decide.interpret import Interpreter
from thirdparty.decide.plan import next_call


@dataclass(frozen=True, slots=True)
class Rules:
    """The product's own decisions and the mirrored statements. ``linkage``: a kind of `tests.chaos.model.hand.Asked`.

    ``lost_lease_settles``: a worker settles without its token. ``extends``: a doubt while a window
    is open moves its end, so that it covers the new doubt too. ``keeps_key``: an add is repeated under its key.
    ``asks_whose``: the other rows are asked where external id and username of a record point to different people;
    ``by_link``: whether those of its username are linked to it. ``knows_former``: a username that a record had before is its own
    until that is known to be over. ``leaks``: the brake goes off once its window is over.
    """

    claim: Callable[..., tuple[Row, Held] | None] = transitions.claim
    claim_replacing: Callable[..., tuple[Row, Held] | None] = transitions.claim_replacing
    claim_keeping: Callable[..., tuple[Row, Held] | None] = transitions.claim_keeping
    claim_renaming: Callable[..., tuple[Row, Held] | None] = transitions.claim_renaming
    open_attempt: Callable[..., Row] = transitions.open_attempt
    release: Callable[[Row], Row] = transitions.release
    settle: Callable[..., Row] = transitions.settle
    settle_renaming: Callable[..., Row] = transitions.settle_renaming
    named_as_ours: Callable[..., tuple[Result, Row]] = transitions.named_as_ours
    named_by_a_former: Callable[..., tuple[Result, Row]] = transitions.named_by_a_former
    settle_outdated: Callable[..., Row] = transitions.settle_outdated
    meet: Callable[..., tuple[Result, Row]] = transitions.meet
    repair: Callable[[Row], Row] = transitions.repair
    owe_again: Callable[[Row], Row] = transitions.owe_again
    owe_raised: Callable[[Row], Row] = transitions.owe_raised
    owe_deletion: Callable[[Row], Row] = transitions.owe_deletion
    changed: Callable[[Row], Row] = transitions.changed
    gone: Callable[[Row], Row] = transitions.gone
    retry: Callable[[Row], Row] = transitions.retry
    overwrite: Callable[[Row], Row] = transitions.overwrite
    adopt: Callable[[Row, Link], Row] = transitions.adopt
    settle_by_hand: Callable[[Row, Link], Row] = transitions.settle_by_hand
    stands: Callable[[Row, Row], bool] = transitions.stands
    note: Callable[..., references.References] = references.note
    forget: Callable[..., references.References] = references.forget
    holder: Callable[[references.References, int], int] = references.holder
    in_vain: Callable[..., bool] = references.named_in_vain
    refused: Callable[[references.References, int], int] = references.holder
    is_circle: Callable[..., bool] = references.is_circle
    woken: Callable[..., Row] = references.woken
    followed: Callable[[Row], Row] = references.followed
    told: Callable[..., holding.Told] = holding.told
    waits: Callable[..., bool] = holding.waits
    release_held: Callable[[Row], Row] = holding.release
    reject: Callable[[Row], Row] = holding.reject
    wake: Callable[[Row], Row] = holding.wake
    is_being_held: Callable[..., bool] = holding.is_being_held
    decision_stands: Callable[[Row, Row], bool] = holding.stands
    linkage: Any = None
    next_call: NextCall = next_call
    judge: type[Interpreter] = Interpreter
    lost_lease_settles: bool = False
    extends: bool = True
    keeps_key: bool = True
    asks_whose: bool = True
    by_link: bool = True
    knows_former: bool = True
    leaks: bool = False


class Memo:
    """Calls pure functions once per set of arguments; keeps what was asked and answered, in order."""

    def __init__(self) -> None:
        self.answers: dict[tuple[Any, ...], Any] = {}

    def __call__(self, function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        key = (function, *arguments, *named.values())
        try:
            return self.answers[key]
        except KeyError:
            answer = self.answers[key] = function(*arguments, **named)
            return answer

"""What the statements of `thirdparty.store` and the triggers do to a row. Pure.

`tests.chaos.test_model_matches_sql` runs the real statements on each row that the model reaches.
"""

from __future__ import annotations

from tests.chaos.model.row import Due, Held, Left, Link, Result, Row, Window
from thirdparty.decide.brake import HELD_BY_BRAKE
from thirdparty.decide.ownership import TRUST
from thirdparty.decide.plan import Call
from thirdparty.decide.progress import HONEST_STEPS, NO_PROGRESS_LIMIT
from thirdparty.models.record import REJECTED_BY_PERSON

WRITES = frozenset(call.value for call in Call if call.writes)
IDENTITY_CONFLICT = "identity_conflict"


def claim(row: Row, *, has_user: bool, rival: bool) -> tuple[Row, Held] | None:
    """`store.claim`. ``rival``: another row has, or may have, a record of the same username at the target."""
    gone_for_good = row.deleted and not row.may_exist
    named = (row.named or has_user) and not gone_for_good
    if not row.is_due or row.lease == "held" or row.parked or (rival and named):
        return None
    recheck: Window = "open" if row.doing in WRITES else row.recheck
    crashes = row.crashes + (row.lease != "free")
    looks = row.look_first or row.doing == Call.DELETE
    due: Due = row.due if row.recheck == recheck else "now"
    claimed = row._replace(
        recheck=recheck, crashes=crashes, lease="held", doing="", due=due, named=named, look_first=looks
    )
    held = Held(
        generation=row.generation,
        remote_id=row.remote_id,
        adopted=row.adopted,
        add_key=row.add_key,
        in_doubt=recheck != "none",
        window_over=recheck == "over",
        failed_tries=row.failed_tries,
        crashes=crashes,
        look_first=looks,
        no_progress=row.no_progress,
        named=named,
        days_over=row.left == "over",
        released=row.released,
    )
    return claimed, held


def key_at_target(row: Row, *, wanted: int, stays: bool = False) -> int:
    """By which username the target is to know the record; -1 for none.

    ``wanted``: what the user is called now. ``stays``: also where no record can be there, since the declaration keeps it and no
    other record has it.
    """
    if row.deleted and not row.may_exist:
        return -1
    if row.named and (row.may_exist or stays):
        return row.login
    return -1 if row.deleted else wanted


def claim_replacing(row: Row, *, has_user: bool, rival: bool, wanted: int) -> tuple[Row, Held] | None:
    """`store.claim`, of a declaration that has records replaced. ``rival``: as of `key_at_target`."""
    login = key_at_target(row, wanted=wanted)
    claimed = claim(row._replace(login=max(login, 0)), has_user=has_user, rival=rival)
    if claimed is None:
        return None
    after, held = claimed
    replaces = held.named and not row.deleted and login != wanted and row.adopted != TRUST
    return after, held._replace(login=max(login, 0), replaces=replaces)


def claim_keeping(row: Row, *, has_user: bool, rival: bool, wanted: int, taken: bool) -> tuple[Row, Held] | None:
    """`store.claim`, of a declaration that keeps records under their old key. ``rival``: as of `key_at_target`; ``taken``: another
    record has the username that this one had."""
    login = max(key_at_target(row, wanted=wanted, stays=not taken), 0)
    claimed = claim(row._replace(login=login), has_user=has_user, rival=rival)
    return (claimed[0], claimed[1]._replace(login=login)) if claimed is not None else None


def takes_another(row: Row, *, wanted: int) -> bool:
    """Whether an update is to give the record the username ``wanted``: while an earlier request may still change it, it keeps both."""
    known = row.remote_id and not row.add_key and row.recheck == "none" and row.lease == "free" and row.former < 0
    return bool(known) and row.named and not row.deleted and row.login != wanted


def key_where_renamed(row: Row, *, wanted: int) -> int:
    """As `key_at_target`, of a declaration that has records renamed."""
    return wanted if takes_another(row, wanted=wanted) else key_at_target(row, wanted=wanted)


def claim_renaming(row: Row, *, has_user: bool, rival: bool, wanted: int) -> tuple[Row, Held] | None:
    """`store.claim`, of a declaration that has records renamed. ``rival``: as of `key_where_renamed`."""
    login = max(key_where_renamed(row, wanted=wanted), 0)
    another = row.login if takes_another(row, wanted=wanted) else row.former
    former = another if row.may_exist else -1
    claimed = claim(row._replace(login=login, former=former), has_user=has_user, rival=rival)
    return (claimed[0], claimed[1]._replace(login=login, former_key=former)) if claimed is not None else None


def open_attempt(row: Row, call: str, add_key: int) -> Row:
    """`store.open_attempts` under a lease that has not run out. ``add_key``: the key an add is sent under."""
    return row._replace(doing=call, add_key=add_key if call == Call.ADD else row.add_key)


def release(row: Row) -> Row:
    """`store.release`, of a lease under which nothing was written down."""
    known = row.recheck == "none"
    login = row.former if known and row.former >= 0 else row.login
    return row._replace(lease="free", login=login, former=-1 if known else row.former)


def settle(row: Row, generation: int, result: Result) -> Row:
    """`store.settle` under the row's own token, where no other row has the result's remote id."""
    return _settled(row, generation, result, acknowledged=result.acknowledged)


def _settled(row: Row, generation: int, result: Result, *, acknowledged: bool) -> Row:
    found_more = result.next == "now" and not result.acknowledged and row.synced >= row.generation
    raised = result.raise_above >= 0 or found_more
    wanted = max(row.generation, result.raise_above) + 1 if raised else row.generation
    synced = max(row.synced, generation) if acknowledged else row.synced
    recheck: Window = {"keep": row.recheck, "open": "open", "clear": "none"}[result.doubt]
    moved = row.generation > generation
    left: Left = "" if result.acknowledged or not result.stays else row.left
    let_go = result.parked == HELD_BY_BRAKE and row.released and not moved
    result = result._replace(parked="", next="now") if let_go else result
    return row._replace(
        generation=wanted,
        synced=synced,
        due=_due(result, moved=moved, owed=synced < wanted, recheck=recheck),
        lease="free",
        doing="",
        recheck=recheck,
        remote_id=result.remote_id,
        add_key=result.add_key,
        adopted=result.adopted,
        parked="" if moved else result.parked,
        failed_tries=row.failed_tries + 1 if result.failed else 0,
        crashes=row.crashes + 1 if result.outcome == "crashed" and not result.parked else 0,
        look_first=(moved and row.look_first) or result.look_first,
        no_progress=0 if moved else result.no_progress,
        waits_for=result.waits_for,
        held_by=result.held_by,
        left=row.left or "stays" if result.stays > 0 else left,
        released=row.released,
    )


def settle_renaming(row: Row, generation: int, result: Result, *, wanted: int) -> Row:
    """`store.settle`, of a declaration that has records renamed. ``wanted``: what the user is called now."""
    known = result.known_by >= 0 and not _in_doubt(row, result)
    login = result.known_by if known else row.login
    stays_behind = result.remote_id and result.stays <= 0 and not row.deleted and wanted != login
    if result.acknowledged and stays_behind:
        return _renamed(_settled(row, generation, result, acknowledged=False), login, known=known)
    return _renamed(settle(row, generation, result), login, known=known)


def _renamed(row: Row, login: int, *, known: bool) -> Row:
    return row._replace(login=login, former=-1 if known else row.former)


def _in_doubt(row: Row, result: Result) -> bool:
    return result.doubt == "open" or (result.doubt == "keep" and row.recheck != "none")


def settle_outdated(row: Row, generation: int, result: Result) -> Row:
    """`store.settle` by a process that has an older version of the declaration than the database: as good as an edit."""
    wanted = max(row.generation, result.raise_above) + 1
    settled = settle(row._replace(generation=max(row.generation, generation + 1)), generation, result)
    return settled._replace(generation=wanted, released=False)


def meet(held: Held, result: Result, other: Row) -> tuple[Result, Row]:
    """`store.meeting.meet`: what the step is settled with, and the other row, that has its remote id."""
    result = result._replace(no_progress=held.no_progress + 1)
    owed = _owed_by_a_meeting(other)
    later = result.next == "later" or result.no_progress > HONEST_STEPS
    again = result._replace(parked="", next="later" if later else "now")
    kept = result._replace(remote_id=held.remote_id, adopted=held.adopted, acknowledged=False)
    if result.remote_id == held.remote_id:
        return again._replace(remote_id=0, look_first=True, acknowledged=False), owed
    if result.no_progress >= NO_PROGRESS_LIMIT:
        return kept._replace(outcome="rejected", next="at_recheck", parked=IDENTITY_CONFLICT), other
    if result.shown:
        again = again._replace(raise_above=max(result.raise_above, 0))
        late = other.lease != "free" or other.recheck != "none"
        again = again._replace(doubt="open", look_first=True, next="at_recheck") if late else again
        return again, owed._replace(remote_id=0, look_first=True)
    return kept._replace(outcome="transient", next="later"), owed._replace(look_first=True)


def named_as_ours(held: Held, result: Result, other: Row, *, gone: bool) -> tuple[Result, Row]:
    """`meeting.whose`, where the record of our username has the external id of another user of ours, of this row.

    ``gone``: somebody who is gone had our username, and it is not that other one's.
    """
    at_rest = other.synced == other.generation and other.lease == "free" and other.recheck == "none"
    kept = _untold(result)
    if not other.parked and at_rest:
        elsewhere = other.remote_id != result.found
        if other.remote_id and (elsewhere or gone) and result.instead:
            return _untold(result.instead), other
        if not other.remote_id and other.adopted == TRUST and result.let_go:
            return _untold(result.let_go), other
    if other.parked or (at_rest and other.remote_id) or held.no_progress + 1 >= NO_PROGRESS_LIMIT:
        return kept, other
    return _looked_at_first(held, kept, other, at_rest=at_rest)


def named_by_a_former(held: Held, result: Result, other: Row) -> tuple[Result, Row]:
    """The same, where that other one's record has a username that it was known by before: a restore took the newer one back."""
    kept = _untold(result)
    if other.parked or held.no_progress + 1 >= NO_PROGRESS_LIMIT:
        return kept, other
    at_rest = other.synced == other.generation and other.lease == "free" and other.recheck == "none"
    return _looked_at_first(held, kept, other, at_rest=at_rest)


def _looked_at_first(held: Held, kept: Result, other: Row, *, at_rest: bool) -> tuple[Result, Row]:
    kept = kept._replace(remote_id=held.remote_id, adopted=held.adopted, acknowledged=False, parked="")
    later = kept._replace(outcome="transient", next="later", no_progress=held.no_progress + 1)
    if not at_rest:
        return later, other
    return later, _owed_by_a_meeting(other)._replace(look_first=True)


def _owed_by_a_meeting(other: Row) -> Row:
    raised = other._replace(generation=other.generation + 1, no_progress=other.no_progress + 1, released=False)
    return raised if other.parked == REJECTED_BY_PERSON else raised._replace(due="now", parked="")


def _untold(result: Result) -> Result:
    """Without what only `whose` looks at."""
    return result._replace(owner=-1, login=-1, found=0, instead=(), let_go=())


def _due(result: Result, *, moved: bool, owed: bool, recheck: Window) -> Due:
    if moved:
        return "now"
    if result.parked:
        return "none"
    if result.next != "at_recheck":
        return "now" if result.next == "now" else "later"
    if recheck != "none":
        return "recheck"
    return "now" if owed else "none"


def repair(row: Row) -> Row:
    """`store.repair`."""
    due = row.due if row.parked else "now"
    return row._replace(generation=row.generation + 1, due=due, no_progress=0, released=False)


def owe_again(row: Row) -> Row:
    """`store.owe_again` for a backfill, which is for every row."""
    confirmed = row.deleted and row.synced == row.generation and row.recheck == "none" and row.lease == "free"
    if row.parked or (confirmed and not row.left and not row.named):
        return row._replace(look_first=row.look_first or bool(row.parked and row.remote_id))
    due = "now" if row.due == "none" else row.due
    looks = row.look_first or bool(row.remote_id) or row.named
    return row._replace(generation=row.generation + 1, due=due, look_first=looks, no_progress=0, released=False)


def owe_raised(row: Row) -> Row:
    """`store.owe_again` for a declaration whose version has risen."""
    if (
        row.deleted
        and row.synced == row.generation
        and row.recheck == "none"
        and row.lease == "free"
        and not row.parked
        and not row.left
    ):
        return row
    due = "now" if row.due == "none" else row.due
    looks = row.look_first or bool(row.remote_id)
    if row.parked == REJECTED_BY_PERSON:
        return row._replace(look_first=looks)
    return row._replace(
        generation=row.generation + 1, due=due, look_first=looks, parked="", no_progress=0, released=False
    )


def owe_deletion(row: Row) -> Row:
    """`store.leaving.owe_deletions`."""
    if not (row.left == "over" and row.is_left):
        return row
    return row._replace(generation=row.generation + 1, due="now", look_first=True, no_progress=0, released=False)


def changed(row: Row) -> Row:
    """The triggers on an update of the user."""
    return row._replace(generation=row.generation + 1, due="now", parked="", no_progress=0, released=False)


def gone(row: Row) -> Row:
    """The trigger on the deletion of the user."""
    return changed(row)._replace(deleted=True)


def retry(row: Row) -> Row:
    """`hand.retry`, of a row that nobody holds; so are the others."""
    raised = row.synced >= row.generation
    return _pushed_anew(row)._replace(generation=row.generation + raised, released=row.released and not raised)


def overwrite(row: Row) -> Row:
    """`hand.overwrite`."""
    return _pushed_anew(row)


def adopt(row: Row, link: Link) -> Row:
    """`hand.adopt`."""
    return repair(_linked(row, link)._replace(parked=""))


def settle_by_hand(row: Row, link: Link) -> Row:
    """`hand.settle`."""
    due: Due = "recheck" if row.recheck != "none" else "now" if link.add_key else "none"
    return _linked(row, link)._replace(synced=row.generation, due=due, parked="", failed_tries=0, crashes=0, left="")


def stands(seen: Row, row: Row) -> bool:
    """Whether the record is still as the target was asked about it: `thirdparty.decisions.compensation` compares the two."""
    return _facts(seen) == _facts(row)


def _pushed_anew(row: Row) -> Row:
    return repair(row._replace(parked=""))._replace(look_first=row.look_first or bool(row.remote_id))


def _linked(row: Row, link: Link) -> Row:
    return row._replace(
        remote_id=link.remote_id,
        named=link.named,
        adopted=link.adopted,
        add_key=link.add_key,
        look_first=link.look_first,
    )


def _facts(row: Row) -> tuple[object, ...]:
    return (
        row.generation, row.synced, row.deleted, row.lease != "free", row.recheck != "none", row.remote_id, row.named,
        row.adopted, row.add_key, row.parked, row.look_first,
    )  # fmt: skip

"""The model's transitions are those of the real statements: on every row that it reaches, on this database.

Whatever the daily explorations asked of `tests.chaos.model.transitions` is asked of the statements too,
without exception, and all that both say of the row is compared. Every other claim and settlement
shares its statement with a record in order, to which nothing may happen but its own.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

import pytest
from django.db.models import F
from django.utils import timezone

from tests import alone
from tests.chaos.model import holding, materialised, references, transitions
from tests.chaos.model.configurations import TRUST_DEACTIVATION, daily
from tests.chaos.model.decision import EXTERNAL_IDS, USERNAMES, Step, key_of, lease, number, text
from tests.chaos.model.explored import explored
from tests.chaos.model.materialised import (
    COMPANION,
    DELAY_SECONDS,
    LEASE_SECONDS,
    STAYS,
    TOKEN,
    VISIBILITY_SECONDS,
    put,
    put_companion,
    seen,
)
from tests.chaos.model.row import Held, Result, Row
from tests.chaos.model.uses import USE
from thirdparty import store
from thirdparty.connectors.leaving import Leaving
from thirdparty.decide.lease import Lease, Terms
from thirdparty.decide.plan import Call
from thirdparty.decide.result import Doubt, FinishedStep, Next, Outcome, StepResult
from thirdparty.declaration import KeyChanges, of_kind
from thirdparty.models import Attempt, Declaration, Record
from thirdparty.store import manual
from thirdparty.store.manual import RemoteLink

# One process of a parallel run takes all of them, and reads what was explored once; or explores it, with the first of them.
pytestmark = [pytest.mark.django_db, pytest.mark.timeout(1800), pytest.mark.xdist_group("model sql")]

EVERY = int(os.environ.get("MODEL_EVERY", "1"))
"""1 for all cases; otherwise one in so many, and others each day."""
_MANY = 100
MIRRORS = tuple(module.__name__ for module in (transitions, references, holding))
"""What is compared with the statements."""
SHORT, LONG = 50.0, 5_000.0
"""Windows that end before, and after, one that is opened now."""


@cache
def asked() -> dict[Callable[..., Any], dict[tuple[Any, ...], Any]]:
    """By transition: all arguments that the explorations gave to it, and what it answered."""
    found: dict[Callable[..., Any], dict[tuple[Any, ...], Any]] = defaultdict(dict)
    for configuration in [*daily(), TRUST_DEACTIVATION]:
        for (function, *arguments), answer in explored(configuration).memo.answers.items():
            if function.__module__ in MIRRORS:
                found[function][tuple(arguments)] = answer
    return found


def asked_of(transition: Callable[..., Any], *, at_least: int = 1) -> dict[tuple[Any, ...], Any]:
    """The arguments that the explorations gave to this transition, and what it answered; `EVERY` third or so of many."""
    found = asked()[transition]
    assert len(found) >= at_least
    if EVERY == 1 or len(found) < _MANY:
        return found
    first = datetime.now(UTC).toordinal() % EVERY
    return dict(list(found.items())[first::EVERY])


def real_claim(*, in_company: bool = False) -> Lease | None:
    """``in_company``: by a statement that claims another row as well."""
    if not in_company:
        return alone.claim(
            key_of(0),
            lease_seconds=LEASE_SECONDS,
            visibility_seconds=VISIBILITY_SECONDS,
            delete_after_seconds=STAYS.total_seconds(),
        )
    put_companion()
    Record.objects.filter(key=COMPANION).update(lease_token=None, leased_until=None)
    terms = Terms(LEASE_SECONDS, VISIBILITY_SECONDS, STAYS.total_seconds())
    leases = {lease.key: lease for lease in store.claim([key_of(0), COMPANION], terms)}
    assert COMPANION in leases
    return leases.get(key_of(0))


def step(held: Held) -> Step:
    return Step(0, held, seq=0, present=True, call="", key=0)


def settlement(result: Result) -> StepResult:
    return StepResult(
        outcome=Outcome(result.outcome), remote_id=text(result.remote_id), adopted=result.adopted,
        add_key=text(result.add_key), acknowledged=result.acknowledged,
        raise_above=None if result.raise_above < 0 else result.raise_above, doubt=Doubt(result.doubt),
        parked=result.parked, next=Next(result.next), delay_seconds=DELAY_SECONDS,
        waits_for=key_of(result.waits_for) if result.waits_for >= 0 else "",
        held_by=key_of(result.held_by) if result.held_by >= 0 else "",
        look_first=result.look_first, no_progress=result.no_progress, shown=result.shown,
        stays=None if result.stays < 0 else bool(result.stays), known_by=USERNAMES[result.known_by] if result.known_by >= 0 else "", found_id=text(result.found) or "",
        instead=settlement(result.instead) if result.instead else None, let_go=settlement(result.let_go) if result.let_go else None,
    )  # fmt: skip


def real_settle(
    row: Row,
    generation: int,
    result: Result,
    *,
    held: Held | None = None,
    token: str = TOKEN,
    in_company: bool = False,
) -> Record | None:
    held = held or Held(
        generation, row.remote_id, row.adopted, row.add_key, False, False, row.failed_tries, row.crashes
    )
    mine = lease(step(held))
    assert (mine.key, mine.object_id) == (key_of(0), USE.object_ids[0])
    ended = [
        FinishedStep(
            Lease(**{name: getattr(mine, name) for name in mine.__slots__} | {"token": token}),
            None,
            settlement(result),
        )
    ]
    if in_company:
        done = StepResult(outcome=Outcome.OK, remote_id="c", adopted="", add_key=None, acknowledged=True)
        ended.append(FinishedStep(put_companion(), None, done))
    settled = store.settle(ended, visibility_seconds=VISIBILITY_SECONDS, grace_seconds=0.0)
    assert not in_company or settled.rows[COMPANION].state == "synced"
    return settled.rows.get(key_of(0))


def window_end() -> datetime | None:
    return Record.objects.values_list("unknown_until", flat=True).get(key=key_of(0))


def assert_window(before: datetime | None, *, opened: bool) -> None:
    """A window that is opened never ends earlier than one that was open."""
    after = window_end()
    if not opened:
        assert after in (before, None)
        return
    new = timezone.now() + timedelta(seconds=VISIBILITY_SECONDS)
    expected = new if before is None else max(before, new)
    assert after is not None
    assert abs(after - expected) < timedelta(seconds=10)


@pytest.mark.parametrize("window_seconds", [SHORT, LONG], ids=["a short window", "a long window"])
def test_claim(window_seconds: float) -> None:
    asked = asked_of(transitions.claim, at_least=400)
    for number_of_case, ((row, has_user, rival), expected) in enumerate(asked.items()):
        if window_seconds == SHORT and row.recheck != "open":
            continue
        put(row, has_user=has_user, window_seconds=window_seconds)
        if rival:
            materialised.put_other(remote_id="another's", natural_key=materialised.USERNAME)
        before = window_end()
        held = real_claim(in_company=bool(number_of_case % 2))
        if expected is None:
            assert held is None, row
            assert seen() == row
            continue
        after, expected_held = expected
        assert held is not None, row
        assert seen() == after, row
        assert facts(held) == expected_held, row
        assert held.token != TOKEN
        assert_window(before, opened=row.doing in transitions.WRITES)


@pytest.mark.parametrize("changes", KeyChanges)
def test_claim_where_natural_keys_change(monkeypatch: pytest.MonkeyPatch, changes: KeyChanges) -> None:
    monkeypatch.setattr(type(of_kind(USE.kind)), "key_changes", changes)
    claim = {
        KeyChanges.KEPT: transitions.claim_keeping,
        KeyChanges.REPLACED: transitions.claim_replacing,
        KeyChanges.RENAMED: transitions.claim_renaming,
    }[changes]
    renamed = changes is KeyChanges.RENAMED
    asked = asked_of(claim, at_least=100)
    for number_of_case, ((row, has_user, rival, wanted, *more), expected) in enumerate(asked.items()):
        put(row, has_user=has_user)
        Record.objects.update(wanted_key=USERNAMES[wanted])
        taken = bool(more and more[0])
        if taken and not rival:
            materialised.put_other(remote_id="another's", natural_key=USERNAMES[row.login])
        if rival:
            how = {"stays": not taken} if more else {}
            login = (transitions.key_where_renamed if renamed else transitions.key_at_target)(
                row, wanted=wanted, **how
            )
            theirs = USERNAMES[login] if login >= 0 else "nobody's"
            former = renamed and number_of_case % 2
            keys = {"natural_key": "somebody else's", "former_key": theirs} if former else {"natural_key": theirs}
            materialised.put_other(remote_id="another's", **keys)
        held = real_claim()
        if expected is None:
            assert held is None, row
            assert seen() == row
            continue
        after, expected_held = expected
        assert held is not None, row
        assert seen() == after, row
        assert facts(held) == expected_held, row


def test_what_is_settled_for_later_is_not_claimed_yet() -> None:
    later = {row for row in asked_of(transitions.settle).values() if row.due == "later"}
    assert later
    for row in later:
        put(row, has_user=True)
        assert transitions.claim(row, has_user=True, rival=False) is None
        assert real_claim() is None, row
        assert seen() == row


def facts(held: Lease) -> Held:
    return Held(
        generation=held.generation, remote_id=number(held.remote_id), adopted=held.adopted,
        add_key=number(held.add_key), in_doubt=held.in_doubt, window_over=held.window_over, failed_tries=held.failed_tries, crashes=held.crashes,
        look_first=held.look_first, no_progress=held.no_progress, named=bool(held.natural_key), days_over=held.days_over,
        login=USERNAMES.index(held.natural_key) if held.natural_key else 0,
        former_key=USERNAMES.index(held.former_key) if held.former_key else -1, replaces=held.replaces, released=held.released,
    )  # fmt: skip


def test_a_lease_that_is_given_back() -> None:
    asked = asked_of(transitions.release, at_least=50)
    for (row,), expected in asked.items():
        put(row, has_user=True)
        Record.objects.update(lease_token=TOKEN, leased_until=timezone.now() + timedelta(seconds=4_000))
        store.release([replace(lease(step(Held(row.generation, 0, "", 0, False, False, 0, 0))), token=TOKEN)])
        assert seen()._replace(due=expected.due) == expected, row


def test_open_attempt() -> None:
    asked = asked_of(transitions.open_attempt, at_least=50)
    for (row, call, add_key), expected in asked.items():
        put(row._replace(doing="update"), has_user=True)
        Record.objects.update(lease_token="n" * 32)  # the attempt that is open belongs to the lease before
        held = lease(step(Held(row.generation, row.remote_id, row.adopted, row.add_key, False, False, 0, crashes=1)))
        attempt = alone.open_attempt(
            Lease(**{name: getattr(held, name) for name in held.__slots__} | {"token": "n" * 32}), Call(call)
        )
        if call == Call.ADD and not row.add_key:
            assert UUID(attempt.add_key)
            Attempt.objects.filter(pk=attempt.id).update(idempotency_key=text(add_key))
        assert seen() == expected, row


@pytest.mark.parametrize("window_seconds", [SHORT, LONG], ids=["a short window", "a long window"])
def test_settle(window_seconds: float) -> None:
    asked = asked_of(transitions.settle, at_least=500)
    for number_of_case, ((row, generation, result), expected) in enumerate(asked.items()):
        if window_seconds == SHORT and row.recheck != "open":
            continue
        put(row, has_user=False, window_seconds=window_seconds)
        before = window_end()
        assert real_settle(row, generation, result, in_company=bool(number_of_case % 2)) is not None
        # The attempt was closed by its id, which this test does not give.
        assert seen() == expected, (row, generation, result)
        assert_window(before, opened=result.doubt == "open")


def test_settle_where_records_are_renamed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(of_kind(USE.kind)), "key_changes", KeyChanges.RENAMED)
    for (row, generation, result, wanted), expected in asked_of(transitions.settle_renaming, at_least=200).items():
        put(row, has_user=False)
        Record.objects.update(wanted_key=USERNAMES[wanted])
        assert real_settle(row, generation, result) is not None
        assert seen() == expected, (row, generation, result, wanted)


@pytest.mark.parametrize("window_seconds", [SHORT, LONG], ids=["a short window", "a long window"])
def test_settle_by_a_process_of_an_older_version(window_seconds: float) -> None:
    asked = asked_of(transitions.settle_outdated, at_least=100)
    Declaration.objects.update(version=F("version") + 1)
    for (row, generation, result), expected in asked.items():
        if window_seconds == SHORT and row.recheck != "open":
            continue
        put(row, has_user=False, window_seconds=window_seconds)
        before = window_end()
        assert real_settle(row, generation, result) is not None
        assert seen() == expected, (row, generation, result)
        assert_window(before, opened=result.doubt == "open")


def test_two_rows_that_meet_on_one_remote_id() -> None:
    asked = asked_of(transitions.meet, at_least=5)
    for (held, result, other), (instead, expected_other) in asked.items():
        row = Row(
            generation=held.generation, due="now", lease="held", doing="add", named=True, no_progress=held.no_progress,
            remote_id=held.remote_id if held.remote_id != result.remote_id else 0, adopted=held.adopted,
        )  # fmt: skip
        put(row, has_user=False)
        materialised.put_row(other, index=1)
        assert real_settle(row, held.generation, result, held=held) is not None
        assert seen() == transitions.settle(row, held.generation, instead), (held, result, other)
        assert seen(1) == expected_other, (held, result, other)


def test_a_record_of_our_username_with_the_external_id_of_another_user() -> None:
    asked = asked_of(transitions.named_as_ours, at_least=5)
    for (held, result, other, gone), (instead, expected_other) in asked.items():
        assert not gone  # the model's people are two
        assert_named_as_ours(held, result, other, instead, expected_other)


def test_whoever_was_let_go_of_or_went_astray_leaves_us_the_record() -> None:
    held = Held(1, 0, "", 0, in_doubt=False, window_over=False, failed_tries=0, crashes=0)
    nothing = Result(
        "rejected", 0, "", 0, False, -1, "keep", "identity_conflict", "at_recheck", found=5, no_progress=1
    )
    ours = nothing._replace(outcome="ok", parked="", remote_id=5, next="now", found=0)
    result = nothing._replace(instead=ours, let_go=ours._replace(adopted="match"))
    elsewhere = Row(synced=1, due="none", remote_id=6, named=True)
    there = elsewhere._replace(remote_id=5)
    unlinked = Row(synced=1, due="none", adopted="trust", deleted=True)
    for other, linked in ((elsewhere, 5), (there, 0), (unlinked, 5)):
        instead, expected_other = transitions.named_as_ours(held, result, other, gone=False)
        assert instead.remote_id == linked, other
        assert_named_as_ours(held, result, other, instead, expected_other)


def test_a_record_of_our_username_that_another_user_had_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(of_kind(USE.kind)), "key_changes", KeyChanges.RENAMED)
    asked = asked_of(transitions.named_by_a_former, at_least=5)
    for (held, result, other), (instead, expected_other) in asked.items():
        # In the database the other one has another username anyway.
        here, there = other._replace(login=0), expected_other._replace(login=0)
        assert_named_as_ours(held, result, here, instead, there)


def assert_named_as_ours(held: Held, result: Result, other: Row, instead: Result, expected_other: Row) -> None:
    row = Row(
        generation=held.generation, due="now", lease="held", doing="add", named=True, no_progress=held.no_progress,
        remote_id=held.remote_id, adopted=held.adopted,
    )  # fmt: skip
    put(row, has_user=False)
    materialised.put_row(other, index=1)
    mine = lease(step(held))
    refused = replace(settlement(result), external_id=EXTERNAL_IDS[1], natural_key=mine.natural_key)
    ended = [FinishedStep(replace(mine, token=TOKEN), None, refused)]
    assert store.settle(ended, visibility_seconds=VISIBILITY_SECONDS, grace_seconds=0.0).rows
    assert seen() == transitions.settle(row, held.generation, instead), (held, result, other)
    assert seen(1) == expected_other, (held, result, other)


def test_a_backfill() -> None:
    asked = asked_of(transitions.owe_again, at_least=20)
    for (row,), expected in asked.items():
        put(row, has_user=not row.deleted)
        store.owe_again([key_of(0)], store.Why(backfill=True))
        assert seen() == expected, row


def test_a_declaration_whose_version_has_risen() -> None:
    asked = asked_of(transitions.owe_raised, at_least=100)
    for (row,), expected in asked.items():
        put(row, has_user=not row.deleted)
        store.owe_again([key_of(0)], store.Why(raised=(USE.kind,)))
        assert seen() == expected, row


def test_what_has_stayed_for_all_of_its_days_is_owed_its_deletion() -> None:
    asked = asked_of(transitions.owe_deletion, at_least=100)
    for (row,), expected in asked.items():
        put(row, has_user=False)
        store.leaving.owe_deletions(USE.target, Leaving(delete_after_days=STAYS.days), 10)
        assert seen() == expected, row


@pytest.mark.parametrize("deed", [transitions.retry, transitions.overwrite], ids=lambda deed: deed.__name__)
def test_what_a_person_has_pushed_once_more(deed: Callable[..., Row]) -> None:
    asked = asked_of(deed, at_least=30)
    for (row,), expected in asked.items():
        put(row, has_user=False)
        assert getattr(manual, deed.__name__)(key_of(0), seen=row.generation)
        assert seen() == expected, row


@pytest.mark.parametrize(
    ("deed", "statement"),
    [(transitions.adopt, manual.adopt), (transitions.settle_by_hand, manual.settle)],
    ids=["adopt", "settle"],
)
def test_what_a_person_links(deed: Callable[..., Row], statement: Callable[..., bool]) -> None:
    asked = asked_of(deed, at_least=30)
    for (row, link), expected in asked.items():
        put(row, has_user=False)
        username = USERNAMES[0] if link.named else ""
        said = RemoteLink(text(link.remote_id), username, link.adopted, text(link.add_key), look_first=link.look_first)
        assert statement(key_of(0), said, seen=row.generation)
        assert seen() == expected, (row, link)


def test_a_settlement_without_its_lease_changes_nothing() -> None:
    # What is settled is of no matter, so one settlement for each row will do.
    for row, (generation, result) in {row: about for row, *about in asked_of(transitions.settle)}.items():
        put(row, has_user=False)
        before = Record.objects.values().get()
        assert real_settle(row, generation, result, token="o" * 32) is None
        assert Record.objects.values().get() == before


def test_repair() -> None:
    asked = asked_of(transitions.repair, at_least=100)
    for (row,), expected in asked.items():
        put(row, has_user=False)
        store.repair([key_of(0)])
        assert seen() == expected, row


def test_an_edit_of_the_object() -> None:
    asked = asked_of(transitions.changed, at_least=400)
    for number_of_edit, ((row,), expected) in enumerate(asked.items()):
        put(row, has_user=True)
        USE.edit(number_of_edit)
        assert seen() == expected, row


def test_a_deletion_of_the_object() -> None:
    asked = asked_of(transitions.gone, at_least=100)
    for (row,), expected in asked.items():
        put(row, has_user=True)
        USE.delete()
        assert seen() == expected, row


def test_a_saved_object_has_the_row_that_the_model_begins_with() -> None:
    USE.put(materialised.USERNAME, exists=False)
    Record.objects.all().delete()
    USE.put(materialised.USERNAME, exists=True)
    assert seen() == Row()

"""What the model says of references is what the statements do: on the shop, whose orders name their customers.

Run by `tests.chaos.test_model_matches_sql_of_the_shop`, under the shop's own settings.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.chaos.model import references
from tests.chaos.model.decision import key_of, lease
from tests.chaos.model.materialised import COMPANION, TOKEN, put, put_companion, put_row, seen
from tests.chaos.model.row import Held, Result, Row
from tests.chaos.model.state import Reference
from tests.chaos.test_model_matches_sql import asked_of, settlement, step
from thirdparty import models, store
from thirdparty.decide.brake import HELD_BY_BRAKE
from thirdparty.decide.result import FinishedStep
from thirdparty.models.record import REJECTED_BY_PERSON

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(900)]

OTHER = 1


def refer(*noted: Reference) -> None:
    models.Reference.objects.all().delete()
    for each in noted:
        models.Reference.objects.create(
            record=key_of(each.record), on_record=key_of(each.on), remote_id=str(each.remote_id)
        )


def noted() -> references.References:
    index = {key_of(number): number for number in (0, 1)}
    rows = models.Reference.objects.values_list("record", "on_record", "remote_id")
    return tuple(sorted(Reference(index[record], index[on], int(remote_id)) for record, on, remote_id in rows))


def of_the_first(row: Row) -> Row:
    """The row as that of the first object, which can wait for the other alone."""
    return row._replace(
        waits_for=min(row.waits_for, 0) + (row.waits_for >= 0), held_by=min(row.held_by, 0) + (row.held_by >= 0)
    )


def test_who_waits_is_woken_when_the_other_has_come_or_names_it_no_more() -> None:
    asked = asked_of(references.woken, at_least=20)
    for (row, arrived, freed), expected in asked.items():
        put(of_the_first(row), has_user=False)
        put_row(Row(remote_id=7 if arrived else 0, synced=1, due="none"), index=OTHER)
        refer(*([] if freed else [Reference(OTHER, 0, row.remote_id)]))
        store.references.release([key_of(OTHER)])
        assert seen() == of_the_first(expected), (row, arrived, freed)


def test_who_was_sent_with_a_remote_id_that_is_another_now_is_owed() -> None:
    asked = asked_of(references.followed, at_least=5)
    for (row,), expected in asked.items():
        put(of_the_first(row), has_user=False)
        put_row(Row(synced=1, due="none"), index=OTHER)
        refer(Reference(0, OTHER, 99), Reference(OTHER, 0, row.remote_id))
        store.references.release([key_of(OTHER)])
        assert seen() == of_the_first(expected), row


@pytest.mark.parametrize("parked", [HELD_BY_BRAKE, REJECTED_BY_PERSON])
def test_what_the_brake_holds_or_a_person_rejected_is_not_owed_for_that(parked: str) -> None:
    row = Row(generation=2, synced=1, due="none", remote_id=5, parked=parked)
    put(row, has_user=False)
    put_row(Row(synced=1, due="none"), index=OTHER)
    refer(Reference(0, OTHER, 99))
    store.references.release([key_of(OTHER)])
    assert (seen(), references.followed(row)) == (row, row)


def test_a_reference_is_noted_once() -> None:
    asked = asked_of(references.note)
    assert asked
    for (before, record, on, remote_id), expected in asked.items():
        refer(*before)
        store.references.note({key_of(record): {key_of(on): str(remote_id)}})
        assert noted() == expected


def test_a_settlement_forgets_what_the_target_names_no_more() -> None:
    asked = asked_of(references.forget, at_least=20)
    for number, ((before, row, record, used), expected) in enumerate(asked.items()):
        if record != OTHER or row.lease != "free":
            continue  # of the others, nothing is noted
        put(Row(), has_user=False)
        put_row(row._replace(lease="held", doing="update", due="now", waits_for=-1, held_by=-1), index=record)
        refer(*before)
        settle_as(row, record, (key_of(used),) if used >= 0 else (), in_company=bool(number % 2))
        assert noted() == expected, (before, row, used)


def settle_as(row: Row, record: int, refers_to: tuple[str, ...], *, in_company: bool) -> None:
    """Settle the record so that it becomes this row, alone or by a statement that settles another as well."""
    result = Result(
        outcome="ok", remote_id=row.remote_id, adopted=row.adopted, add_key=row.add_key,
        acknowledged=row.synced == row.generation, raise_above=-1, doubt="keep", parked=row.parked, next="at_recheck",
        look_first=row.look_first,
    )  # fmt: skip
    held = Held(row.generation, row.remote_id, row.adopted, row.add_key, False, False, 0, 0)
    mine = replace(lease(step(held)._replace(row=record)), token="u" * 32)
    ended = [FinishedStep(mine, None, settlement(result), refers_to=refers_to)]
    if in_company:
        done = settlement(result._replace(remote_id=0, acknowledged=True, parked=""))
        ended.append(FinishedStep(put_companion(), None, done))
    settled = store.settle(ended, visibility_seconds=60, grace_seconds=0)
    assert key_of(record) in settled.rows
    assert (COMPANION in settled.rows) == in_company


def test_who_may_still_name_a_record_holds_its_deletion() -> None:
    asked = asked_of(references.holder)
    assert asked
    for (before, index), expected in asked.items():
        refer(*before)
        found = store.references.holders_of([key_of(index)])
        assert found == ({key_of(index): key_of(expected)} if expected >= 0 else {})


def test_who_is_named_by_one_that_is_parked_is_named_in_vain() -> None:
    asked = asked_of(references.named_in_vain)
    assert set(asked.values()) == {True, False}
    reasons = dict.fromkeys(
        [*(each for (_, parked, _) in asked for each in parked), HELD_BY_BRAKE, REJECTED_BY_PERSON]
    )
    for (before, parked, index), expected in asked.items():
        put(Row(parked=parked[0], due="none"), has_user=False)
        put_row(Row(parked=parked[1], due="none"), index=1)
        refer(*before)
        assert (key_of(index) in store.references.named_in_vain([key_of(index)])) == expected
    for reason in reasons:
        put(Row(), has_user=False)
        put_row(Row(parked=reason, due="none"), index=1)
        refer(Reference(1, 0, 5))
        expected = references.named_in_vain((Reference(1, 0, 5),), ("", reason), 0)
        assert (store.references.named_in_vain([key_of(0)]) == {key_of(0)}) == expected


def test_a_circle_is_seen() -> None:
    asked = asked_of(references.is_circle)
    assert True in asked.values()
    for (rows, index, waits_for), expected in asked.items():
        put(rows[0], has_user=False)
        put_row(rows[1]._replace(lease="free", doing="", remote_id=0, named=False), index=1)
        assert store.references.is_circle(key_of(index), key_of(waits_for)) == expected


def test_a_deletion_that_is_refused_waits_for_who_was_sent_with_the_remote_id_meanwhile() -> None:
    put(Row(remote_id=5, lease="held", doing="delete", due="now", synced=0), has_user=False)
    put_row(Row(synced=1, due="none"), index=OTHER)
    result = Result(
        "rejected", 5, "", 0, acknowledged=False, raise_above=-1, doubt="keep", parked="invalid", next="at_recheck"
    )
    for before in ((), (Reference(OTHER, 0, 5),)):
        refer(*before)
        held = Held(1, 5, "", 0, False, False, 0, 0)
        ended = FinishedStep(replace(lease(step(held)), token=TOKEN), None, settlement(result), call="delete")
        refused = references.refused(result, step(held)._replace(obstacle="refused"), references.holder(before, 0))
        assert store.references.refused(ended).settlement.parked == refused.parked
        assert (store.references.refused(ended).settlement.held_by != "") == (refused.held_by >= 0)

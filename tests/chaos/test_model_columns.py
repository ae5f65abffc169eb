"""The model must not go blind: a new column of a record, or of a reference, belongs into it or onto a list with its reason."""

from __future__ import annotations

from dataclasses import fields

from django.db.models import Model

from tests.chaos.model.row import Held, Result, Row
from tests.chaos.model.state import Reference
from thirdparty import models
from thirdparty.decide.lease import Lease
from thirdparty.decide.result import StepResult

IN_THE_MODEL = {
    "generation": "generation",
    "synced_generation": "synced",
    "deleted": "deleted",
    "due_at": "due",
    "lease_token": "lease",
    "leased_until": "lease",
    "unknown_until": "recheck",
    "remote_id": "remote_id",
    "natural_key": "named",
    "wanted_key": "login",
    "former_key": "former",
    "adopted": "adopted",
    "add_key": "add_key",
    "waits_for": "waits_for",
    "held_by": "held_by",
    "left_at": "left",
    "parked": "parked",
    "failed_tries": "failed_tries",
    "crashes": "crashes",
    "look_first": "look_first",
    "no_progress": "no_progress",
    "no_progress_generation": "no_progress",
    "released_generation": "released",
    "may_exist": "may_exist",
}
"""Each with what stands for it in `Row`."""
LEFT_OUT = {
    "key": "the number of the row stands for it",
    "target": "one target at a time; strict writes, of two targets, are a model of their own",
    "kind": "rows of different kinds meet in references alone, which name rows",
    "object_id": "the number of the row stands for it",
    "owed_since": "follows from the generations, which is compared with the statements; only waits of hours and figures read it",
    "last_error": "words for people",
    "synced_at": "for people, and for the pruning of confirmed tombstones",
    "pulled_at": "what is due later may be due at any moment in the model, whoever brings it forward",
    "asked_at": "how often people may ask; no step reads it",
    "state": "derived from the other columns by the database, for people",
    "settled_state": "the same, for finding them",
    "sent": "no step is planned or judged by it, but for the brake: which updates rewrite most fields is said of a configuration",
    "caused_by": "words for people",
    "cause": "a word for people, and for grouping",
    "failing_since": "a time for people",
    "claims": "an audit compares it before and after its question (tests/integration/test_audit*.py); no step reads it",
}
OF_A_REFERENCE = {"record": "record", "on_record": "on", "remote_id": "remote_id"}
OF_A_LEASE_LEFT_OUT = {
    "key": "the number of the row stands for it",
    "target": "as of the row",
    "kind": "as of the row",
    "object_id": "as of the row",
    "external_id": "the number of the row stands for it",
    "token": "whether the lease is still the worker's is in the state",
    "expires": "that a lease has too little time left is a move",
    "deleted": "whether a record is wanted is read with the object",
    "natural_key": "as `named`",
    "sent": "of the brake, as of the row",
    "stays": "the policy of a run is one: what stays goes on staying by it",
}
OF_A_RESULT_LEFT_OUT = {
    "delay_seconds": "later may be at any moment",
    "sent": "of the brake, as of the row",
    "spends_try": "failed tries matter to waits and limits alone",
    "reason": "words for people",
    "message": "words for people",
    "http_status": "words for people",
    "external_id": "as `owner`",
    "natural_key": "as `login`",
    "found_id": "as `found`",
}


def columns(model: type[Model]) -> set[str]:
    return {field.name for field in model._meta.concrete_fields}


def test_every_column_of_a_record_is_in_the_model_or_left_out_for_a_reason() -> None:
    assert columns(models.Record) == IN_THE_MODEL.keys() | LEFT_OUT.keys()
    assert not IN_THE_MODEL.keys() & LEFT_OUT.keys()
    assert {*IN_THE_MODEL.values(), "doing"} == {*Row._fields, "may_exist"}


def test_every_column_of_a_reference_is_in_the_model() -> None:
    assert columns(models.Reference) - {"id"} == OF_A_REFERENCE.keys()
    assert {*OF_A_REFERENCE.values()} == {*Reference._fields}


def test_all_that_a_worker_knows_is_in_the_model_or_left_out_for_a_reason() -> None:
    assert {field.name for field in fields(Lease)} == (
        set(Held._fields) - {"named", "login"}
    ) | OF_A_LEASE_LEFT_OUT.keys()


def test_all_that_a_step_leaves_is_in_the_model_or_left_out_for_a_reason() -> None:
    assert {field.name for field in fields(StepResult)} == (
        (set(Result._fields) - {"owner", "login", "found"}) | OF_A_RESULT_LEFT_OUT.keys()
    )

"""Every column of a record is in the model, or stands here with the reason why it need not be."""

from __future__ import annotations

from tests.chaos.model.row import Row
from thirdparty.models import Record

IN_THE_MODEL = {
    "generation": "generation", "synced_generation": "synced", "deleted": "deleted", "due_at": "due",
    "lease_token": "lease", "leased_until": "lease", "unknown_until": "recheck", "remote_id": "remote_id",
    "natural_key": "named", "add_key": "add_key", "adopted": "adopted", "parked": "parked",
    "failed_tries": "failed_tries", "crashes": "crashes", "look_first": "look_first", "no_progress": "no_progress",
    "no_progress_generation": "no_progress",
}  # fmt: skip
LEFT_OUT = {
    "key": "the model has two rows, by their place",
    "target": "the model has one target",
    "kind": "and one kind",
    "object_id": "as the key",
    "wanted_key": "natural keys do not change in the model: the claim freezes the first",
    "owed_since": "follows from the two generations: the comparison with the statements asserts it",
    "sent": "no step is planned or judged by it, but for the brake, which only holds steps back (tests/integration/test_brake*.py)",
    "released_generation": "the brake alone reads it, as `sent`",
    "caused_by": "words for people",
    "claims": "counts claims for the audit, which judges nothing that was claimed between its looks; no step reads it",
    "waits_for": "the model has no references; tests/integration/test_references.py",
    "held_by": "the same",
    "last_error": "words for people",
    "synced_at": "a time for people; pruning goes by it, of rows that are level",
    "pulled_at": "brings what is owed forward, which the model does whenever it may",
    "asked_at": "paces questions of explanations, which change nothing else",
    "state": "derived from the others by the database",
    "may_exist": "the same; the comparison with the statements asserts it",
}


def test_every_column_is_in_the_model_or_left_out_for_a_reason() -> None:
    columns = {field.name for field in Record._meta.concrete_fields}
    assert columns == {*IN_THE_MODEL, *LEFT_OUT}


def test_what_is_said_to_be_in_the_model_is_there() -> None:
    assert {*IN_THE_MODEL.values()} | {"doing"} == {*Row._fields}

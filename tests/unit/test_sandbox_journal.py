"""What the sandbox remembers across its own death."""

import json
from pathlib import Path
from typing import Any

import pytest

from thirdparty.sandbox.journal import Journal, JournalError
from thirdparty.sandbox.store import Call, Rules
from thirdparty.sandbox.world import World


class Life:
    """One life after another of a world on the same file, with a clock that is set by hand."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.now = 1000.0
        self._begin()

    def _begin(self) -> None:
        self._journal = Journal(self.path)
        self.world = World(self._journal, Rules(), clock=lambda: self.now)

    def again(self) -> World:
        self._journal.close()
        self._begin()
        return self.world

    def receive(self, call: str, key: str | None = None, **fields: Any) -> dict[str, Any]:
        entry = self.world.request(
            call=call, username=fields.get("username"), user_id=fields.get("userId"), idempotency_key=key, body=fields
        )
        entry["fault"] = self.world.draw(call, fields.get("username")).fault
        return entry

    def perform(self, call: str, key: str | None = None, **fields: Any) -> None:
        entry = self.receive(call, key, **fields)
        entry["status"] = self.world.apply(Call(call, fields, key), request=entry["seq"]).status
        self.world.note_request(entry)
        self.world.commit()


@pytest.fixture
def life(tmp_path: Path) -> Life:
    return Life(tmp_path / "state")


def entries(world: World) -> list[dict[str, Any]]:
    return list(json.loads(world.ledger.after(0)))


def test_records_and_ledger_come_back_as_they_were(life: Life) -> None:
    life.perform("add", username="anna1", name="Anna")
    life.perform("add", username="bert2")
    life.perform("update", userId="r1", name="张伟")
    life.perform("delete", userId="r2")
    before, records, stats = entries(life.world), list(life.world.store), life.world.stats()
    world = life.again()
    assert entries(world) == before
    assert list(world.store) == records
    assert world.stats() == stats


def test_ids_of_deleted_records_are_not_used_again_after_a_restart(life: Life) -> None:
    life.perform("add", username="anna1")
    life.perform("delete", userId="r1")
    life.again()
    life.perform("add", username="anna1")
    assert [record.user_id for record in life.world.store] == ["r2"]


def test_a_cut_last_line_is_dropped_and_the_next_step_is_whole(life: Life) -> None:
    life.perform("add", username="anna1")
    life.perform("add", username="bert2")
    life.path.write_bytes(life.path.read_bytes()[:-5])
    assert [record.username for record in life.again().store] == ["anna1"]
    life.perform("add", username="carl3")
    assert [record.username for record in life.again().store] == ["anna1", "carl3"]
    assert [entry["seq"] for entry in entries(life.world)] == [1, 2, 3, 4]


def test_a_damaged_line_in_the_middle_is_refused_by_number(life: Life) -> None:
    life.perform("add", username="anna1")
    life.perform("add", username="bert2")
    life.path.write_bytes(b"?" + life.path.read_bytes())
    with pytest.raises(JournalError, match="line 1"):
        life.again()


def test_a_file_in_use_is_refused(life: Life) -> None:
    with pytest.raises(JournalError, match="in use"):
        Journal(life.path)


def test_a_request_seen_before_the_kill_is_in_the_ledger_without_an_answer(life: Life) -> None:
    life.world.note_request(life.receive("add", username="anna1"))
    life.world.commit()
    world = life.again()
    assert [(entry["kind"], entry["username"], entry["status"]) for entry in entries(world)] == [
        ("request", "anna1", None)
    ]


def test_a_late_call_is_still_owed_after_a_restart_and_applied_once(life: Life) -> None:
    life.world.switch({"late_apply": True, "late_seconds": 5})
    entry = life.receive("add", username="anna1")
    life.world.postpone(Call("add", {"username": "anna1", "password": "0" * 32}), request=entry["seq"])
    life.world.note_request(entry)
    life.world.commit()
    world = life.again()
    assert world.late[entry["seq"]].due_at == life.now + 5
    world.apply_late(entry["seq"])
    world.commit()
    world = life.again()
    assert (len(world.store), world.late, world.late_done) == (1, {}, 1)


def test_passwords_never_reach_the_file(life: Life) -> None:
    life.world.postpone(Call("add", {"username": "anna1", "password": "0" * 32}), request=1)
    life.world.commit()
    assert b"password" not in life.path.read_bytes()


def test_the_answer_kept_under_a_key_survives(life: Life) -> None:
    life.perform("add", key="k", username="anna1")
    life.again()
    life.perform("add", key="k", username="anna1")
    assert [entry["status"] for entry in entries(life.world) if entry["kind"] == "request"] == ["ok", "ok"]
    assert len(life.world.store) == 1


def test_switches_survive_and_go_on_counting(life: Life) -> None:
    life.world.switch({"busy": True, "capabilities": [], "only": {"first": 2}})
    life.perform("add", username="anna1")
    switches = life.world.switches()
    world = life.again()
    assert world.switches() == switches
    assert [world.draw("add", "bert2").fault, world.draw("add", "bert2").fault] == ["busy", None]


def test_a_restore_goes_back_to_the_backup_and_survives(life: Life) -> None:
    life.perform("add", username="anna1")
    life.world.back_up()
    life.perform("add", username="bert2")
    life.world.restore()
    life.world.commit()
    for world in (life.world, life.again()):
        assert [record.username for record in world.store] == ["anna1"]
    life.perform("add", username="carl3")
    for world in (life.world, life.again()):
        assert [(record.user_id, record.username) for record in world.store] == [("r1", "anna1"), ("r2", "carl3")]


def test_a_reset_forgets_everything(life: Life) -> None:
    life.world.switch({"busy": True})
    life.perform("add", username="anna1")
    life.world.reset()
    for world in (life.world, life.again()):
        assert (len(world.store), world.ledger.last, world.faults.idle) == (0, 0, True)


def test_without_a_path_nothing_is_written(tmp_path: Path) -> None:
    journal = Journal(None)
    journal.append([b"{}"])
    assert list(journal.replay()) == []
    assert list(tmp_path.iterdir()) == []

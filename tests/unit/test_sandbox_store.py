"""The business rules of the stand-in third party."""

from typing import Any

import pytest

from thirdparty.sandbox.store import Answer, Call, Outcome, Rules, Store, UsernameUsed

DAY = 24 * 3600


@pytest.fixture
def store() -> Store:
    return Store(Rules())


def perform(store: Store, call: str, /, *, key: str | None = None, now: float = 0.0, **fields: Any) -> Outcome:
    return store.perform(Call(call, fields, key), now=now)


def add(store: Store, username: str, **fields: Any) -> Answer:
    return perform(store, "add", username=username, **fields).answer


def test_an_add_creates_a_record_and_answers_its_id(store: Store) -> None:
    outcome = perform(store, "add", username="anna1", name="Anna", roleIds=["7"], externalId="e1", version=3)
    assert outcome.answer == Answer("ok", "r1")
    assert outcome.effect is not None
    assert outcome.effect.record.wire() == {
        "userId": "r1",
        "username": "anna1",
        "name": "Anna",
        "phone": "",
        "email": "",
        "roleIds": ["7"],
        "externalId": "e1",
        "version": 3,
    }


def test_a_registered_username_is_answered_with_the_id_of_its_record(store: Store) -> None:
    add(store, "anna1")
    outcome = perform(store, "add", username="anna1")
    assert (outcome.answer.status, outcome.answer.data, outcome.effect) == ("user_exists", "r1", None)


def test_with_shared_usernames_a_second_record_is_created() -> None:
    store = Store(Rules(unique_usernames=False))
    assert [add(store, "anna1").data, add(store, "anna1").data] == ["r1", "r2"]
    assert perform(store, "query", username="anna1").answer.data["userId"] == "r1"


def test_an_id_is_never_used_again(store: Store) -> None:
    add(store, "anna1")
    perform(store, "delete", userId="r1")
    assert add(store, "anna1") == Answer("ok", "r2")


def test_an_update_changes_only_what_it_names(store: Store) -> None:
    add(store, "anna1", name="Anna", phone="1")
    assert perform(store, "update", userId="r1", name="Anne").answer == Answer("ok", "r1")
    record = store.get("r1")
    assert record is not None
    assert (record.username, record.name, record.phone) == ("anna1", "Anne", "1")


@pytest.mark.parametrize("call", ["update", "delete", "query"])
def test_an_unknown_id_is_user_not_found(store: Store, call: str) -> None:
    outcome = perform(store, call, userId="r9")
    assert (outcome.answer.status, outcome.effect) == ("user_not_found", None)


@pytest.mark.parametrize(("version", "status"), [(4, "stale"), (5, "stale"), (6, "ok")])
def test_an_update_is_applied_only_above_the_stored_version(store: Store, version: int, status: str) -> None:
    add(store, "anna1", name="Anna", version=5)
    assert perform(store, "update", userId="r1", name="Anne", version=version).answer.status == status
    assert [record.name for record in store] == ["Anne" if status == "ok" else "Anna"]


def test_an_update_without_a_version_is_applied_and_keeps_the_stored_one(store: Store) -> None:
    add(store, "anna1", version=5)
    perform(store, "update", userId="r1", name="Anne")
    assert [(record.name, record.version) for record in store] == [("Anne", 5)]


def test_without_the_capability_versions_are_ignored() -> None:
    store = Store(Rules(capabilities=frozenset()))
    add(store, "anna1", version=5)
    assert perform(store, "update", userId="r1", name="Anne", version=4).answer.status == "ok"
    assert [record.version for record in store] == [None]


@pytest.mark.parametrize("by", [{"userId": "r2"}, {"username": "bert2"}, {"externalId": "e2"}])
def test_a_query_finds_by_each_of_the_three(store: Store, by: dict[str, Any]) -> None:
    add(store, "anna1", externalId="e1")
    add(store, "bert2", externalId="e2")
    assert perform(store, "query", **by).answer.data["userId"] == "r2"


def test_a_query_follows_a_changed_external_id(store: Store) -> None:
    add(store, "anna1", externalId="e1")
    perform(store, "update", userId="r1", externalId="e2")
    assert perform(store, "query", externalId="e1").answer.status == "user_not_found"
    assert perform(store, "query", externalId="e2").answer.status == "ok"


def test_an_empty_external_id_finds_nobody(store: Store) -> None:
    add(store, "anna1")
    assert perform(store, "query", externalId="").answer.status == "user_not_found"


def test_a_listing_pages_over_gaps_and_ends_with_null(store: Store) -> None:
    for number in range(1, 7):
        add(store, f"user{number}")
    for user_id in ("r2", "r6"):
        perform(store, "delete", userId=user_id)
    pages, cursor = [], None
    while True:
        page = perform(store, "list", cursor=cursor, limit=2).answer.data
        pages.append([user["userId"] for user in page["users"]])
        cursor = page["next"]
        if cursor is None:
            break
    assert pages == [["r1", "r3"], ["r4", "r5"]]


def test_the_same_key_gives_the_first_answer_and_applies_nothing_twice(store: Store) -> None:
    first = perform(store, "add", key="k", username="anna1")
    again = perform(store, "add", key="k", now=DAY - 1, username="anna1")
    assert (again.answer, again.effect, len(store)) == (first.answer, None, 1)


def test_a_refusal_is_kept_under_its_key_too(store: Store) -> None:
    add(store, "anna1")
    perform(store, "add", key="k", username="anna1")
    perform(store, "delete", userId="r1")
    assert perform(store, "add", key="k", username="anna1").answer.status == "user_exists"


def test_a_key_is_forgotten_after_a_day(store: Store) -> None:
    perform(store, "add", key="k", username="anna1")
    assert perform(store, "add", key="k", now=DAY, username="anna1").answer.status == "user_exists"


def test_without_the_capability_keys_are_ignored() -> None:
    store = Store(Rules(capabilities=frozenset()))
    perform(store, "add", key="k", username="anna1")
    assert perform(store, "add", key="k", username="anna1").answer.status == "user_exists"


def test_the_operator_cannot_give_a_username_twice(store: Store) -> None:
    add(store, "anna1")
    other = store.create({"username": "bert2"}).record
    with pytest.raises(UsernameUsed):
        store.create({"username": "anna1"})
    with pytest.raises(UsernameUsed):
        store.edit(other, {"username": "anna1"})


def test_a_store_from_a_backup_gives_ids_out_again() -> None:
    store = Store(Rules())
    store.create({"username": "a"})
    backup = store.backup()
    assert store.create({"username": "b"}).record.user_id == "r2"
    restored = Store(store.rules, backup)
    assert [record.username for record in restored] == ["a"]
    assert restored.create({"username": "c"}).record.user_id == "r2"


def test_the_id_of_a_deleted_record_is_used_again_only_by_rule() -> None:
    store = Store(Rules())
    store.remove(store.create({"username": "a"}).record)
    assert store.create({"username": "b"}).record.user_id == "r2"
    store.rules = Rules(reuse_ids=True)
    assert store.create({"username": "c"}).record.user_id == "r1"
    assert store.create({"username": "d"}).record.user_id == "r3"


def test_what_it_is_given_is_altered_only_by_rule() -> None:
    given = {"username": " A ", "name": " 张伟 ", "email": " Zhang@X.example"}
    store = Store(Rules())
    assert store.perform(Call("add", given), now=0.0).effect.record.name == " 张伟 "  # type: ignore[union-attr]
    store = Store(Rules(alters_values=True))
    store.perform(Call("add", given), now=0.0)
    store.perform(Call("update", {"userId": "r1", "name": "李娜  "}), now=0.0)
    [record] = store
    assert (record.username, record.name, record.email) == (" A ", "李娜", "zhang@x.example")

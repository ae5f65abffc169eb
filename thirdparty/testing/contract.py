"""The contract that every connector passes. Subclass `ConnectorContract` in a test module, and give it two fixtures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from thirdparty.connectors.base import Capabilities, Connector, RemoteObject, RemoteRecord, fields_of
from thirdparty.connectors.circles import ListingBroken, require_progress
from thirdparty.connectors.errors import (
    AccessDenied,
    AlreadyExists,
    CapabilityMissing,
    NotFound,
    OutcomeUnknown,
    RecordBusy,
    Rejected,
    TargetError,
    Transient,
    VersionConflict,
)
from thirdparty.connectors.identity import may_have_key
from thirdparty.connectors.options import REQUIRED
from thirdparty.decide.compare import differences
from thirdparty.testing.server import Reply, serving

ABSENT_ID = "999999999"
_MOST_PAGES = 200
"""More than any test here needs, with one record on a page and as many empty ones."""

Make = Callable[[int, int], RemoteObject]


class ConnectorContract:
    """Fixtures of the subclass: ``connector``, to a target that holds nothing yet; and ``make``, which gives an object of
    this number after that many edits: edits change the payload, and neither external id nor key.

    ``absent_id``: an id in the target's form that it has never given out. ``unique_keys``: whether a target that keeps
    natural keys refuses a second record of one. ``optional_field``: a field of the payload, a mapping, that the target can be
    without; empty where there is none. ``reads_before_updates``: an update asks for the record first, so that much goes
    wrong before anything is written.
    """

    absent_id = ABSENT_ID
    unique_keys = True
    optional_field = ""
    reads_before_updates = False

    # -- a record's life ------------------------------------------------------------------

    def test_what_was_added_is_found_by_each_of_its_names(self, connector: Connector, make: Make) -> None:
        _require(connector, "query")
        obj = make(1, 0)
        remote_id = _add(connector, obj)
        for found in (connector.find(remote_id=remote_id), connector.find(external_id=obj.external_id)):
            _same(connector, found, remote_id, obj)
        if obj.key and connector.keeps_keys():
            _same(connector, connector.find(key=obj.key), remote_id, obj)

    def test_what_was_never_added_is_not_found(self, connector: Connector, make: Make) -> None:
        _require(connector, "query")
        obj = make(1, 0)
        assert connector.find(remote_id=self.absent_id) is None
        assert connector.find(external_id=obj.external_id) is None
        assert connector.find(key=obj.key) is None

    def test_one_record_is_not_taken_for_another(self, connector: Connector, make: Make) -> None:
        _require(connector, "query")
        first, second = make(1, 0), make(2, 0)
        ids = [_add(connector, first), _add(connector, second)]
        assert ids[0] != ids[1]
        _same(connector, connector.find(external_id=second.external_id), ids[1], second)
        _same(connector, connector.find(remote_id=ids[0]), ids[0], first)

    def test_a_field_that_the_payload_has_no_more_is_taken_away(self, connector: Connector, make: Make) -> None:
        _require(connector, "query")
        if not self.optional_field:
            pytest.skip("this target cannot be without any of its fields")
        obj = make(1, 0)
        remote_id = _add(connector, obj)
        left = {name: value for name, value in fields_of(obj.payload).items() if name != self.optional_field}
        assert len(left) < len(fields_of(obj.payload)), f"the payload has no {self.optional_field}"
        connector.update(remote_id, replace(obj, payload=left, dropped=(self.optional_field,)), version=2)
        found = connector.find(remote_id=remote_id)
        assert found is not None
        assert differences(left, found.payload, connector.comparable, (self.optional_field,)) == ()

    def test_an_update_leaves_no_difference(self, connector: Connector, make: Make) -> None:
        _require(connector, "query")
        remote_id = _add(connector, make(1, 0))
        found = connector.find(remote_id=remote_id)
        assert found is not None
        assert differences(make(1, 1).payload, found.payload, connector.comparable), (
            "an edit has to change the payload"
        )
        connector.update(remote_id, make(1, 1), version=2)
        _same(connector, connector.find(remote_id=remote_id), remote_id, make(1, 1))

    def test_an_update_may_be_repeated(self, connector: Connector, make: Make) -> None:
        remote_id = _add(connector, make(1, 0))
        connector.update(remote_id, make(1, 1), version=2)
        connector.update(remote_id, make(1, 1), version=3)

    def test_what_was_deactivated_keeps_the_rest_and_is_active_again_after_an_update(
        self, connector: Connector, make: Make
    ) -> None:
        if not connector.can_deactivate():
            with pytest.raises(CapabilityMissing):
                connector.deactivate(self.absent_id, version=1)
            return
        with pytest.raises(NotFound):
            connector.deactivate(self.absent_id, version=1)
        obj = make(1, 0)
        remote_id = _add(connector, obj)
        for version in (2, 3):
            connector.deactivate(remote_id, version=version)
        _require(connector, "query")
        found = connector.find(remote_id=remote_id)
        assert found is not None
        expected = {**connector.comparable(obj.payload), **connector.inactive}
        held = connector.comparable(found.payload)
        assert {name: held.get(name) for name in expected} == expected
        connector.update(remote_id, obj, version=4)
        _same(connector, connector.find(remote_id=remote_id), remote_id, obj)

    def test_what_was_deleted_is_gone(self, connector: Connector, make: Make) -> None:
        obj = make(1, 0)
        remote_id = _add(connector, obj)
        connector.delete(remote_id)
        with pytest.raises(NotFound):
            connector.delete(remote_id)
        with pytest.raises(NotFound):
            connector.update(remote_id, obj, version=2)
        if connector.capabilities.query:
            assert connector.find(remote_id=remote_id) is None
            assert connector.find(external_id=obj.external_id) is None

    def test_an_id_that_was_never_given_out_is_not_found(self, connector: Connector, make: Make) -> None:
        with pytest.raises(NotFound):
            connector.update(self.absent_id, make(1, 0), version=1)
        with pytest.raises(NotFound):
            connector.delete(self.absent_id)

    def test_a_second_record_of_one_key_is_refused_as_such(self, connector: Connector, make: Make) -> None:
        if not self.unique_keys or not connector.keeps_keys():
            pytest.skip("this target takes any number of records of one key")
        remote_id = _add(connector, make(1, 0))
        with pytest.raises(AlreadyExists) as taken:
            _add(connector, replace(make(2, 0), key=make(1, 0).key))
        assert taken.value.remote_id in (None, remote_id)

    def test_an_object_that_is_gone_may_be_added_bare(self, connector: Connector, make: Make) -> None:
        obj = replace(make(1, 0), payload={})
        try:
            assert _add(connector, obj)
        except TargetError as refused:
            # The target's own word: nothing was added.
            assert isinstance(refused, Rejected)  # noqa: PT017  # both ways are well

    # -- what the target offers -----------------------------------------------------------

    def test_a_listing_has_every_record_once_however_short_its_pages(self, connector: Connector, make: Make) -> None:
        _require(connector, "list")
        added = {_add(connector, make(number, 0)): make(number, 0) for number in range(1, 6)}
        for limit in (1, 2, 100):
            listed = list(_records(connector, limit))
            assert sorted(record.remote_id for record in listed) == sorted(added)
            for record in listed:
                _same(connector, record, record.remote_id, added[record.remote_id])

    def test_an_add_repeated_under_its_key_is_applied_once(self, connector: Connector, make: Make) -> None:
        _require(connector, "idempotency")
        once = connector.add(make(1, 0), version=1, idempotency_key="one")
        assert connector.add(make(1, 0), version=1, idempotency_key="one") == once
        try:
            assert connector.add(make(1, 1), version=2, idempotency_key="one") == once
        except Rejected:
            assert (
                len(list(_records(connector, 10))) == 1 if connector.capabilities.list else True
            )  # it compares the bodies, which is well

    def test_an_older_version_never_goes_over_a_newer_one(self, connector: Connector, make: Make) -> None:
        _require(connector, "versions")
        remote_id = connector.add(make(1, 0), version=5, idempotency_key="one")
        with pytest.raises(VersionConflict):
            connector.update(remote_id, make(1, 1), version=4)
        connector.update(remote_id, make(1, 1), version=6)

    def test_an_update_gives_a_record_another_key(self, connector: Connector, make: Make) -> None:
        _require(connector, "rename")
        _require(connector, "query")
        if not connector.keeps_keys():
            pytest.skip("this target keeps no keys")
        before, after = make(1, 0), replace(make(1, 1), key=make(2, 0).key)
        remote_id = _add(connector, before)
        connector.update(remote_id, after, version=2)
        _same(connector, connector.find(remote_id=remote_id), remote_id, after)
        _same(connector, connector.find(key=after.key), remote_id, after)
        assert connector.find(key=before.key) is None

    def test_a_key_that_another_record_has_is_refused_to_an_update_as_such(
        self, connector: Connector, make: Make
    ) -> None:
        _require(connector, "rename")
        if not self.unique_keys or not connector.keeps_keys():
            pytest.skip("this target takes any number of records of one key")
        first, second = make(1, 0), make(2, 0)
        remote_id = _add(connector, first)
        _add(connector, second)
        with pytest.raises(AlreadyExists):
            connector.update(remote_id, replace(first, key=second.key), version=2)
        if connector.capabilities.query:
            _same(connector, connector.find(remote_id=remote_id), remote_id, first)

    def test_what_a_target_does_not_offer_is_said_before_it_is_asked(self, connector: Connector) -> None:
        with _towards(connector, "http://127.0.0.1:1", capabilities=Capabilities()) as bare:
            with pytest.raises(CapabilityMissing):
                bare.find(external_id="x")
            with pytest.raises(CapabilityMissing):
                bare.page(None, limit=1)

    # -- what goes wrong on the way -------------------------------------------------------

    def test_where_nobody_listens_nothing_took_effect(self, connector: Connector, make: Make) -> None:
        with _towards(connector, "http://127.0.0.1:1") as away:
            for call in (*_writes(away, make), *_reads(away)):
                _fails(call, Transient)

    @pytest.mark.parametrize("reply", [Reply(lost=True), Reply(200, b"x" * 1000, cut=True)], ids=["lost", "cut"])
    def test_a_write_without_an_answer_has_an_unknown_outcome_and_a_read_is_asked_again_later(
        self, connector: Connector, make: Make, reply: Reply
    ) -> None:
        with serving(lambda _: reply) as url, _towards(connector, url) as deaf:
            for call in self.writes(deaf, make):
                _fails(call, OutcomeUnknown)
            for call in _reads(deaf):
                _fails(call, Transient)

    @pytest.mark.parametrize("status", [408, 500, 502, 504])
    def test_an_error_of_the_server_says_nothing_of_what_it_did(
        self, connector: Connector, make: Make, status: int
    ) -> None:
        with serving(lambda _: Reply(status)) as url, _towards(connector, url) as failing:
            for call in self.writes(failing, make):
                _fails(call, OutcomeUnknown)
            for call in _reads(failing):
                _fails(call, Transient)

    @pytest.mark.parametrize(
        ("status", "error"), [(423, RecordBusy), (425, Transient), (429, Transient), (503, Transient)]
    )
    def test_later_means_later_and_the_time_is_heeded(
        self, connector: Connector, make: Make, status: int, error: type[Transient]
    ) -> None:
        with serving(lambda _: Reply(status, headers={"Retry-After": "7"})) as url, _towards(connector, url) as busy:
            for call in (*_writes(busy, make), *_reads(busy)):
                assert getattr(_fails(call, error), "retry_after_seconds", None) == 7.0

    @pytest.mark.parametrize("status", [301, 302, 307, 308, 401, 403])
    def test_being_turned_away_is_no_fault_of_the_record_and_no_redirect_is_followed(
        self, connector: Connector, make: Make, status: int
    ) -> None:
        asked: list[str] = []

        def respond(request: Any) -> Reply:
            asked.append(request.path)
            return Reply(status, headers={"Location": "/elsewhere"})

        with serving(respond) as url, _towards(connector, url) as closed:
            for call in (*_writes(closed, make), *_reads(closed)):
                _fails(call, AccessDenied)
        assert "/elsewhere" not in asked

    def test_a_refusal_keeps_the_status_for_people(self, connector: Connector, make: Make) -> None:
        with serving(lambda _: Reply(422, {"message": "no"})) as url, _towards(connector, url) as refusing:
            for call in _writes(refusing, make):
                assert _fails(call, Rejected).http_status == 422

    @pytest.mark.parametrize("body", [b"", b"<html>", b"null", b"[]", b"[[", b"\xff\xfe\x00", b'"x"', b"{}"])
    def test_no_answer_whatever_breaks_the_connector(self, connector: Connector, make: Make, body: bytes) -> None:
        with serving(lambda _: Reply(200, body)) as url, _towards(connector, url) as odd:
            for call in (*_writes(odd, make), *_reads(odd)):
                try:
                    call()
                except TargetError:
                    continue

    def test_an_add_that_names_no_id_has_an_unknown_outcome(self, connector: Connector, make: Make) -> None:
        with serving(lambda _: Reply(200, {})) as url, _towards(connector, url) as silent:
            _fails(lambda: _add(silent, make(1, 0)), OutcomeUnknown)

    def writes(self, connector: Connector, make: Make) -> list[Callable[[], object]]:
        """The calls whose only request is a write."""
        add, update, delete = _writes(connector, make)
        return [add, delete] if self.reads_before_updates else [add, update, delete]

    # -- how it is used -------------------------------------------------------------------

    def test_many_threads_share_it(self, connector: Connector, make: Make) -> None:
        with ThreadPoolExecutor(8) as pool:
            ids = list(pool.map(lambda number: _add(connector, make(number, 0)), range(1, 25)))
        assert len(set(ids)) == len(ids)

    def test_it_does_not_show_its_secrets(self, connector: Connector) -> None:
        given = connector.config.options
        secrets = [str(given[each.name]) for each in connector.declared_options() if each.default is REQUIRED]
        shown = repr(connector) + repr(connector.config)
        assert [secret for secret in secrets if secret in shown] == []


def _require(connector: Connector, capability: str) -> None:
    if not getattr(connector.capabilities, capability):
        pytest.skip(f"this target does not offer {capability!r}")


def _add(connector: Connector, obj: RemoteObject) -> str:
    return connector.add(obj, version=1, idempotency_key=f"add {obj.external_id}")


def _same(connector: Connector, found: RemoteRecord | None, remote_id: str, obj: RemoteObject) -> None:
    assert found is not None
    assert (found.remote_id, found.external_id) == (remote_id, obj.external_id)
    assert (found.key is not None) == connector.keeps_keys()
    assert may_have_key(found.key, obj.key)
    assert differences(obj.payload, found.payload, connector.comparable) == ()


def _records(connector: Connector, limit: int) -> Iterator[RemoteRecord]:
    """What the target lists, page by page. Fails where the listing has no end."""
    cursor, walk = None, dict[str, Any]()
    for number in range(1, _MOST_PAGES + 1):
        page = connector.page(cursor, limit=limit)
        yield from page.records
        if page.next_cursor is None:
            return
        walk["pages"] = number
        try:
            require_progress(page, asked=cursor, walk=walk)
        except ListingBroken as why:
            pytest.fail(f"{why} (page {number}, asked for with {cursor!r}, names {page.next_cursor!r} as the next)")
        cursor = page.next_cursor
    pytest.fail(f"the target's listing has not ended after {_MOST_PAGES} pages; the last names {cursor!r} as the next")


@contextmanager
def _towards(connector: Connector, url: str, **changes: Any) -> Iterator[Connector]:
    """The same connector, to another server."""
    moved = type(connector)(replace(connector.config, base_url=url, timeout_seconds=5.0, **changes), connector.kind)
    try:
        yield moved
    finally:
        moved.close()


def _writes(connector: Connector, make: Make) -> list[Callable[[], object]]:
    return [
        lambda: _add(connector, make(1, 0)),
        lambda: connector.update("1", make(1, 0), version=1),
        lambda: connector.delete("1"),
    ]


def _reads(connector: Connector) -> list[Callable[[], object]]:
    calls: list[Callable[[], object]] = []
    if connector.capabilities.query:
        calls += [lambda: connector.find(remote_id="1"), lambda: connector.find(external_id="x")]
    if connector.capabilities.list:
        calls.append(lambda: connector.page(None, limit=1))
    return calls


def _fails(call: Callable[[], object], error: type[TargetError]) -> TargetError:
    with pytest.raises(TargetError) as caught:
        call()
    assert isinstance(caught.value, error), repr(caught.value)
    return caught.value

"""The audit: what the target really holds is compared with what is wanted, reported, and mended where that is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError
from django.db.models import F

from tests.integration.conftest import converge, effects, held_records, row_of, wanted_records
from tests.integration.strictly import Killed
from thirdparty.audit import conclusions, listing, runner
from thirdparty.audit.journal import Journal
from thirdparty.models import Audit, Comparison, Finding, Record
from thirdparty.models.audit import Verdict
from thirdparty.observe.status import status
from thirdparty.sandbox.client import SandboxControl
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)

KIND = "users.user"
BY_LISTING, BY_LOOK_UP, LIST_ONLY = ("query", "list"), ("query",), ("list",)
Offer = Callable[..., None]


@pytest.fixture(autouse=True)
def offer(sandbox: SandboxControl, partner: Callable[..., None]) -> Offer:
    """Have the target offer these calls: by default a listing and a look-up."""

    def offers(*capabilities: str) -> None:
        sandbox.faults(capabilities=list(capabilities))
        partner(capabilities=capabilities)

    offers(*BY_LISTING)
    return offers


def people(count: int) -> list[User]:
    made = [User.objects.create(name=f"P{number}", phone=f"138{number:08}") for number in range(count)]
    converge()
    return made


def audited(*, mends: bool = False) -> Audit:
    audit = runner.begin("partner", KIND, mends=mends)
    return finished(audit)


def finished(audit: Audit) -> Audit:
    for _ in range(50):
        if audit.finished_at is not None:
            return audit
        audit = runner.go_on(audit.pk, seconds=5)
    raise AssertionError(f"not finished: {audit.phase} at {audit.cursor}")


def found(audit: Audit) -> dict[str, int]:
    return {name: audit.counts[name] for name in Verdict.values if audit.counts.get(name)}


def remote(sandbox: SandboxControl, user: User) -> str:
    return next(each["userId"] for each in sandbox.users() if each["externalId"] == str(user.uuid))


every_way = pytest.mark.parametrize(
    "offers", [BY_LISTING, BY_LOOK_UP, LIST_ONLY], ids=["listing", "look-up", "list only"]
)


@every_way
def test_what_is_as_wanted_is_equal(offer: Offer, offers: tuple[str, ...]) -> None:
    people(3)
    offer(*offers)
    audit = audited()
    assert (audit.failure, found(audit)) == ("", {"equal": 3})
    assert not Finding.objects.exists()


@every_way
def test_an_edit_behind_our_back_is_named_with_its_fields(
    sandbox: SandboxControl, offer: Offer, offers: tuple[str, ...]
) -> None:
    first, _second = people(2)
    sandbox.edit(remote(sandbox, first), phone="999", name="Somebody")
    offer(*offers)
    audit = audited()
    assert (audit.failure, found(audit)) == ("", {"equal": 1, "differing": 1})
    finding = Finding.objects.get()
    assert (finding.record, sorted(finding.fields), finding.mended_at) == (row_of(first).key, ["name", "phone"], None)
    assert finding.ahead == "theirs"
    assert finding.confirmed_at is not None


@every_way
def test_a_change_of_ours_that_nothing_recorded_is_told_from_theirs(offer: Offer, offers: tuple[str, ...]) -> None:
    """As after a write that passed the triggers by."""
    first, second, *_others = people(5)
    offer(*offers)
    User.objects.filter(pk=first.pk).update(phone="777")
    User.objects.filter(pk=second.pk).update(is_active=False)
    Record.objects.update(generation=1, synced_generation=1, owed_since=None, due_at=None)
    audit = audited()
    assert found(audit) == {"equal": 3, "differing": 1, "extra": 1}
    finding = Finding.objects.get(verdict="differing")
    assert (finding.fields, finding.ahead) == (["phone"], "ours")


@every_way
def test_what_was_removed_behind_our_back_is_missing(
    sandbox: SandboxControl, offer: Offer, offers: tuple[str, ...]
) -> None:
    first, *_others = people(4)
    sandbox.delete(remote(sandbox, first))
    offer(*offers)
    audit = audited()
    assert (audit.failure, found(audit)) == ("", {"equal": 3, "missing": 1})
    finding = Finding.objects.get()
    assert (finding.record, finding.ahead) == (row_of(first).key, "theirs")


@pytest.mark.parametrize("offers", [BY_LISTING, LIST_ONLY], ids=["listing", "list only"])
def test_what_was_added_behind_our_back_is_extra_and_nobodys(
    sandbox: SandboxControl, offer: Offer, offers: tuple[str, ...]
) -> None:
    people(2)
    stranger = sandbox.create(username="stranger", name="Stranger", phone="1")
    offer(*offers)
    audit = audited(mends=True)
    assert (audit.failure, found(audit)) == ("", {"equal": 2, "extra": 1})
    finding = Finding.objects.get()
    assert (finding.record, finding.remote_id, finding.owner) == ("", stranger["userId"], "nobody")


@every_way
def test_an_extra_record_is_never_deleted_by_itself(
    sandbox: SandboxControl, offer: Offer, offers: tuple[str, ...]
) -> None:
    """Neither a stranger's, nor one that a restored backup brought back."""
    first, _second = people(2)
    sandbox.backup()
    first.delete()
    converge()
    sandbox.restore()
    sandbox.create(username="stranger", name="Stranger", phone="1")
    offer(*offers)
    audited(mends=True)
    converge()
    assert len(sandbox.users()) == 3


@every_way
def test_one_of_ours_that_is_not_to_be_there_is_not_deleted_by_an_audit(
    sandbox: SandboxControl, offer: Offer, offers: tuple[str, ...]
) -> None:
    """A change that nothing recorded took it out of what is wanted: that may be the mistake."""
    first, *_others = people(3)
    User.objects.filter(pk=first.pk).update(is_active=False)
    Record.objects.update(generation=1, synced_generation=1, owed_since=None, due_at=None)
    offer(*offers)
    assert found(audited(mends=True)) == {"equal": 2, "extra": 1}
    converge()
    assert len(sandbox.users()) == 3


@pytest.mark.parametrize("offers", [BY_LISTING, LIST_ONLY], ids=["listing", "list only"])
def test_whoever_a_backup_brought_back_is_extra_and_ours(
    sandbox: SandboxControl, offer: Offer, offers: tuple[str, ...]
) -> None:
    first, _second = people(2)
    key = row_of(first).key
    sandbox.backup()
    first.delete()
    converge()
    sandbox.restore()
    offer(*offers)
    audit = audited()
    assert found(audit) == {"equal": 1, "extra": 1}
    finding = Finding.objects.get()
    assert (finding.record, finding.owner) == (key, "ours")


@pytest.mark.parametrize("offers", [BY_LISTING, LIST_ONLY], ids=["listing", "list only"])
def test_a_second_record_with_our_external_id_is_extra_and_ours(
    sandbox: SandboxControl, offer: Offer, offers: tuple[str, ...]
) -> None:
    first, _second = people(2)
    double = sandbox.create(username="double", name="P0", phone="1", externalId=str(first.uuid))
    offer(*offers)
    audit = audited()
    assert found(audit) == {"equal": 2, "extra": 1}
    finding = Finding.objects.get()
    assert (finding.record, finding.remote_id, finding.owner) == (row_of(first).key, double["userId"], "ours")


@every_way
def test_what_is_missing_or_differs_is_mended_where_that_is_asked_for(
    sandbox: SandboxControl, offer: Offer, offers: tuple[str, ...]
) -> None:
    first, second, *_others = people(5)
    sandbox.edit(remote(sandbox, first), phone="999")
    sandbox.delete(remote(sandbox, second))
    offer(*offers)
    audited(mends=True)
    assert Finding.objects.filter(mended_at__isnull=False).count() == 2
    converge()
    assert held_records(sandbox) == wanted_records()


def test_a_report_alone_changes_nothing(sandbox: SandboxControl) -> None:
    first, second = people(2)
    sandbox.edit(remote(sandbox, first), phone="999")
    sandbox.delete(remote(sandbox, second))
    before = list(Record.objects.values())
    audited()
    assert list(Record.objects.values()) == before
    assert len(sandbox.users()) == 1


@every_way
def test_a_newer_edit_of_ours_is_no_drift(sandbox: SandboxControl, offer: Offer, offers: tuple[str, ...]) -> None:
    first, *_others = people(3)
    offer(*offers)
    User.objects.filter(pk=first.pk).update(phone="777")
    audit = audited(mends=True)
    assert found(audit) == {"equal": 2, "not_comparable": 1}
    assert Finding.objects.get().mended_at is None
    assert row_of(first).generation == 2


@pytest.mark.parametrize("offers", [BY_LISTING, BY_LOOK_UP], ids=["listing", "look-up"])
def test_an_edit_that_is_pushed_while_the_target_is_asked_is_no_drift(
    sandbox: SandboxControl, offer: Offer, offers: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was wanted is of before the push, the answer of after it: whoever compares them mends what nobody broke."""
    # Whoever is asked about last: by then both edits are there, and what was wanted has been read before them.
    last = max(people(3), key=lambda user: row_of(user).key)
    offer(*offers)
    from thirdparty.audit.questions import Questions

    real, edits = Questions.ask, iter(["1", "2"])

    def ask(self: Questions, *args: Any, **options: Any) -> Any:
        answer = real(self, *args, **options)
        if (phone := next(edits, None)) is not None:
            User.objects.filter(pk=last.pk).update(phone=phone)
            converge()
        return answer

    monkeypatch.setattr(Questions, "ask", ask)
    audit = audited(mends=True)
    assert "differing" not in found(audit)
    assert not Finding.objects.filter(mended_at__isnull=False).exists()


def test_a_record_that_is_claimed_between_the_looks_is_not_compared(
    sandbox: SandboxControl, offer: Offer, monkeypatch: pytest.MonkeyPatch
) -> None:
    [user] = people(1)
    sandbox.edit(remote(sandbox, user), phone="999")
    offer(*BY_LOOK_UP)
    from thirdparty.audit.questions import Questions

    real = Questions.ask

    def ask(self: Questions, *args: Any, **options: Any) -> Any:
        Record.objects.update(claims=F("claims") + 1)
        return real(self, *args, **options)

    monkeypatch.setattr(Questions, "ask", ask)
    audit = audited(mends=True)
    assert found(audit) == {"not_comparable": 1}
    assert Finding.objects.get().reason == "it was worked on while the target was asked"


def test_each_claim_is_counted() -> None:
    [user] = people(1)
    before = row_of(user).claims
    User.objects.filter(pk=user.pk).update(phone="2")
    converge()
    assert row_of(user).claims == before + 1


@pytest.mark.parametrize(
    "change", [{"parked": "invalid"}, {"unknown_until": "2100-01-01T00:00Z"}, {"lease_token": "x"}]
)
def test_what_is_parked_in_doubt_or_held_is_not_compared(
    sandbox: SandboxControl, change: dict[str, str], settings: Any
) -> None:
    [user] = people(1)
    sandbox.edit(remote(sandbox, user), phone="999")
    Record.objects.update(**change)
    audit = audited(mends=True)
    assert found(audit) == {"not_comparable": 1}
    assert Finding.objects.get().mended_at is None


def test_an_audit_over_pages_that_was_killed_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "PER_PAGE", 2)
    people(5)
    audit = runner.begin("partner", KIND)
    real, calls = listing.step, []

    def killed(*args: Any) -> None:
        calls.append(1)
        if len(calls) == 3:
            raise SystemExit  # as a kill: nothing is put in order
        real(*args)

    monkeypatch.setattr(listing, "step", killed)
    with pytest.raises(SystemExit):
        runner.go_on(audit.pk, seconds=5)
    assert Comparison.objects.count() == 4
    monkeypatch.setattr(listing, "step", real)
    audit = finished(Audit.objects.get(pk=audit.pk))
    assert (audit.failure, found(audit), audit.counts["listed"]) == ("", {"equal": 5}, 5)


def test_two_do_not_take_one_audit_further_at_the_same_time() -> None:
    people(1)
    audit = runner.begin("partner", KIND)
    held = Journal.take(audit.pk)
    assert held is not None
    assert runner.go_on(audit.pk, seconds=5).finished_at is None
    held.release()
    assert runner.go_on(audit.pk, seconds=5).finished_at is not None


def test_who_lost_the_lease_writes_nothing(monkeypatch: pytest.MonkeyPatch, sandbox: SandboxControl) -> None:
    from thirdparty.audit.questions import Questions

    [user] = people(1)
    sandbox.edit(remote(sandbox, user), phone="999")
    audit = runner.begin("partner", KIND, mends=True)
    real = Questions.ask

    def ask(self: Questions, *args: Any, **options: Any) -> Any:
        Audit.objects.update(lease_token="another's")
        return real(self, *args, **options)

    monkeypatch.setattr(Questions, "ask", ask)
    assert runner.go_on(audit.pk, seconds=5).finished_at is None
    assert not Comparison.objects.exists()
    assert row_of(user).generation == 1


def test_fields_that_a_declaration_lets_the_target_have_are_not_compared(
    sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    from users.synced import Person

    [user] = people(1)
    monkeypatch.setattr(Person, "audit_ignore", ("phone",))
    sandbox.edit(remote(sandbox, user), phone="999")
    assert found(audited()) == {"equal": 1}


def test_what_a_target_alters_again_after_it_was_mended_is_not_pushed_for_ever(
    sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _second = people(2)

    def alters() -> None:
        converge()
        sandbox.edit(remote(sandbox, first), name="P")

    alters()
    assert found(audited(mends=True)) == {"equal": 1, "differing": 1}
    alters()
    generation = row_of(first).generation
    for _ in range(2):
        assert found(audited(mends=True)) == {"equal": 1, "altered": 1}
        converge()
    assert row_of(first).generation == generation
    # Another edit at the target is a difference again.
    sandbox.edit(remote(sandbox, first), name="Q")
    assert found(audited()) == {"equal": 1, "differing": 1}


def test_a_target_that_alters_what_it_is_given_is_named_counted_and_not_pushed_for_ever(
    sandbox: SandboxControl,
) -> None:
    sandbox.faults(capabilities=list(BY_LISTING), alters_values=True)
    user = User.objects.create(name=" 张伟 ", phone="1", email="Zhang@X.example")
    User.objects.create(name="李娜", phone="2", email="li@x.example")
    converge()
    assert {each["name"]: each["email"] for each in sandbox.users()} == {
        "张伟": "zhang@x.example",
        "李娜": "li@x.example",
    }
    assert found(audited(mends=True)) == {"equal": 1, "differing": 1}
    converge()
    written = effects(sandbox)
    for _ in range(2):
        assert found(audited(mends=True)) == {"equal": 1, "altered": 1}
        converge()
    assert effects(sandbox) == written == ["created", "created", "updated"]
    assert Finding.objects.filter(verdict="altered").values_list("fields", flat=True).last() == ["name", "email"]
    told = status()
    assert told.targets["partner"]["drift"] == 1
    assert [each.count for each in told.reasons if each.code == "altered"] == [1]
    # An edit of ours is pushed as ever.
    User.objects.filter(pk=user.pk).update(name="张伟", email="zhang@x.example")
    converge()
    assert found(audited(mends=True)) == {"equal": 2}


def test_a_record_linked_to_an_id_that_is_another_objects_by_now_is_missing(sandbox: SandboxControl) -> None:
    first, _second = people(2)
    sandbox.edit(remote(sandbox, first), externalId="somebody.else", username="else")
    audit = audited()
    assert found(audit) == {"equal": 1, "missing": 1, "extra": 1}
    assert Finding.objects.get(verdict="missing").record == row_of(first).key


def test_a_record_linked_to_an_id_that_the_target_gave_to_one_of_its_own_is_missing(sandbox: SandboxControl) -> None:
    first, _second = people(2)
    theirs = remote(sandbox, first)
    sandbox.edit(theirs, externalId="", username="else", phone="9")
    audit = audited(mends=True)
    assert found(audit) == {"equal": 1, "missing": 1, "extra": 1}
    assert Finding.objects.get(verdict="missing").record == row_of(first).key
    assert Finding.objects.get(verdict="extra").remote_id == theirs
    converge()
    assert found(audited()) == {"equal": 2, "extra": 1}


def test_a_wiped_external_id_is_a_difference(sandbox: SandboxControl) -> None:
    [user] = people(1)
    sandbox.edit(remote(sandbox, user), externalId="")
    audited()
    finding = Finding.objects.get()
    assert (finding.verdict, finding.fields) == ("differing", ["external_id"])


def test_mending_more_than_the_brake_lets_through_stops_and_asks(sandbox: SandboxControl, settings: Any) -> None:
    """What looks like drift of everything may be a mistake of ours: a mapping, a restored database."""
    settings.SYNC_BRAKE_MIN, settings.SYNC_BRAKE_PERCENT = 3, 1
    users = people(12)
    for user in users:
        sandbox.edit(remote(sandbox, user), name="Other", phone="999", email="other@example.com")
    assert found(audited(mends=True)) == {"differing": 12}
    converge()
    assert sum(each["name"] == "Other" for each in sandbox.users()) >= 12 - 4
    assert Record.objects.filter(state="held").count() >= 12 - 4
    # What is held waits for a person, and is no finding of the next audit.
    assert found(audited(mends=True))["not_comparable"] >= 12 - 4


def test_what_is_mended_and_that_it_is_are_written_in_one(
    offer: Offer, sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a report would have as not mended what was owed again just before a process died."""
    [one] = people(1)
    sandbox.edit(remote(sandbox, one), phone="999")
    finding = Finding.objects.get(audit=audited())

    def dies() -> None:
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr("thirdparty.audit.conclusions.Now", dies)
        conclusions.mend([finding])
    finding.refresh_from_db()
    assert (finding.mended_at, row_of(one).state) == (None, "synced")
    assert conclusions.mend([finding]) == 1
    finding.refresh_from_db()
    assert (finding.mended_at is not None, row_of(one).state) == (True, "pending")


def test_an_audit_whose_end_could_not_be_written_counts_nothing_twice(
    offer: Offer, sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, *_others = people(3)
    sandbox.edit(remote(sandbox, one), phone="999")
    real, failures = Journal._update, [OperationalError("the connection was lost"), OperationalError("once more")]

    def update(self: Journal, **changes: Any) -> None:
        if "finished_at" in changes and failures:
            raise failures.pop()
        real(self, **changes)

    monkeypatch.setattr(Journal, "_update", update)
    assert found(audited()) == {"equal": 2, "differing": 1}
    assert failures == []

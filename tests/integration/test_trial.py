"""A new version of a declaration is tried on a sample, looked at, and sent for the others by a person's word."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from typing import Any
from uuid import UUID

import pytest
from django.contrib.admin.models import LogEntry
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test import Client
from rest_framework.test import APIClient

from tests.declarations import people_of_version, rescope
from tests.integration.conftest import converge, held_records, row_of
from thirdparty import store, targets
from thirdparty.audit import pruning, runner, schedule
from thirdparty.audit.certificate import CannotCertify, certificate
from thirdparty.audit.runner import CannotAudit
from thirdparty.capture import catch_up, triggers
from thirdparty.decide.sample import in_sample
from thirdparty.decisions import audits
from thirdparty.decisions import trial as decided
from thirdparty.decisions.trial import NothingOnTrial
from thirdparty.models import Audit, Declaration, Record, Target
from thirdparty.models.audit import Verdict
from thirdparty.observe.reasons import reasons
from thirdparty.sandbox.client import SandboxControl
from thirdparty.store import Walked
from users.models import User
from users.synced import Person

pytestmark = pytest.mark.django_db(transaction=True)
KIND = "users.user"
PERCENT = 20.0
PEOPLE = 10
FIRST = 16
"""The people have ids from this one on: some of them are in the sample, by no luck."""


@pytest.fixture(autouse=True)
def _version_one_again(db: None) -> Iterator[None]:
    catch_up.go_on("partner", seconds=30)
    yield
    Declaration.objects.filter(kind=KIND).update(version=1)


def brought_level() -> None:
    """All that is owed in batches is owed, and sent."""
    catch_up.go_on("partner", seconds=30)
    converge()


@pytest.fixture
def people(sandbox: SandboxControl) -> list[User]:
    ids = [UUID(int=FIRST + nth) for nth in range(PEOPLE)]
    made = [User.objects.create(uuid=uuid, name=f"ada{nth}", phone=str(nth)) for nth, uuid in enumerate(ids)]
    converge()
    return made


def raise_version(monkeypatch: pytest.MonkeyPatch, settings: Any, version: int = 2) -> None:
    """From now on names are shouted; by ``migrate``, tried on a sample."""
    people_of_version(version, monkeypatch)
    settings.SYNC_TRIAL_PERCENT = PERCENT
    call_command("migrate", verbosity=0)


@pytest.fixture
def tried(people: list[User], monkeypatch: pytest.MonkeyPatch, settings: Any) -> list[User]:
    """The people, whose sample has been sent by the new version."""
    raise_version(monkeypatch, settings)
    brought_level()
    return people


def in_the_sample(people: list[User]) -> set[str]:
    chosen = {each.name for each in people if in_sample(row_of(each).key, PERCENT)}
    assert 0 < len(chosen) < PEOPLE
    return chosen


def names(sandbox: SandboxControl) -> set[str]:
    return {held["name"] for held in held_records(sandbox)}


def by_new_version(sandbox: SandboxControl) -> set[str]:
    return {name.lower() for name in names(sandbox) if name.isupper() or name.startswith("ADA")}


def trial_ends() -> None:
    with transaction.atomic():
        assert targets.end_trial("partner")


def trial(*arguments: str) -> str:
    out = StringIO()
    call_command("sync", "trial", "partner", *arguments, stdout=out)
    return out.getvalue()


def codes() -> set[str]:
    return {reason.code for reason in reasons() if reason.target == "partner"}


def test_a_new_version_is_sent_for_the_sample_alone(sandbox: SandboxControl, tried: list[User]) -> None:
    assert by_new_version(sandbox) == in_the_sample(tried)


@pytest.fixture
def watches_more(people: list[User], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The new version reads one more relation; the one before is known to the database with its triggers."""
    triggers.drop()
    call_command("migrate", verbosity=0)
    brought_level()
    with monkeypatch.context() as more:
        more.setattr(Person, "watch", (*Person.watch, "groups__permissions__codename"))
        rescope(Person, Person.scope, more)
        yield
    triggers.drop()
    triggers.install()


def test_a_version_that_watches_one_more_relation_is_tried_as_well(
    sandbox: SandboxControl,
    people: list[User],
    watches_more: None,
    monkeypatch: pytest.MonkeyPatch,
    settings: Any,
) -> None:
    assert "thirdparty_users_user__auth_group_permissions__insert" in triggers.missing()
    raise_version(monkeypatch, settings)
    assert triggers.missing() == []
    brought_level()
    assert by_new_version(sandbox) == in_the_sample(people)


def test_where_a_trigger_of_the_version_before_is_missing_everybody_is_sent(
    sandbox: SandboxControl,
    people: list[User],
    watches_more: None,
    monkeypatch: pytest.MonkeyPatch,
    settings: Any,
) -> None:
    with connection.cursor() as cursor:
        on = " ON users_user" if connection.vendor == "postgresql" else ""
        cursor.execute(f"DROP TRIGGER thirdparty_users_user__users_user__update{on}")
    raise_version(monkeypatch, settings)
    brought_level()
    assert by_new_version(sandbox) == {each.name for each in people}


def test_a_version_that_watches_again_what_the_one_on_trial_did_not_is_sent_for_everybody(
    sandbox: SandboxControl, people: list[User], monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    """Whoever is not in the sample is still of the version before it, whose changes went unwatched meanwhile."""
    triggers.drop()
    call_command("migrate", verbosity=0)
    catch_up.go_on("partner", seconds=30)
    watched = Person.watch
    with monkeypatch.context() as fewer:
        fewer.setattr(Person, "watch", ("name", "phone"))
        rescope(Person, Person.scope, fewer)
        raise_version(fewer, settings)
        brought_level()
        fewer.setattr(Person, "watch", watched)
        rescope(Person, Person.scope, fewer)
        raise_version(fewer, settings, version=3)
        brought_level()
        assert by_new_version(sandbox) == {each.name for each in people}


def test_where_the_triggers_of_the_version_before_are_all_gone_everybody_is_sent(
    sandbox: SandboxControl, people: list[User], monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    """As where its table has another name: none of its triggers has the name that it had."""
    call_command("migrate", verbosity=0)
    catch_up.go_on("partner", seconds=30)
    triggers.drop()
    row = Declaration.objects.get(kind=KIND)
    row.triggers = [f"{name}__of_old" for name in row.triggers]
    row.save()
    raise_version(monkeypatch, settings)
    brought_level()
    assert by_new_version(sandbox) == {each.name for each in people}


def test_whoever_is_edited_meanwhile_is_sent_by_the_new_version(sandbox: SandboxControl, tried: list[User]) -> None:
    other = next(each for each in tried if each.name not in in_the_sample(tried))
    other.name = "eve"
    other.save()
    converge()
    assert "EVE" in names(sandbox)


def test_the_others_follow_by_a_persons_word_and_who_and_why_is_kept(
    sandbox: SandboxControl, tried: list[User]
) -> None:
    User.objects.create_superuser("root")
    trial("--follow", "--by", "root", "--reason", "looks right")
    brought_level()
    assert {each.name for each in tried} <= by_new_version(sandbox)
    assert not targets.on_trial(Target.objects.get(name="partner"))
    assert f"the rest of {KIND} follows the trial: looks right" in [
        entry.get_change_message() for entry in LogEntry.objects.all()
    ]


def test_the_sample_is_still_tried_after_a_tick_and_another_migrate(
    sandbox: SandboxControl, tried: list[User]
) -> None:
    call_command("migrate", verbosity=0)
    brought_level()
    assert by_new_version(sandbox) == in_the_sample(tried)


def test_a_kill_in_the_middle_of_the_walk_leaves_the_sample_to_the_next(
    sandbox: SandboxControl, people: list[User], monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    monkeypatch.setattr(catch_up, "AT_ONCE", 4)
    raise_version(monkeypatch, settings)
    catch_up.take_step("partner")
    catch_up.take_step("partner")
    assert Target.objects.get(name="partner").owing_to
    brought_level()
    assert by_new_version(sandbox) == in_the_sample(people)


@pytest.mark.usefixtures("people")
def test_a_step_of_the_walk_that_began_before_the_trial_owes_nobody_any_more(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    targets.begin_backfill("partner")
    owe_next = store.owe_next

    def stalls(*about: Any, **how: Any) -> Walked:
        monkeypatch.setattr(store, "owe_next", owe_next)
        catch_up.go_on("partner", seconds=30)
        raise_version(monkeypatch, settings)
        before = generations()
        walked = owe_next(*about, **how)
        assert (generations(), walked.owed) == (before, 0)
        return walked

    monkeypatch.setattr(store, "owe_next", stalls)
    catch_up.take_step("partner")
    assert store.owe_next is owe_next


def generations() -> list[int]:
    return list(Record.objects.order_by("key").values_list("generation", flat=True))


def test_without_the_setting_everybody_is_sent_at_once(
    sandbox: SandboxControl, people: list[User], monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    raise_version(monkeypatch, settings)
    Declaration.objects.filter(kind=KIND).update(version=1)
    settings.SYNC_TRIAL_PERCENT = 0.0
    call_command("migrate", verbosity=0)
    brought_level()
    assert len(by_new_version(sandbox)) == PEOPLE


def test_the_version_after_it_is_tried_anew(
    sandbox: SandboxControl, tried: list[User], monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    before = Target.objects.get(name="partner").trial_since
    raise_version(monkeypatch, settings, version=3)
    row = Target.objects.get(name="partner")
    assert targets.on_trial(row) == {KIND: PERCENT}
    assert before is not None
    assert row.trial_since is not None
    assert row.trial_since > before


def test_a_backfill_sends_everybody_and_ends_the_trial(sandbox: SandboxControl, tried: list[User]) -> None:
    call_command("sync", "backfill", "--target", "partner", stdout=StringIO())
    brought_level()
    assert len(by_new_version(sandbox)) == PEOPLE
    assert not targets.on_trial(Target.objects.get(name="partner"))
    assert "on_trial" not in codes()


def other_kind_rises(settings: Any, percent: float) -> None:
    settings.SYNC_TRIAL_PERCENT = percent
    with transaction.atomic():
        targets.owe_raised("other.kind", using="default")


@pytest.mark.parametrize("percent", [0.0, 90.0])
def test_another_kind_that_rises_neither_ends_nor_widens_the_trial(
    sandbox: SandboxControl, tried: list[User], settings: Any, percent: float
) -> None:
    other_kind_rises(settings, percent)
    brought_level()
    assert by_new_version(sandbox) == in_the_sample(tried)
    assert targets.on_trial(Target.objects.get(name="partner"))[KIND] == PERCENT


def test_a_kind_that_rises_without_a_trial_leaves_since_when_another_is_tried(
    sandbox: SandboxControl, tried: list[User], settings: Any
) -> None:
    before = Target.objects.get(name="partner").trial_since
    other_kind_rises(settings, 0.0)
    assert Target.objects.get(name="partner").trial_since == before


def test_another_kind_that_rises_does_not_revoke_a_persons_word(
    sandbox: SandboxControl, tried: list[User], settings: Any
) -> None:
    trial_ends()
    other_kind_rises(settings, PERCENT)
    brought_level()
    assert len(by_new_version(sandbox)) == PEOPLE


def test_a_kind_that_rose_without_a_trial_is_not_kept_back_for_one_that_has_one(
    sandbox: SandboxControl, people: list[User], monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    raise_version(monkeypatch, settings)
    Target.objects.update(raised={KIND: None})
    other_kind_rises(settings, PERCENT)
    brought_level()
    assert len(by_new_version(sandbox)) == PEOPLE


def test_where_changes_may_have_gone_unrecorded_everybody_is_sent_and_the_log_says_why(
    sandbox: SandboxControl,
    people: list[User],
    monkeypatch: pytest.MonkeyPatch,
    settings: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    targets.owe_anew("partner")
    raise_version(monkeypatch, settings)
    brought_level()
    assert len(by_new_version(sandbox)) == PEOPLE
    assert f"the new version of {KIND} is sent for all records, not tried on 20 %" in caplog.text


def test_a_retired_target_has_nothing_on_trial(tried: list[User]) -> None:
    targets.retire("partner")
    with pytest.raises(NothingOnTrial):
        decided.follow("partner", reason="good")


def test_it_is_a_reason_that_somebody_has_to_act_on(tried: list[User]) -> None:
    [reason] = [each for each in reasons() if each.code == "on_trial"]
    assert reason.severity == "act"
    assert f"The new version of {KIND} (20 %) has been tried on so many of the records since" in reason.sentence


# What is seen of it.


def test_the_command_shows_how_the_sample_does(tried: list[User]) -> None:
    sample = len(in_the_sample(tried))
    shown = json.loads(trial("--json"))
    assert shown["sample"] == {"synced": sample}
    assert shown["others"] == PEOPLE - sample
    assert shown["kinds"] == {KIND: PERCENT}
    assert not shown["owing"]
    assert f"in the sample: {sample} ({sample} synced)" in trial()


def test_the_command_names_why_records_of_the_sample_are_parked(
    sandbox: SandboxControl, people: list[User], monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    raise_version(monkeypatch, settings)
    catch_up.go_on("partner", seconds=30)
    Record.objects.filter(state="pending").update(parked="http_422")
    assert json.loads(trial("--json"))["parked"] == {"http_422": len(in_the_sample(people))}


@pytest.mark.parametrize("given", [["--follow"], ["--follow", "--by", "root"], ["--follow", "--reason", "good"]])
def test_without_who_and_why_nothing_follows(tried: list[User], given: list[str]) -> None:
    User.objects.create_superuser("root")
    with pytest.raises(CommandError, match="--follow --by USERNAME --reason WHY"):
        trial(*given)
    assert targets.on_trial(Target.objects.get(name="partner"))


def test_where_nothing_is_tried_the_command_says_so(people: list[User]) -> None:
    with pytest.raises(CommandError, match="at partner, no new version is tried on a sample"):
        trial()


def test_who_may_not_decide_lets_nothing_follow(tried: list[User]) -> None:
    User.objects.create_user("clerk", is_staff=True)
    with pytest.raises(CommandError, match=r"thirdparty\.decide_record"):
        trial("--follow", "--by", "clerk", "--reason", "good")


def test_on_the_targets_page_a_person_lets_the_others_follow(tried: list[User]) -> None:
    web = Client()
    web.force_login(User.objects.create_superuser("root"))
    page = "/admin/thirdparty/target/partner/"
    assert f"{page}follow/" in web.get(f"{page}change/").content.decode()
    assert "Let the others follow?" in web.post(f"{page}follow/").content.decode()
    assert targets.on_trial(Target.objects.get(name="partner"))
    web.post(f"{page}follow/", {"confirmed": "yes", "reason": "looks right"})
    assert not targets.on_trial(Target.objects.get(name="partner"))
    assert f"{page}follow/" not in web.get(f"{page}change/").content.decode()
    assert web.post(f"{page}follow/", {"confirmed": "yes", "reason": "again"}).status_code == 404


# The audit of the sample.


def audited(**given: Any) -> Audit:
    audit = runner.begin("partner", KIND, **given)
    while audit.finished_at is None:
        audit = runner.go_on(audit.pk, seconds=30)
    return audit


def test_an_audit_of_the_sample_finds_it_equal_and_sees_no_other(tried: list[User]) -> None:
    audit = audited(percent=PERCENT)
    assert audit.failure == ""
    assert audit.counts[Verdict.EQUAL] == len(in_the_sample(tried))
    assert set(audit.comparisons.values_list("record", flat=True)) == {
        row_of(each).key for each in tried if each.name in in_the_sample(tried)
    }


def test_an_audit_of_the_sample_finds_what_the_target_made_otherwise(
    sandbox: SandboxControl, tried: list[User]
) -> None:
    one = next(each for each in tried if each.name in in_the_sample(tried))
    sandbox.edit(row_of(one).remote_id, name="Somebody")
    [finding] = audited(percent=PERCENT).findings.all()
    assert (finding.record, finding.verdict, finding.fields) == (row_of(one).key, "differing", ["name"])


def test_an_audit_does_not_mend_what_is_not_in_the_sample_yet(sandbox: SandboxControl, tried: list[User]) -> None:
    with pytest.raises(CannotAudit, match=r"tried at partner on 20 % of the records"):
        runner.begin("partner", KIND, mends=True)
    assert audited(percent=PERCENT, mends=True).failure == ""
    converge()
    assert by_new_version(sandbox) == in_the_sample(tried)


def test_what_an_audit_finds_outside_the_sample_is_not_owed_again_by_hand(
    sandbox: SandboxControl, tried: list[User]
) -> None:
    audit = audited()
    assert audit.counts[Verdict.DIFFERING] == PEOPLE - len(in_the_sample(tried))
    assert audits.mend(audit.findings.all()) == 0
    converge()
    assert by_new_version(sandbox) == in_the_sample(tried)


def test_no_audit_begins_by_itself_while_a_version_is_tried(tried: list[User], settings: Any) -> None:
    settings.SYNC_AUDIT_EVERY_HOURS = 1.0
    Target.objects.update(behind_since=None)
    assert schedule.begin_due("partner") == []
    trial_ends()
    Target.objects.update(behind_since=None)
    assert [audit.kind for audit in schedule.begin_due("partner")] == [KIND]


def test_an_audit_of_a_sample_is_no_audit_for_the_schedule_and_none_for_a_certificate(
    people: list[User], settings: Any
) -> None:
    audited(percent=PERCENT)
    settings.SYNC_AUDIT_EVERY_HOURS = 1.0
    with pytest.raises(CannotCertify):
        certificate("partner")
    Target.objects.update(behind_since=None)
    assert [audit.percent for audit in schedule.begin_due("partner")] == [100.0]


def test_an_audit_of_a_sample_and_one_of_all_records_go_on_beside_each_other(people: list[User]) -> None:
    whole = runner.begin("partner", KIND)
    sample = runner.begin("partner", KIND, percent=PERCENT)
    another = runner.begin("partner", KIND, percent=PERCENT / 2)
    for audit in (whole, another):
        assert runner.go_on(audit.pk, seconds=20).failure == ""
    sample.refresh_from_db()
    assert sample.failure == "another one was begun"


def test_an_audit_of_all_records_leaves_one_of_a_sample_under_way(people: list[User]) -> None:
    sample = runner.begin("partner", KIND, percent=PERCENT)
    runner.begin("partner", KIND)
    assert runner.go_on(sample.pk, seconds=20).failure == ""


def test_a_sample_that_is_under_way_does_not_keep_the_scheduled_audit_from_beginning(
    people: list[User], settings: Any
) -> None:
    runner.begin("partner", KIND, percent=PERCENT)
    settings.SYNC_AUDIT_EVERY_HOURS = 1.0
    Target.objects.update(behind_since=None)
    assert [audit.percent for audit in schedule.begin_due("partner")] == [100.0]


def test_the_command_goes_on_with_the_sample_where_it_is_asked_for_one(people: list[User]) -> None:
    whole = runner.begin("partner", KIND)
    sample = runner.begin("partner", KIND, percent=PERCENT)
    call_command("sync", "audit", "--target", "partner", "--sample", f"{PERCENT}%", "--resume", stdout=StringIO())
    assert list(Audit.objects.filter(finished_at=None)) == [whole]
    assert list(Audit.objects.filter(finished_at__isnull=False)) == [sample]


def test_the_command_audits_the_sample(tried: list[User]) -> None:
    out = StringIO()
    call_command("sync", "audit", "--target", "partner", "--sample", "20%", stdout=out)
    assert f"{KIND} at partner, 20 % of the records: {len(in_the_sample(tried))} equal" in out.getvalue()


@pytest.mark.parametrize("share", ["0", "101", "some", "-1%"])
def test_a_share_that_is_none_is_named(share: str) -> None:
    with pytest.raises(CommandError, match="is no share; use 1% or the like"):
        call_command("sync", "audit", "--target", "partner", f"--sample={share}")


def test_the_api_audits_a_sample(people: list[User]) -> None:
    api = APIClient()
    api.force_authenticate(User.objects.create_superuser("root"))
    answer = api.post("/api/v1/sync/audits/", {"target": "partner", "percent": 20})
    assert [each["percent"] for each in answer.data] == [20.0]
    wrong = api.post("/api/v1/sync/audits/", {"target": "partner", "percent": 0})
    assert (wrong.status_code, list(wrong.data["errors"])) == (400, ["percent"])


def test_a_certificate_outlives_an_audit_of_a_sample(people: list[User]) -> None:
    audited()
    before = certificate("partner")["digest"]
    audited(percent=PERCENT)
    while pruning.prune_some(timedelta(days=90)):
        pass
    after = certificate("partner")
    assert (after["digest"], after["kinds"][0]["equal"]) == (before, PEOPLE)

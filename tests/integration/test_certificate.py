"""The certificate: what the last audits bear out, and how fresh the target is kept."""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db.models import F
from django.db.models.functions import Now
from django.test import Client

from tests.integration.conftest import converge, row_of, step
from tests.integration.test_audit import BY_LOOK_UP, Offer, audited, offer, people, remote
from thirdparty.audit import certificate, freshness
from thirdparty.audit.certificate import CannotCertify
from thirdparty.models import Attempt, Audit, Comparison, Record
from thirdparty.sandbox.client import SandboxControl
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)
__all__ = ["offer"]


def certified() -> tuple[dict[str, Any], dict[str, Any]]:
    """The document, and its part of people."""
    made = certificate.certificate("partner")
    (part,) = made["kinds"]
    return made, part


def sync(*args: str) -> str:
    out = io.StringIO()
    call_command("sync", *args, stdout=out)
    return out.getvalue()


def test_it_says_how_many_records_are_equal_and_when_each_was_compared() -> None:
    people(3)
    audit = audited()
    made, part = certified()
    assert made["equal_throughout"] is True
    assert (part["audit"], part["compared"], part["equal"], part["exceptions"]) == (audit.pk, 3, 3, [])
    assert audit.started_at <= part["first_compared_at"] <= part["last_compared_at"] <= audit.finished_at


def test_each_exception_stands_in_it_with_its_reason(sandbox: SandboxControl) -> None:
    first, second, third, *_others = people(5)
    sandbox.edit(remote(sandbox, first), phone="999")
    sandbox.create(username="stranger", name="S", phone="1")
    Record.objects.filter(key=row_of(second).key).update(parked="invalid")
    User.objects.filter(pk=third.pk).update(phone="5")
    audited()
    made, part = certified()
    assert made["equal_throughout"] is False
    assert (part["compared"], part["equal"], part["exceptions_total"]) == (3, 2, 4)
    assert part["not_compared"] == {
        "it is parked (invalid)": 1, "a change of ours is yet to be acknowledged": 1,
    }  # fmt: skip
    assert {each["verdict"] for each in part["exceptions"]} == {"differing", "extra", "not_comparable"}


def test_whoever_is_rightly_absent_is_counted_apart() -> None:
    first, *_others = people(3)
    first.delete()
    converge()
    audited()
    _made, part = certified()
    assert (part["equal"], part["absent_as_wanted"]) == (3, 1)


def test_the_digest_can_be_recomputed_from_its_lines(tmp_path: Path) -> None:
    people(5)
    audited()
    sync("certify", "--target", "partner", "--out", str(tmp_path / "made.json"), "--lines", str(tmp_path / "lines"))
    made = json.loads((tmp_path / "made.json").read_text())
    lines = (tmp_path / "lines").read_bytes()
    assert made["kinds"][0]["digest"] == sha256(lines).hexdigest()
    assert lines.splitlines() == sorted(lines.splitlines())
    key, generation, digest = lines.splitlines()[0].decode().split()
    assert Comparison.objects.filter(record=key, generation=generation, digest=digest).exists()


def test_the_same_contents_have_the_same_digest_and_others_have_another(sandbox: SandboxControl) -> None:
    first, *_others = people(2)
    audited()
    before = certified()[0]["digest"]
    audited()
    assert certified()[0]["digest"] == before
    User.objects.filter(pk=first.pk).update(phone="5")
    converge()
    audited()
    assert certified()[0]["digest"] != before


def test_it_holds_no_personal_details() -> None:
    people(2)
    User.objects.create(name="Wanda Certain", phone="555000111", email="wanda@example.com")
    converge()
    audited()
    text = str(certified()) + "".join(certificate.lines("partner"))
    assert not [word for word in ("Wanda", "555000111", "example.com") if word in text]


def test_without_a_finished_audit_there_is_none(offer: Offer) -> None:
    people(1)
    with pytest.raises(CannotCertify, match=r"no audit of users.user at partner has been finished yet"):
        certificate.certificate("partner")
    audited()
    Audit.objects.update(failure="the listing ended early")
    with pytest.raises(CommandError, match=r"no audit of"):
        sync("certify", "--target", "partner")


def test_what_has_come_since_is_said_not_to_have_been_looked_at() -> None:
    people(2)
    audited()
    people(1)
    _made, part = certified()
    assert (part["compared"], part["not_looked_at"]) == (2, 1)


def test_an_edit_during_the_audit_leaves_what_was_compared_as_it_was(
    offer: Offer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under live writes: each record was equal at the generation that stands beside it."""
    from thirdparty.audit.questions import Questions

    first, *_others = people(4)
    offer(*BY_LOOK_UP)
    real, phones = Questions.ask, itertools.count(1)

    def ask(self: Questions, *args: Any, **options: Any) -> Any:
        answer = real(self, *args, **options)
        User.objects.filter(pk=first.pk).update(phone=str(next(phones)))
        converge()
        return answer

    monkeypatch.setattr(Questions, "ask", ask)
    audited()
    _made, part = certified()
    assert part["equal"] + part["exceptions_total"] == 4
    for compared in Comparison.objects.filter(outcome="equal"):
        assert compared.generation <= Record.objects.get(key=compared.record).synced_generation


# -- how fresh ----------------------------------------------------------------------------


def took(user: User, seconds: float) -> None:
    """As if the change had been made so long before it was acknowledged."""
    attempts = Attempt.objects.filter(record=row_of(user).key, acknowledged=True)
    assert attempts.update(owed_since=F("finished_at") - timedelta(seconds=seconds)) == 1


def test_how_long_changes_took_is_told_in_percentiles_and_by_the_objective(settings: Any) -> None:
    settings.SYNC_OBJECTIVE_SECONDS = 10
    for user, seconds in zip(people(4), [1, 2, 3, 20], strict=True):
        took(user, seconds)
    told = freshness.changes("partner")
    assert (told.acknowledged, told.within, told.owed_beyond, told.share) == (4, 3, 0, 0.75)
    assert told.percentiles == {"p50": 2.0, "p95": 20.0, "p99": 20.0}


def test_what_is_still_owed_for_too_long_counts_as_late(settings: Any) -> None:
    settings.SYNC_OBJECTIVE_SECONDS = 10
    first, second = people(2)
    took(first, 1)
    took(second, 1)
    User.objects.filter(pk=first.pk).update(phone="5")
    Record.objects.filter(key=row_of(first).key).update(owed_since=Now() - timedelta(seconds=11))
    told = freshness.changes("partner")
    assert (told.acknowledged, told.within, told.owed_beyond) == (2, 2, 1)
    assert told.share == pytest.approx(2 / 3)


def test_removals_have_an_objective_of_their_own(settings: Any) -> None:
    settings.SYNC_OBJECTIVE_SECONDS, settings.SYNC_OBJECTIVE_REMOVAL_SECONDS = 60, 5
    first, _second = people(2)
    key = row_of(first).key
    first.delete()
    converge()
    Attempt.objects.filter(record=key, call="delete").update(owed_since=F("finished_at") - timedelta(seconds=6))
    told = freshness.removals("partner")
    assert (told.objective_seconds, told.acknowledged, told.within) == (5, 1, 0)
    assert freshness.changes("partner").acknowledged == 2


def test_nothing_acknowledged_is_no_share() -> None:
    told = freshness.changes("partner")
    assert (told.acknowledged, told.share, told.percentiles) == (0, None, {})


def test_an_attempt_knows_since_when_its_record_was_owed_and_whether_it_was_acknowledged(
    sandbox: SandboxControl,
) -> None:
    user = User.objects.create(name="P", phone="1")
    owed_since = row_of(user).owed_since
    sandbox.faults(rates={"503": 1.0}, only={"calls": ["add"]}, retry_after=0)
    step(user)
    sandbox.heal()
    converge()
    failed, taken = Attempt.objects.order_by("id")
    assert (failed.owed_since, failed.acknowledged) == (owed_since, False)
    assert (taken.owed_since, taken.acknowledged) == (owed_since, True)


def test_a_result_without_a_lease_acknowledges_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from thirdparty.run import calling

    real = calling.call_target

    def loses(*args: Any) -> Any:
        ended = real(*args)
        Record.objects.update(lease_token="another's")
        return ended

    user = User.objects.create(name="P", phone="1")
    monkeypatch.setattr(calling, "call_target", loses)
    step(user)
    assert not Attempt.objects.filter(acknowledged=True).exists()


# -- its faces ----------------------------------------------------------------------------


def test_the_command_prints_it() -> None:
    people(2)
    audited()
    printed = sync("certify", "--target", "partner")
    assert "2 of 2 records compared are equal" in printed
    assert "changes of the last 24 hours: 100.00%" in printed
    assert json.loads(sync("certify", "--target", "partner", "--json"))["kinds"][0]["equal"] == 2


def test_the_admin_shows_it_and_gives_it_as_json(sandbox: SandboxControl) -> None:
    web = Client()
    web.force_login(User.objects.create_superuser("root"))
    page = "/admin/thirdparty/audit/certificate/partner/"
    assert "has been finished yet" in web.get(page, follow=True).content.decode()
    first, *_others = people(2)
    audited()
    assert "equal throughout" in web.get(page).content.decode()
    assert web.get(page, {"as": "json"}).json()["kinds"][0]["equal"] == 2
    sandbox.edit(remote(sandbox, first), phone="999")
    audited()
    assert "with exceptions" in web.get(page).content.decode()
    assert web.get("/admin/thirdparty/audit/certificate/nowhere/").status_code == 404


def test_who_may_not_see_records_does_not_see_it(offer: Callable[..., None]) -> None:
    account = User.objects.create_superuser("staff")
    account.is_superuser = False
    account.save()
    web = Client()
    web.force_login(account)
    assert web.get("/admin/thirdparty/audit/certificate/partner/").status_code == 403

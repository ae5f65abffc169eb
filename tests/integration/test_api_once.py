"""Requests that are sent twice, and writes that must not overwrite what others wrote."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from tests.integration.conftest import at_once
from thirdparty.run import reconcile
from thirdparty.sandbox.client import SandboxControl
from users import services
from users.models import IdempotentResponse, User

pytestmark = pytest.mark.django_db(transaction=True)
PEOPLE = "/api/v1/users/"
BULK = f"{PEOPLE}bulk/"
STRICT = "?consistency=strict"
ZHANG = {"name": "张伟", "phone": "13800000001"}
KEY = {"HTTP_IDEMPOTENCY_KEY": "order-7"}


def client_of(name: str) -> APIClient:
    client = APIClient(raise_request_exception=False)
    token = Token.objects.create(user=User.objects.create_superuser(name))
    client.credentials(HTTP_AUTHORIZATION=f"Token {token.key}")
    return client


@pytest.fixture
def api(sandbox: SandboxControl, settings: Any) -> APIClient:
    settings.SYNC_WAIT_PAUSE_SECONDS = 0.05
    return client_of("root")


def people() -> int:
    return services.people().count()


# -- Idempotency-Key --------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"HTTP_PREFER": "wait=5"}])
@pytest.mark.parametrize("query", ["", STRICT])
def test_the_same_key_and_body_give_the_first_answer_again(
    api: APIClient, query: str, options: dict[str, str]
) -> None:
    first = api.post(PEOPLE + query, ZHANG, **KEY, **options)
    User.objects.filter(uuid=first.data["uuid"]).update(name="Changed since")
    again = api.post(PEOPLE + query, ZHANG, **KEY, **options)
    assert (again.status_code, again.json(), again["ETag"]) == (first.status_code, first.json(), first["ETag"])
    assert again["Idempotency-Replayed"] == "true"
    assert people() == 1


def test_the_same_key_with_another_body_is_422(api: APIClient) -> None:
    api.post(PEOPLE, ZHANG, **KEY)
    answer = api.post(PEOPLE, ZHANG | {"name": "李娜"}, **KEY)
    assert (answer.status_code, answer["Content-Type"]) == (422, "application/problem+json")
    assert people() == 1


def test_another_account_has_keys_of_its_own(api: APIClient) -> None:
    api.post(PEOPLE, ZHANG, **KEY)
    assert client_of("other").post(PEOPLE, ZHANG, **KEY).status_code == 201
    assert people() == 2


def test_a_request_that_was_refused_leaves_its_key_free(api: APIClient, sandbox: SandboxControl) -> None:
    assert api.post(PEOPLE, {"name": " ", "phone": ""}, **KEY).status_code == 400
    sandbox.faults(invalid=True)
    assert api.post(PEOPLE + STRICT, ZHANG, **KEY).status_code == 424
    sandbox.faults()
    assert api.post(PEOPLE + STRICT, ZHANG, **KEY).status_code == 201


def test_of_many_at_once_one_is_carried_out(api: APIClient) -> None:
    answers = at_once(*[lambda: api.post(PEOPLE, ZHANG, **KEY)] * 6)
    assert people() == 1
    codes = {answer.status_code for answer in answers}
    assert 201 in codes
    assert codes <= {201, 409}


def test_a_process_that_dies_before_the_write_frees_the_key_in_time(
    api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def die(*_: Any, **__: Any) -> None:
        raise Killed

    from users.api.idempotency import Receipt

    with monkeypatch.context() as patch:
        patch.setattr(Receipt, "give_back", lambda _: None)
        patch.setattr(Receipt, "keep", die)
        with pytest.raises(Killed):
            api.post(PEOPLE, ZHANG, **KEY)
    assert people() == 0
    assert api.post(PEOPLE, ZHANG, **KEY).status_code == 409
    IdempotentResponse.objects.update(kept_at=timezone.now() - timedelta(hours=1))
    assert api.post(PEOPLE, ZHANG, **KEY).status_code == 201


def test_a_process_that_comes_back_after_its_key_was_taken_over_writes_nothing(
    api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = services.create_user

    def slow(*arguments: Any, **values: Any) -> User:
        IdempotentResponse.objects.update(kept_at=timezone.now() + timedelta(seconds=1))
        return real(*arguments, **values)

    monkeypatch.setattr(services, "create_user", slow)
    assert api.post(PEOPLE, ZHANG, **KEY).status_code == 409
    assert people() == 0


def test_answers_are_kept_for_a_day(api: APIClient) -> None:
    api.post(PEOPLE, ZHANG, **KEY)
    reconcile.prune()
    assert IdempotentResponse.objects.count() == 1
    IdempotentResponse.objects.update(kept_at=timezone.now() - timedelta(hours=25))
    reconcile.prune()
    assert IdempotentResponse.objects.count() == 0


def test_a_key_that_is_none_is_named(api: APIClient) -> None:
    answer = api.post(PEOPLE, ZHANG, HTTP_IDEMPOTENCY_KEY="x" * 256)
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == ["Idempotency-Key"]


# -- If-Match ---------------------------------------------------------------------------


def test_a_change_made_from_what_is_still_there_goes_through(api: APIClient) -> None:
    made = api.post(PEOPLE, ZHANG)
    where = f"{PEOPLE}{made.data['uuid']}/"
    read = api.get(where)
    assert read["ETag"] == made["ETag"]
    changed = api.patch(where, {"name": "李娜"}, HTTP_IF_MATCH=read["ETag"])
    assert changed.status_code == 200
    assert changed["ETag"] != read["ETag"]
    assert api.patch(where, {"phone": "5"}, HTTP_IF_MATCH="*").status_code == 200


@pytest.mark.parametrize("query", ["", STRICT])
@pytest.mark.parametrize("method", ["patch", "delete"])
def test_a_change_made_from_what_has_changed_since_is_412(api: APIClient, method: str, query: str) -> None:
    made = api.post(PEOPLE, ZHANG)
    where = f"{PEOPLE}{made.data['uuid']}/"
    api.patch(where, {"name": "李娜"})
    answer = getattr(api, method)(where + query, {"name": "王芳"}, HTTP_IF_MATCH=made["ETag"])
    assert (answer.status_code, answer["Content-Type"]) == (412, "application/problem+json")
    assert services.people().get().name == "李娜"


@pytest.mark.parametrize(
    "given", ['W/"{tag}"', '"{tag}-gzip"', 'W/"{tag}-gzip"', '"{tag};br"', '"{tag}--gzip"', '"other", W/"{tag}"']
)
def test_what_a_compressing_proxy_makes_of_a_tag_is_the_same_tag(api: APIClient, given: str) -> None:
    made = api.post(PEOPLE, ZHANG)
    tag = given.replace("{tag}", made["ETag"].strip('"'))
    assert api.patch(f"{PEOPLE}{made.data['uuid']}/", {"name": "李娜"}, HTTP_IF_MATCH=tag).status_code == 200
    assert api.patch(f"{PEOPLE}{made.data['uuid']}/", {"name": "王芳"}, HTTP_IF_MATCH=tag).status_code == 412
    assert services.people().get().name == "李娜"


@pytest.mark.parametrize("given", ['"other"', "nonsense", 'W/"other"', '"{tag}-other"', '"-gzip"', "{tag}"])
def test_what_matches_nothing_is_412(api: APIClient, given: str) -> None:
    made = api.post(PEOPLE, ZHANG)
    tag = given.replace("{tag}", made["ETag"].strip('"'))
    assert api.patch(f"{PEOPLE}{made.data['uuid']}/", {"name": "李娜"}, HTTP_IF_MATCH=tag).status_code == 412


# -- many at once -----------------------------------------------------------------------


def test_a_bulk_request_adds_all(api: APIClient) -> None:
    answer = api.post(BULK, {"users": [ZHANG, {"name": "Ada", "phone": "1"}]})
    assert answer.status_code == 201
    assert (answer.data["created"], answer.data["rejected"]) == (2, 0)
    assert [item["user"]["sync"][0]["state"] for item in answer.data["results"]] == ["pending", "pending"]
    assert people() == 2


def test_an_atomic_bulk_request_adds_all_or_none_and_names_the_fields(api: APIClient) -> None:
    answer = api.post(BULK, {"users": [ZHANG, {"name": "Ada", "phone": "no number"}, 7]})
    assert answer.status_code == 400
    assert set(answer.json()["errors"]) == {"users.1.phone", "users.2"}
    assert people() == 0


def test_one_that_is_not_atomic_says_of_each_what_became_of_it(api: APIClient) -> None:
    users = [{"name": "Ada", "phone": "no number"}, ZHANG, {"name": "Eve", "phone": "", "groups": ["Nobody"]}]
    answer = api.post(BULK, {"atomic": False, "users": users})
    assert answer.status_code == 200
    assert [item["status"] for item in answer.data["results"]] == [400, 201, 400]
    assert list(answer.data["results"][0]["errors"]) == ["phone"]
    assert list(answer.data["results"][2]["errors"]) == ["groups"]
    assert people() == 1


def test_a_bulk_request_cannot_be_strict(api: APIClient) -> None:
    answer = api.post("/api/v1/users/bulk/?consistency=strict", {"users": [{"name": "Ann", "phone": "1"}]})
    assert answer.status_code == 400
    assert "consistency" in answer.json()["errors"]
    assert not User.objects.filter(name="Ann").exists()


def test_a_bulk_request_sent_twice_doubles_nobody(api: APIClient) -> None:
    first = api.post(BULK, {"users": [ZHANG]}, **KEY)
    assert api.post(BULK, {"users": [ZHANG]}, **KEY).json() == first.json()
    assert people() == 1


@pytest.mark.parametrize("users", [[], [ZHANG] * 1001, "nobody", None])
def test_a_bulk_request_takes_one_to_a_thousand(api: APIClient, users: Any) -> None:
    answer = api.post(BULK, {"users": users})
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == ["users"]

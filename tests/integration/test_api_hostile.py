"""What is not valid is answered with a 4xx problem that names it, and nothing is saved."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from rest_framework.test import APIClient

from users.models import User

PEOPLE = "/api/v1/users/"
GOOD = {"name": "Ada", "phone": "1"}
HIGH, LOW = "\ud800", "\udfff"


@pytest.fixture
def api(db: None) -> APIClient:
    client = APIClient(raise_request_exception=False)
    client.force_authenticate(User.objects.create_superuser("root"))
    return client


def refused(answer: Any, status: int = 400) -> dict[str, Any]:
    """The problem; nobody was saved."""
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert {"type", "title", "status", "detail", "instance"} <= set(problem)
    assert problem["status"] == status
    assert not User.objects.filter(is_superuser=False).exists()
    return problem


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[("name", value) for value in ("", " \t", "\u200b", "x" * 300, "a\x00b", "a\x07b", "a\nb", HIGH, f"a{LOW}b")],
        *[("name", value) for value in (5, 5.5, True, None, [], ["x"], {"a": 1}, 10**30)],
        *[
            ("phone", value)
            for value in ("phone", "+", "1" * 33, "1\x002", HIGH, "😀", "１２a", 13800000001, None, {})
        ],
        *[("email", value) for value in ("nobody", "a@b", "a b@c.de", f"a@{HIGH}.com", '"\x01"@c.de', "a\x00@c.de")],
        *[("email", value) for value in (7, [], "x" * 250 + "@example.org")],
        *[("username", value) for value in ("a b", "é", "x" * 65, "a\x00", "../etc", HIGH, 9, None)],
        *[("is_active", value) for value in ("maybe", "true", 1, 0, None, [], {})],
        *[("groups", value) for value in ("Sales", 5, None, {"a": 1}, [5], [["x"]], ["Nobody"], ["a\x00"], [HIGH])],
        ("groups", ["x" * 151]),
        ("groups", ["x"] * 101),
    ],
)
def test_a_bad_value_is_an_error_of_its_field(api: APIClient, field: str, value: Any) -> None:
    answer = api.post(PEOPLE, json.dumps(GOOD | {field: value}), content_type="application/json")

    problem = refused(answer)
    assert {name.partition(".")[0] for name in problem["errors"]} == {field}


@pytest.mark.parametrize(
    ("name", "phone"),
    [
        ("x" * 150, "1"),
        ("😀 Smile", ""),
        ("محمد", "٠١٢٣"),
        ("\u202eevil", "+1 (555) 0-1"),
        ("  Ada  ", "１３８"),
        ("'; DROP TABLE users_user; --", "0"),
        ("<script>alert(1)</script>", "5"),
    ],
)
def test_an_unusual_value_works(api: APIClient, name: str, phone: str) -> None:
    answer = api.post(PEOPLE, {"name": name, "phone": phone})

    assert answer.status_code == 201, answer.content
    saved = User.objects.get(uuid=answer.data["uuid"])
    assert saved.name == name.strip()
    assert saved.username.isascii()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"5",
        b'"text"',
        b"{",
        b"{]",
        b"NaN",
        b'{"name": NaN}',
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b"1" * 5000,
        b"[" * 100_000,
        b'{"name":' * 50_000,
    ],
)
def test_a_body_that_is_no_object_is_refused(api: APIClient, body: bytes) -> None:
    refused(api.generic("POST", PEOPLE, body, content_type="application/json"))


def test_the_charset_of_a_body_is_not_trusted(api: APIClient) -> None:
    answer = api.generic("POST", PEOPLE, json.dumps(GOOD), content_type="application/json; charset=zlib")

    assert answer.status_code == 201


def test_a_body_that_is_too_large_is_refused_unread(api: APIClient, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100

    refused(api.post(PEOPLE, GOOD | {"email": "x" * 200}), 413)


def test_a_body_of_another_type_is_refused(api: APIClient) -> None:
    refused(api.generic("POST", PEOPLE, "name=Ada", content_type="application/x-www-form-urlencoded"), 415)


def test_an_answer_of_another_type_cannot_be_had(api: APIClient) -> None:
    refused(api.get(PEOPLE, headers={"accept": "text/xml"}), 406)


def test_a_method_that_is_not_there_is_refused(api: APIClient) -> None:
    answer = api.put(PEOPLE, GOOD)

    refused(answer, 405)
    assert answer["Allow"]


def _cursor(text: str) -> str:
    return "cursor=" + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        *[(f"page_size={value}", "page_size") for value in ("0", "-1", "501", "x", "", "1.5", "٣", "9" * 5000, "%00")],
        *[(f"cursor={value}", "cursor") for value in ("x", "%00", "é", "AAAA", "9" * 3000)],
        *[(_cursor(value), "cursor") for value in ("p=x", "p=", f"p={'9' * 5000}", "o=-1", "r=x", "p=1;")],
        *[(f"sync_state={value}", "sync_state") for value in ("x", "SYNCED", "%00")],
        *[(f"target={value}", "target") for value in ("x", "%00", "partner%00")],
        *[(f"search={value}", "search") for value in ("%00", "a%00b", "x" * 201)],
    ],
)
def test_a_bad_query_is_an_error_of_its_parameter(api: APIClient, query: str, parameter: str) -> None:
    assert list(refused(api.get(f"{PEOPLE}?{query}"))["errors"]) == [parameter]


@pytest.mark.parametrize("query", ["search=%ff%fe", "search=%ed%a0%80", "search=😀", "search=' OR 1=1", "search=%5C"])
def test_an_unusual_search_finds_nobody(api: APIClient, query: str) -> None:
    assert api.get(f"{PEOPLE}?{query}").data["results"] == []


@pytest.mark.parametrize(
    "path",
    [
        "/api/",
        "/api/nowhere/",
        "/api/v1/users",
        "/api/v2/users/",
        *[f"{PEOPLE}{name}/" for name in ("1", "x", "%00", "..%2f", "00000000-0000-0000-0000-00000000000g", "-" * 36)],
        f"{PEOPLE}00000000-0000-0000-0000-000000000000/",
        f"{PEOPLE}00000000-0000-0000-0000-000000000000/sync/",
        f"{PEOPLE}x/sync/",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
def test_what_is_not_there_is_a_problem_for_every_method(api: APIClient, path: str, method: str) -> None:
    answer = api.generic(method, path, "{}", content_type="application/json")

    assert answer.status_code in (404, 405)
    refused(answer, answer.status_code)


def test_an_unforeseen_error_is_a_problem_without_details(api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr("users.services.people", broken)

    problem = refused(api.get(PEOPLE), 500)

    assert "secret" not in json.dumps(problem)


@pytest.mark.parametrize("value", ["maybe", "", "%00"])
def test_whether_to_ask_the_target_is_true_or_false(api: APIClient, value: str) -> None:
    answer = api.get(f"{PEOPLE}00000000-0000-0000-0000-000000000000/sync/?ask_target={value}")

    assert list(refused(answer)["errors"]) == ["ask_target"]


def test_a_host_that_is_not_ours_is_a_problem(api: APIClient, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["ours.example"]

    refused(api.get(PEOPLE, headers={"host": "theirs.example"}))

"""What the address of a request may be: probes by any host, nothing with a NUL."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from thirdparty import targets
from users.models import User

POD = "10.1.2.3:8000"
PROBES = ["/health/live/", "/health/ready/", "/metrics"]


@pytest.fixture
def operator(db: None) -> User:
    targets.publish_rows()
    return User.objects.create_superuser(username="boss", password="p", name="Boss")


@pytest.fixture
def web(operator: User) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(operator)
    return client


def _told(answer: Any) -> list[bytes]:
    """Its lines, but for those that are others at each moment."""
    return [line for line in answer.content.splitlines() if not re.match(rb"usersync_\w+_seconds[ {]", line)]


@pytest.mark.parametrize("host", [POD, "evil.example", "a b", ""])
@pytest.mark.parametrize("address", PROBES)
def test_a_probe_is_answered_whatever_host_it_names(web: Client, address: str, host: str) -> None:
    by_pod = web.get(address, headers={"host": host})
    assert by_pod.status_code == 200
    assert _told(by_pod) == _told(web.get(address))
    assert host == "" or host.encode() not in by_pod.content
    assert by_pod.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("address", PROBES)
def test_a_probe_is_not_sent_on_to_tls(web: Client, settings: Any, address: str) -> None:
    settings.SECURE_SSL_REDIRECT = True
    assert Client().get(address, headers={"host": POD}).status_code == 200


@pytest.mark.parametrize(
    "address", ["/", "/admin/", "/admin/login/", "/api/v1/users/", "/api/schema/", "/health/", "/health/live"]
)
def test_nothing_else_is_answered_to_a_foreign_host(web: Client, address: str) -> None:
    assert web.get(address, headers={"host": POD}).status_code == 400


@pytest.mark.parametrize("address", PROBES)
def test_a_probe_only_reads(web: Client, address: str) -> None:
    assert web.post(address, headers={"host": POD}).status_code == 400


@pytest.mark.parametrize(
    "address",
    [
        "/admin/users/user/?q=%00",
        "/admin/users/user/?q=a%00b",
        "/admin/users/user/?%00=1",
        "/admin/users/user/%00/change/",
        "/admin/thirdparty/record/%00/change/",
        "/admin/users/attempt/?state=%00",
        "/admin/auth/group/%00/change/",
        "/admin/login/?next=%00",
        "/api/v1/users/?search=%00",
        "/api/v1/users/?cursor=%00",
        "/api/v1/users/?target=%00",
        "/api/v1/users/%00/",
        "/health/ready/?x=%00",
        "/%00",
    ],
)
def test_a_nul_in_an_address_is_refused_and_no_error_of_ours(web: Client, address: str) -> None:
    expected = (200,) if address.startswith("/health") else (400, 404)
    assert web.get(address).status_code in expected


def test_the_refusal_is_a_problem_for_clients_of_the_api(web: Client) -> None:
    answer = web.get("/api/v1/users/?search=%00")
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/problem+json")


@pytest.mark.parametrize("field", ["name", "phone", "email", "username", "groups"])
def test_a_nul_in_a_body_is_a_fault_of_the_field(web: Client, field: str) -> None:
    body = {"name": "Ada", "phone": "13800000001", field: ["a\0"] if field == "groups" else "a\0"}
    answer = web.post("/api/v1/users/", body, content_type="application/json")
    assert answer.status_code == 400
    assert not User.objects.filter(is_superuser=False).exists()


def test_a_nul_in_a_form_of_the_admin_is_a_fault_of_the_field(web: Client) -> None:
    form = {"name": "A\0da", "phone": "13800000001", "email": "", "username": ""}
    assert web.post("/admin/users/user/add/", form).status_code == 200
    assert not User.objects.filter(is_superuser=False).exists()


@pytest.mark.parametrize("header", ["HTTP_IDEMPOTENCY_KEY", "HTTP_AUTHORIZATION", "HTTP_IF_MATCH", "HTTP_COOKIE"])
def test_a_nul_in_a_header_is_refused_and_no_error_of_ours(web: Client, header: str) -> None:
    body = {"name": "Ada", "phone": "13800000001"}
    given = {header: "Token a\0b" if header == "HTTP_AUTHORIZATION" else "sessionid=a\0b"}
    answer = web.post("/api/v1/users/", body, content_type="application/json", **given)  # type: ignore[arg-type]  # headers
    assert answer.status_code == 400

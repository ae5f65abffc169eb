"""The API keeps to its own description, whatever is thrown at it (schemathesis, in this process)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
import yaml
from django.core import signals
from django.core.handlers.wsgi import WSGIHandler
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, settings
from rest_framework.authtoken.models import Token
from schemathesis.checks import CHECKS

from thirdparty.api.audits import AuditListView, FindingListView
from thirdparty.api.views import RecordListView, RecordView
from users.api.views import UserViewSet
from users.models import User

DOCUMENT = yaml.safe_load((Path(__file__).parents[2] / "docs" / "openapi.yaml").read_text())
# Of the file, which `make check` holds against the code: to describe the API takes a second in every process.
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
SCHEMA.app = WSGIHandler()
NOT_SAID_BY_THE_DESCRIPTION = [
    # Rules of the values (a phone's characters, names that are taken) are the model's.
    "positive_data_acceptance",
]


@pytest.fixture
def key(db: None) -> Iterator[str]:
    # As Django's own test client does: the transaction of the test has to outlive a request.
    for signal in (signals.request_started, signals.request_finished):
        signal.disconnect(close_old_connections)
    User.objects.create_user(name="Known", phone="1")
    yield Token.objects.create(user=User.objects.create_superuser("root")).key
    for signal in (signals.request_started, signals.request_finished):
        signal.connect(close_old_connections)


@SCHEMA.parametrize()
@settings(
    max_examples=10,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_every_operation_answers_as_described_and_never_with_a_server_error(case: Any, key: str) -> None:
    excluded = [CHECKS.get_one(name) for name in NOT_SAID_BY_THE_DESCRIPTION]
    case.call_and_validate(headers={"Authorization": f"Bearer {key}"}, excluded_checks=excluded)


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def test_the_description_lists_the_parameters_that_are_taken_and_no_others() -> None:
    described = {
        operation["operationId"]: {each["name"] for each in operation.get("parameters", ()) if each["in"] == "query"}
        for _, _, operation in operations()
    }

    taken = {
        "sync_status_retrieve": set(),
        "sync_targets_brake_retrieve": set(),
        "sync_targets_brake_create": set(),
        "sync_targets_pause_create": set(),
        "sync_targets_resume_create": set(),
        "sync_records_list": set(RecordListView.asks["GET"]),
        "sync_records_retrieve": set(RecordView.asks["GET"]),
        "sync_records_create": set(),
        "sync_records_decisions_create": set(),
        "sync_audits_list": set(AuditListView.asks["GET"]),
        "sync_audits_create": set(),
        "sync_audits_retrieve": set(),
        "sync_audits_findings_list": set(FindingListView.asks["GET"]),
        "users_retrieve": set(),
        "users_import_create": set(UserViewSet.asks["import_people"]),
        "users_sync_create": set(),
        **{f"users_{name}": set(UserViewSet.asks[name]) for name in ("list", "create", "update", "partial_update")},
        "users_destroy": set(UserViewSet.asks["destroy"]),
        "users_sync_list": set(UserViewSet.asks["sync"]),
        # A consistency is taken to be refused in words of its own, where it is strict.
        "users_bulk_create": set(UserViewSet.asks["bulk"]) - {"consistency"},
    }
    assert described == taken


def test_the_description_lists_the_errors_and_headers_that_a_client_has_to_know() -> None:
    for path, method, operation in operations():
        answers = operation["responses"]
        errors = {"401": "WWW-Authenticate", "429": "Retry-After", "503": "Retry-After"}
        for code, header in errors.items():
            assert header in answers[code]["headers"], (path, method, code)
            assert list(answers[code]["content"]) == ["application/problem+json"]
        named = {each["name"] for each in operation.get("parameters", ())}
        expected = {"If-Match": "412", "Idempotency-Key": "422", "consistency": "424"}
        assert all(code in answers for name, code in expected.items() if name in named)
        assert ("404" in answers) == ("{" in path)
        assert {"400", "403"} <= set(answers)
    headers = {
        (operation["operationId"], code): set(answer.get("headers", ()))
        for _, _, operation in operations()
        for code, answer in operation["responses"].items()
    }
    assert headers["users_create", "201"] == {"Location", "ETag", "Idempotency-Replayed", "Preference-Applied"}
    assert headers["users_retrieve", "200"] == {"ETag"}
    assert headers["users_destroy", "204"] == {"Preference-Applied"}

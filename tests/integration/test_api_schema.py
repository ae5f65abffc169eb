"""The API keeps to its own description, whatever is thrown at it (schemathesis, in this process)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core import signals
from django.core.handlers.wsgi import WSGIHandler
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, settings
from rest_framework.authtoken.models import Token
from schemathesis.checks import CHECKS

from users.models import User

SCHEMA = schemathesis.openapi.from_wsgi("/api/schema/", WSGIHandler())
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

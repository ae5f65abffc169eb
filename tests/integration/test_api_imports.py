"""A CSV file sent to the API: read as the command line reads it, and doubled by nobody who sends it twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from users import services
from users.models import User

pytestmark = pytest.mark.django_db
PATH = "/api/v1/users/import/"
FILE = "name,phone\n张伟,13800000001\nAda,no number\n"


@pytest.fixture
def olga() -> APIClient:
    client = APIClient()
    client.force_authenticate(User.objects.create_superuser("olga"))
    return client


def sent(client: APIClient, body: str | bytes, query: str = "", content_type: str = "text/csv") -> Any:
    return client.post(f"{PATH}{query}", body, content_type=content_type)


def test_rows_are_added_and_those_that_cannot_be_are_named_by_their_line(olga: APIClient) -> None:
    answer = sent(olga, FILE)

    assert answer.status_code == 200
    (rejected,) = answer.json().pop("rejected")
    assert (rejected["line"], rejected["error"][:21]) == (3, "phone: Enter a phone ")
    counts = {name: answer.json()[name] for name in ("dry_run", "added", "present")}
    assert counts == {"dry_run": False, "added": 1, "present": 0}
    assert [person.name for person in services.people()] == ["张伟"]


def test_the_same_file_again_doubles_nobody(olga: APIClient) -> None:
    sent(olga, FILE)

    again = sent(olga, FILE).json()

    assert (again["added"], again["present"]) == (0, 1)
    assert services.people().count() == 1


def test_a_dry_run_changes_nothing(olga: APIClient) -> None:
    assert sent(olga, FILE, "?dry_run=true").json()["added"] == 1
    assert not services.people().exists()


@pytest.mark.parametrize(("rate", "seconds"), [(0.5, 2.0), (None, None)])
def test_a_dry_run_says_what_it_would_be_for_each_target(
    olga: APIClient, partner: Callable[..., None], rate: float | None, seconds: float | None
) -> None:
    partner(rate_per_second=rate)

    (cost,) = sent(olga, FILE, "?dry_run=true").json()["targets"]

    assert cost == {"target": "partner", "records": 1, "calls": 1, "rate_per_second": rate, "seconds": seconds}


@pytest.mark.parametrize("body", ["", "phone\n1\n", "name,shoe size\nAda,7\n"])
def test_what_is_no_such_file_is_refused(olga: APIClient, body: str) -> None:
    answer = sent(olga, body)

    assert answer.status_code == 400
    assert "The file cannot be read" in answer.json()["detail"]


def test_what_is_sent_as_something_else_or_is_too_large_is_refused(olga: APIClient, settings: Any) -> None:
    assert sent(olga, "{}", content_type="application/json").status_code == 415
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10
    assert sent(olga, FILE).status_code == 413
    assert not services.people().exists()


def test_an_option_that_there_is_not_is_refused(olga: APIClient) -> None:
    assert sent(olga, FILE, "?dryrun=true").status_code == 400
    assert not services.people().exists()

"""Somebody deletes the user in the instant between a request's look and its lock: that is a 404, no fault of ours."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from thirdparty import targets
from users import services
from users.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def user(monkeypatch: pytest.MonkeyPatch) -> User:
    """Gone by the time that their row is to be locked."""
    targets.publish_rows()
    user = User.objects.create(name="Ada", phone="1")
    locked = services.locked

    def too_late(*args: Any, **options: Any) -> User:
        User.objects.filter(pk=user.pk).delete()
        return locked(*args, **options)

    monkeypatch.setattr(services, "locked", too_late)
    return user


@pytest.mark.parametrize("method", ["patch", "put", "delete"])
@pytest.mark.parametrize("consistency", ["", "?consistency=strict"])
def test_whoever_is_gone_in_the_same_instant_is_not_found(user: User, method: str, consistency: str) -> None:
    client = APIClient()
    client.force_login(User.objects.create_superuser("root"))

    answer = getattr(client, method)(f"/api/v1/users/{user.uuid}/{consistency}", {"name": "Lin"})

    assert answer.status_code == 404
    assert answer.json()["type"] == "urn:usersync:problem:not-found"

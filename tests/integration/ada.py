"""The admin, and one person in it who is level at the target."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.integration.conftest import converge
from thirdparty.sandbox.client import SandboxControl
from users.models import User


@pytest.fixture
def web(sandbox: SandboxControl, at_work: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client


@pytest.fixture
def user(sandbox: SandboxControl) -> User:
    made: User = User.objects.create_user(name="Ada Lovelace", phone="1")
    converge()
    return made

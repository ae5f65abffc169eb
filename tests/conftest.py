"""What all tests share."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.conf import settings
from django.test import TransactionTestCase

from tests.emptied import Emptied
from tests.environment import FOLDER

if TYPE_CHECKING:
    from tests.recorded_spans import Spans


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """A file, not memory: threads and other processes have to see the same SQLite database."""
    database = settings.DATABASES["default"]
    if database["ENGINE"].endswith("sqlite3"):
        database.setdefault("TEST", {})["NAME"] = str(FOLDER / "test.sqlite3")


@pytest.fixture(scope="session", autouse=True)
def _folder() -> Iterator[None]:
    yield
    shutil.rmtree(FOLDER, ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def _no_static_files() -> None:
    """WhiteNoise walks through all static files for every test client, and warns where none are collected."""
    if "whitenoise.middleware.WhiteNoiseMiddleware" in settings.MIDDLEWARE:
        settings.MIDDLEWARE.remove("whitenoise.middleware.WhiteNoiseMiddleware")


@pytest.fixture(scope="session", autouse=True)
def _cheap_passwords() -> None:
    """A password takes half a second to hash where that is to be hard, and hundreds of tests make an account."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(scope="session", autouse=True)
def _no_hint_totals() -> None:
    """A test that wants them stored says so: other tests count what is written."""
    from thirdparty.notify import hint_totals

    hint_totals.EVERY_SECONDS = float("inf")


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[Spans]:
    """What is traced during the test."""
    from tests.recorded_spans import Spans

    recorded = Spans()
    monkeypatch.setattr("opentelemetry.trace.get_tracer_provider", lambda: recorded.provider)
    yield recorded
    recorded.provider.shutdown()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Tests of the database that did not run on this one are noted in the file ``SKIPPED_TESTS``, for a run on another."""
    noted = os.environ.get("SKIPPED_TESTS")
    of_the_database = report.nodeid.startswith(("tests/integration/", "tests/declared/"))
    if noted and report.skipped and of_the_database and "PYTEST_XDIST_WORKER" not in os.environ:
        with Path(noted).open("a") as file:
            file.write(f"{report.nodeid}\n")


@pytest.fixture(scope="session", autouse=True)
def _emptied() -> Iterator[None]:
    """A flush after each test that committed would be most of what such tests cost."""
    flush, emptied = TransactionTestCase._fixture_teardown, Emptied()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(TransactionTestCase, "_fixture_teardown", lambda case: emptied.again(partial(flush, case)))
        yield

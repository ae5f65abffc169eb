"""Django's own admin is enough: the pages of records, attempts and targets in a project without unfold."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin import site

# One process visits the pages, for all these tests.
pytestmark = pytest.mark.xdist_group("plain admin")


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    database = tmp_path_factory.mktemp("plain") / "plain.sqlite3"
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.integration.plain_admin.settings",
        "DATABASE_URL": f"sqlite:///{database}",
    }
    command = [sys.executable, "-m", "tests.integration.plain_admin.visit"]
    root = Path(__file__).parents[2]
    printed = subprocess.run(command, cwd=root, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout
    answers: dict[str, Any] = json.loads(printed.splitlines()[-1])
    return answers


@pytest.mark.parametrize(
    "page",
    [
        "index",
        "records",
        "export",
        "record",
        "attempts",
        "targets",
        "target",
        "alerts",
        "brake",
        "status",
        "explanation",
        "live",
        "metrics",
    ],
)
def test_each_page_opens_without_unfold(seen: dict[str, Any], page: str) -> None:
    assert seen[page]["status"] == 200
    assert not seen["unfold"]


def test_the_page_of_a_record_explains_it_once_and_offers_a_decision(seen: dict[str, Any]) -> None:
    page = seen["record"]["text"]
    assert "phone too long" in page
    assert page.count("Look at it now") == 1
    assert page.count("Decide by hand") == 1
    assert "thirdparty/admin.css" in page


def test_the_list_of_records_is_offered_as_a_file(seen: dict[str, Any]) -> None:
    assert seen["records"]["text"].count("/admin/thirdparty/record/export/") == 1
    assert "phone too long" in seen["export"]["text"]


def test_the_page_of_the_targets_says_how_the_whole_stands(seen: dict[str, Any]) -> None:
    page = seen["targets"]["text"]
    assert "healthy" in page
    assert "sync-tile" in page


def test_the_first_page_says_how_the_whole_stands_above_what_the_project_has(seen: dict[str, Any]) -> None:
    page = seen["index"]["text"]
    assert page.count("at work: 0 workers, 0 beats") == 1
    assert page.index("sync-tile") < page.index("app-thirdparty module")
    assert "thirdparty/admin.css" in page


def test_the_first_page_comes_again_by_itself(seen: dict[str, Any]) -> None:
    assert "thirdparty/refresh.js" in seen["index"]["text"]
    assert 'id="server-silent"' in seen["index"]["text"]


def test_the_first_page_tells_nothing_of_records_to_whoever_may_not_see_them(seen: dict[str, Any]) -> None:
    page = seen["index of a clerk"]["text"]
    assert seen["index of a clerk"]["status"] == 200
    assert "sync-tile" not in page
    assert "at work" not in page


def test_a_site_with_a_first_page_of_its_own_keeps_it() -> None:
    assert site.index_template == "users/admin/dashboard.html"


def test_the_api_answers_errors_as_described_whatever_the_project_has_for_defaults(seen: dict[str, Any]) -> None:
    assert [seen[name]["status"] for name in ("unknown", "misspelt", "stranger")] == [404, 400, 403]
    assert {seen[name]["type"] for name in ("unknown", "misspelt")} == {"application/problem+json"}
    assert list(seen["misspelt"]["text"]["errors"]) == ["stat"]


def test_a_decision_is_carried_out(seen: dict[str, Any]) -> None:
    assert (seen["decided"]["status"], seen["state"]) == (302, "synced")

"""A proxy in the environment that is not used is spoken of."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.checks import run_checks

from thirdparty.connectors.config import load_targets

TARGET = {
    "SYNC_TARGETS": "partner",
    "TARGET_PARTNER_BASE_URL": "https://partner.example/api",
    "TARGET_PARTNER_APP_SECRET": "s",
    "TARGET_PARTNER_DEFAULT_PASSWORD": "p",
}
PROXY = "http://proxy.example:3128"


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def warnings(settings: Any, **target: str) -> list[str]:
    settings.SYNC_TARGETS = load_targets(TARGET | {f"TARGET_PARTNER_{name}": value for name, value in target.items()})
    return [str(message.hint) for message in run_checks() if message.id == "thirdparty.W001"]


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_a_proxy_of_the_environment_that_is_not_used_is_a_warning(
    settings: Any, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, PROXY)
    [hint] = warnings(settings)
    assert "TARGET_PARTNER_PROXY" in hint


def test_no_proxy_is_no_warning(settings: Any) -> None:
    assert warnings(settings) == []


@pytest.mark.parametrize("said", [PROXY, "direct"])
def test_who_has_said_which_way_is_meant_is_not_warned(
    settings: Any, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", PROXY)
    assert warnings(settings, PROXY=said) == []


@pytest.mark.parametrize(("variable", "value"), [("HTTP_PROXY", PROXY), ("NO_PROXY", "partner.example")])
def test_a_proxy_that_nobody_would_use_for_this_target_is_no_warning(
    settings: Any, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    if variable == "NO_PROXY":
        monkeypatch.setenv("HTTPS_PROXY", PROXY)
    monkeypatch.setenv(variable, value)
    assert warnings(settings) == []

"""The engine's settings: Django's come before the environment's, and each has a default, a meaning and a page."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from thirdparty.connectors import registry
from thirdparty.connectors.options import REQUIRED, Option
from thirdparty.setting_kinds import Count, Number, Setting, Text
from thirdparty.settings import Settings, Targets
from thirdparty.settings import settings as engine

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "settings.md"


def some() -> Any:
    """Settings that have read nothing yet."""

    class Some:
        SYNC_SOME_SECONDS = Number(5.0, unit="seconds", meaning="")
        SYNC_SOME_TRIES = Count(3, least=1, unit="tries", meaning="")
        SYNC_SOME_NAME = Text("some", meaning="")
        SYNC_TARGETS = Targets(meaning="")

    return Some()


def test_without_any_word_a_setting_is_its_default() -> None:
    now = some()
    assert (now.SYNC_SOME_SECONDS, now.SYNC_SOME_TRIES, now.SYNC_SOME_NAME) == (5.0, 3, "some")


def test_the_environment_comes_before_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNC_SOME_SECONDS", "0.5")
    monkeypatch.setenv("SYNC_SOME_TRIES", "7")
    monkeypatch.setenv("SYNC_SOME_NAME", " other ")
    now = some()
    assert (now.SYNC_SOME_SECONDS, now.SYNC_SOME_TRIES, now.SYNC_SOME_NAME) == (0.5, 7, "other")


def test_djangos_settings_come_before_the_environment(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    monkeypatch.setenv("SYNC_SOME_SECONDS", "0.5")
    settings.SYNC_SOME_SECONDS = 2
    assert some().SYNC_SOME_SECONDS == 2.0


def test_an_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNC_SOME_SECONDS", " ")
    assert some().SYNC_SOME_SECONDS == 5.0


@pytest.mark.parametrize("name", ["SYNC_SOME_SECONDS", "SYNC_SOME_TRIES"])
@pytest.mark.parametrize("value", ["soon", "0", "-1", "nan", "inf"])
def test_a_number_that_cannot_be_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ImproperlyConfigured, match=name):
        getattr(some(), name)


@pytest.mark.parametrize(
    ("name", "value"),
    [("SYNC_SOME_SECONDS", None), ("SYNC_SOME_TRIES", 1.5), ("SYNC_SOME_NAME", ""), ("SYNC_SOME_NAME", 5)],
)
def test_what_djangos_settings_cannot_mean_is_refused_by_name(settings: Any, name: str, value: object) -> None:
    setattr(settings, name, value)
    with pytest.raises(ImproperlyConfigured, match=name):
        getattr(some(), name)


def test_a_target_named_by_the_environment_is_read_from_there() -> None:
    assert list(engine.SYNC_TARGETS) == ["partner"]
    assert engine.SYNC_TARGETS["partner"].timeout_seconds == 2.0


def test_targets_can_be_named_and_described_in_djangos_settings(settings: Any) -> None:
    settings.SYNC_TARGETS = ["partner"]
    settings.TARGET_PARTNER_BASE_URL = "https://shop.example"
    settings.TARGET_PARTNER_TIMEOUT_SECONDS = 3
    partner = some().SYNC_TARGETS["partner"]
    assert (partner.base_url, partner.timeout_seconds) == ("https://shop.example", 3.0)


def test_a_target_that_cannot_be_is_refused_by_the_name_of_its_setting(settings: Any) -> None:
    settings.SYNC_TARGETS = "partner"
    settings.TARGET_PARTNER_TIMEOUT_SECONDS = "soon"
    with pytest.raises(ImproperlyConfigured, match="TARGET_PARTNER_TIMEOUT_SECONDS"):
        _ = some().SYNC_TARGETS


def test_a_start_reads_every_setting(settings: Any) -> None:
    engine.require_valid()
    settings.SYNC_WAIT_PAUSE_SECONDS = "soon"
    with pytest.raises(ImproperlyConfigured, match="SYNC_WAIT_PAUSE_SECONDS"):
        engine.require_valid()


@pytest.mark.parametrize("setting", [each for each in engine.declared() if each.name != "SYNC_TARGETS"])
def test_every_default_is_a_value_that_would_be_accepted(setting: Setting[Any]) -> None:
    assert setting.accepted(setting.default) == setting.default


def test_the_page_of_settings_is_what_the_module_declares() -> None:
    rows = [f"| `{each.name}` | {shown(each.default)} | {each.unit} | {each.meaning} |" for each in engine.declared()]
    table = [line for line in PAGE.read_text().splitlines() if line.startswith("| `SYNC_")]
    assert table == rows


def shown(default: Any) -> str:
    if isinstance(default, float):
        return f"{default:g}"
    if isinstance(default, bool):
        return "on" if default else "off"
    return f"`{default}`" if isinstance(default, str) and default else str(default or "none")


def test_nothing_else_of_the_engine_reads_the_environment() -> None:
    reading = re.compile(r"\bos\.environ\b|\bgetenv\b|\benviron\.Env\b")
    readers = [
        str(path.relative_to(ROOT)) for path in (ROOT / "thirdparty").rglob("*.py") if reading.search(path.read_text())
    ]
    assert sorted(readers) == ["thirdparty/setting_kinds.py", "thirdparty/settings.py"]


def test_the_engine_takes_no_setting_of_its_own_from_django_directly() -> None:
    direct = re.compile(r"from django\.conf import settings(?! as)")
    users = [
        path for path in (ROOT / "thirdparty").rglob("*.py")
        if direct.search(text := path.read_text()) and re.search(r"\bsettings\.SYNC_", text)
    ]  # fmt: skip
    assert users == []


def test_the_database_timeout_is_known_before_djangos_settings_are() -> None:
    assert Settings.SYNC_DATABASE_TIMEOUT_SECONDS.of_environment() == 20.0


@pytest.mark.parametrize("name", sorted(registry.BUILT_IN))
def test_the_page_has_the_settings_that_each_connector_declares_for_itself(name: str) -> None:
    section = PAGE.read_text().split(f"### Connector `{name}`")[1].split("\n#")[0]
    rows = [
        f"| `TARGET_X_{option.name.upper()}` | {option_default(option)} | {option.meaning} |"
        for option in registry.connector_class(name).declared_options()
    ]
    assert [line for line in section.splitlines() if line.startswith("| `TARGET_X_")] == rows


def option_default(option: Option) -> str:
    if option.default is REQUIRED:
        return "required"
    if isinstance(option.default, dict):
        return "`" + ",".join(f"{name}={value}" for name, value in option.default.items()) + "`"
    return f"`{option.default}`" if option.default else "none"

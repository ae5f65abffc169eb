"""Whether this deployment traces, and by which exporter, by OpenTelemetry's own variables."""

from __future__ import annotations

import logging
import sys

import pytest

from syncproject import traces

ALL = (
    "OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
)  # fmt: skip
ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ALL:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def provided(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The providers that were set up."""
    found: list[object] = []
    monkeypatch.setattr("opentelemetry.trace.set_tracer_provider", found.append)
    return found


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"OTEL_SERVICE_NAME": "usersync"},
        {"OTEL_TRACES_EXPORTER": "none", **ENDPOINT},
        {"OTEL_SDK_DISABLED": "true", **ENDPOINT},
    ],
)
def test_where_nobody_asks_for_traces_there_are_none(
    variables: dict[str, str], provided: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    traces.set_up()

    assert provided == []


@pytest.mark.parametrize(
    "variables",
    [ENDPOINT, {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:1"}, {"OTEL_TRACES_EXPORTER": "console"}],
)
def test_an_address_or_an_exporter_asks_for_them(
    variables: dict[str, str], provided: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    traces.set_up()

    [provider] = provided
    provider.shutdown()  # type: ignore[attr-defined]  # the SDK's


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"OTEL_TRACES_EXPORTER": "carrier-pigeon"}, "carrier-pigeon"),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", **ENDPOINT}, "otlp_proto_grpc"),
        ({"OTEL_BSP_MAX_QUEUE_SIZE": "-1", **ENDPOINT}, "max_queue_size"),
    ],
)
def test_what_cannot_be_is_logged_and_stops_nothing(
    variables: dict[str, str],
    said: str,
    provided: list[object],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with caplog.at_level(logging.WARNING, "syncproject.traces"):
        traces.set_up()

    assert provided == []
    assert said in caplog.text


def test_without_the_packages_it_says_what_to_install(
    provided: list[object], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace.export", None)
    traces.set_up()

    assert provided == []
    assert "usersync[traces]" in caplog.text

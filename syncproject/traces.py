"""Sends this deployment's traces where OpenTelemetry's own variables say, from a thread of its own; nowhere without them.

The SDK reads most of them itself: service name, sampler, limits, the collector's address, headers and time limits. What is
decided here is whether there are traces at all, and which exporter takes them, as the specification has it: what cannot be is warned of and passed over.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter

logger = logging.getLogger(__name__)

_EXPORTERS = "opentelemetry_traces_exporter"
"""The entry points that packages of OpenTelemetry bring."""
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_LAST_SECONDS = 2.0
"""So long an ending worker process waits for its last spans to leave."""
_OTLP = {"grpc": "otlp_proto_grpc"}
_ours: list[TracerProvider] = []
"""That of this process, once it is set up."""


def prepare(**_: Any) -> None:
    """Load what `set_up` needs, in the process that forks: a Celery worker's child has four seconds to come up. Raises nothing."""
    with suppress(Exception):  # said by `set_up`, where it matters
        for name in _exporters():
            _exporter_class(name)


def set_up(**_: Any) -> None:
    """Trace this process from now on, where the variables ask for it. To be called after a fork. Raises nothing."""
    names = _exporters()
    if not names:
        return
    try:
        _trace(names)
    except ImportError:
        logger.warning("traces are asked for, but the packages are not there: pip install 'usersync[traces]'")
    except Exception:  # no variable of telemetry's keeps people from their work
        logger.exception("traces are asked for and cannot be set up; the work goes on without them")


def _trace(names: list[str]) -> None:
    from opentelemetry import trace  # noqa: PLC0415  # an extra, and half a second where nobody asks for it
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415  # the same
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415  # the same

    provider = TracerProvider()
    for name in names:
        # Never one that exports within the span's own thread: a collector that hangs would hold saves and pushes up.
        provider.add_span_processor(BatchSpanProcessor(_exporter_class(name)()))
    trace.set_tracer_provider(provider)
    _ours.append(provider)


def end(**_: Any) -> None:
    """Send what is left, for `_LAST_SECONDS` at most: where a process ends without Python's own farewell, as Celery's do."""
    for provider in _ours:
        last = threading.Thread(target=provider.shutdown, name="traces-end", daemon=True)
        last.start()
        last.join(_LAST_SECONDS)


def _exporters() -> list[str]:
    """Their names. Without ``OTEL_TRACES_EXPORTER`` an address is taken for the wish; the specification would send to localhost."""
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return []
    named = os.environ.get("OTEL_TRACES_EXPORTER", "").strip()
    if not named and any(os.environ.get(name, "").strip() for name in _ENDPOINTS):
        named = "otlp"
    return [name for each in named.split(",") if (name := each.strip()) not in ("", "none")]


def _exporter_class(name: str) -> Callable[[], SpanExporter]:
    asked = os.environ.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL") or ""
    entry = _OTLP.get(asked, "otlp_proto_http") if name == "otlp" else name
    found = next(iter(entry_points(group=_EXPORTERS, name=entry)), None)
    if found is None:
        raise LookupError(f"no package here brings the exporter {entry!r}")
    loaded: Callable[[], SpanExporter] = found.load()
    return loaded

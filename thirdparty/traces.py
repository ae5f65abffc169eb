"""Traces by OpenTelemetry, where the application has set its SDK up; elsewhere nothing, for the price of one look.

The engine takes the API alone: what is recorded, sampled and sent, and where to, is the application's. A span says which target, kind and
call, and how it ended. Nothing of a record goes into one: no payload, no name or number, no key and no remote id, nor what an error says.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextvars import Token
from enum import Enum
from functools import cache
from types import TracebackType
from typing import ParamSpec, Self, TypeAlias, TypeVar

try:
    from opentelemetry import context, trace
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
except ImportError:
    _INSTALLED = False
else:
    _INSTALLED = True
    _W3C = TraceContextTextMapPropagator()

logger = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")
Attributes = Mapping[str, str | int | bool]
TakenUp: TypeAlias = "Token[context.Context] | None"
"""What `lay_down` undoes."""

IN_MESSAGES = ("traceparent", "tracestate")
"""The headers that carry a trace, of a Celery message as of a request (W3C Trace Context)."""
TARGET = "thirdparty.target"


class Kind(Enum):
    """OpenTelemetry's ``SpanKind``, by name."""

    INTERNAL = "INTERNAL"
    PRODUCER = "PRODUCER"
    CLIENT = "CLIENT"
    SERVER = "SERVER"


class Span:
    """What goes on within its ``with``. This one is recorded nowhere; whoever has one need not know."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        """Ends it. An exception is noted by its type, without its words, and goes on."""

    def rename(self, name: str) -> None:
        """Give it the name that is known only now."""

    def note(self, attributes: Attributes) -> None:
        """Add what is known only now."""

    def failed(self, error_type: str) -> None:
        """It ended badly, for this reason, a word of ours; the first one said counts."""


class _Recorded(Span):
    def __init__(self, recorded: trace.Span) -> None:
        self._span = recorded
        self._failed = False

    def __enter__(self) -> Self:
        self._token = context.attach(trace.set_span_in_context(self._span))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        if kind is not None:
            self.failed(kind.__name__)
        context.detach(self._token)
        try:
            self._span.end()
        except Exception:  # a span processor of the application's: no trouble of telemetry may reach a save or a push
            logger.exception("a span could not be ended")

    def rename(self, name: str) -> None:
        self._span.update_name(name)

    def note(self, attributes: Attributes) -> None:
        self._span.set_attributes(attributes)

    def failed(self, error_type: str) -> None:
        if not self._failed:
            self._failed = True
            self._span.set_attribute("error.type", error_type)
            self._span.set_status(trace.StatusCode.ERROR)


_NOT_RECORDED = Span()


def span(name: str, attributes: Attributes, kind: Kind = Kind.INTERNAL) -> Span:
    """A span within the present one, for a ``with``. Raises nothing."""
    tracer = _tracer()
    if tracer is None:
        return _NOT_RECORDED
    try:
        return _Recorded(tracer.start_span(name, kind=trace.SpanKind[kind.name], attributes=attributes))
    except Exception:  # as above, of a processor or a sampler
        logger.exception("a span could not be begun")
        return _NOT_RECORDED


def message_headers() -> dict[str, str]:
    """The headers of a message that is sent within the present span; none where there is none."""
    headers: dict[str, str] = {}
    if _tracer() is not None:
        _W3C.inject(headers)
    return headers


def take_up(headers: Mapping[str, object]) -> TakenUp:
    """Go on with the trace that these headers carry, until `lay_down`; nothing where they carry none.

    Within a span that is there already, as where Celery itself is instrumented, or a task is run within a request, nothing changes.
    """
    if _tracer() is None or trace.get_current_span().get_span_context().is_valid:
        return None
    carried = {name: value for name in IN_MESSAGES if isinstance(value := headers.get(name), str)}
    return context.attach(_W3C.extract(carried))


def lay_down(token: TakenUp) -> None:
    """As it was before that `take_up`."""
    if token is not None:
        context.detach(token)


def carried(work: Callable[P, R]) -> Callable[P, R]:
    """The same work, for another thread, within the span that is the present one here."""
    if _tracer() is None:
        return work
    here = context.get_current()

    def within(*args: P.args, **kwargs: P.kwargs) -> R:
        token = context.attach(here)
        try:
            return work(*args, **kwargs)
        finally:
            context.detach(token)

    return within


def _tracer() -> trace.Tracer | None:
    """None where the application has not set the SDK up, has switched it off, or the API is not installed."""
    if not _INSTALLED:
        return None
    try:
        return _of(trace.get_tracer_provider())
    except Exception as problem:  # noqa: BLE001  # the API loads the provider that a variable names, whatever that does
        _tell_once(type(problem).__name__)
        return None


@cache
def _tell_once(problem: str) -> None:
    logger.warning("nothing is traced: OpenTelemetry's provider cannot be had (%s)", problem)


@cache
def _of(provider: trace.TracerProvider) -> trace.Tracer | None:
    if isinstance(provider, trace.ProxyTracerProvider):
        return None
    tracer = provider.get_tracer("thirdparty")
    return None if isinstance(tracer, trace.NoOpTracer) else tracer

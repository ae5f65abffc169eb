"""Traces: spans where the application has OpenTelemetry set up, and nothing elsewhere."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

from tests.recorded_spans import Spans, is_within, trace_of
from tests.unit.calling import SECRET, SHORT, failure_of, post, session_to
from tests.unit.rawserver import answers, http, serving
from thirdparty import traces

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Quarrelsome(SpanProcessor):
    """One that fails at whatever it is told."""

    def on_start(self, *_: Any, **__: Any) -> None:
        raise RuntimeError

    def on_end(self, *_: Any) -> None:
        raise RuntimeError


class FailsAtTheEnd(Quarrelsome):
    def on_start(self, *_: Any, **__: Any) -> None:
        pass


def test_without_an_sdk_no_span_is_made_and_no_message_carries_one() -> None:
    with traces.span("a", {}) as first, traces.span("b", {}) as second:
        assert first is second
        assert traces.message_headers() == {}
        assert not trace.get_current_span().get_span_context().is_valid


def test_without_an_sdk_work_for_another_thread_stays_as_it_is() -> None:
    assert traces.carried(print) is print


def test_without_an_sdk_what_a_message_carries_is_passed_over() -> None:
    assert traces.take_up({"traceparent": PARENT}) is None


def test_an_sdk_that_is_switched_off_counts_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    off = TracerProvider(shutdown_on_exit=False)
    monkeypatch.setattr("opentelemetry.trace.get_tracer_provider", lambda: off)

    assert traces.carried(print) is print


def test_without_the_packages_all_goes_on() -> None:
    program = (
        "import sys; sys.modules['opentelemetry'] = None\n"
        "from thirdparty import traces\n"
        "with traces.span('a', {}) as span: span.note({'x': 1}); span.rename('b'); span.failed('c')\n"
        "traces.lay_down(traces.take_up({'traceparent': 'x'}))\n"
        "print(traces.message_headers(), traces.carried(print) is print)"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert ended.stdout.strip() == "{} True"


def test_a_span_is_within_the_present_one(spans: Spans) -> None:
    with traces.span("outer", {"thirdparty.target": "partner"}), traces.span("inner", {}) as inner:
        inner.note({"thirdparty.outcome": "ok"})

    outer, within = spans.one("outer"), spans.one("inner")
    assert is_within(within, outer)
    assert dict(outer.attributes or {}) == {"thirdparty.target": "partner"}
    assert dict(within.attributes or {}) == {"thirdparty.outcome": "ok"}


def test_an_exception_is_noted_by_its_type_and_never_by_its_words(spans: Spans) -> None:
    with pytest.raises(ValueError, match=SECRET), traces.span("a", {}):
        raise ValueError(SECRET)

    span = spans.one("a")
    assert (span.attributes or {})["error.type"] == "ValueError"
    assert span.status.status_code is trace.StatusCode.ERROR
    assert SECRET not in spans.said()


def test_of_two_reasons_for_a_failure_the_first_counts(spans: Spans) -> None:
    with traces.span("a", {}) as span:
        span.failed("timeout")
        span.failed("OutcomeUnknown")

    assert (spans.one("a").attributes or {})["error.type"] == "timeout"


def test_a_message_carries_the_present_span_and_what_takes_it_up_is_of_its_trace(spans: Spans) -> None:
    with traces.span("save", {}):
        headers = traces.message_headers()
    token = traces.take_up(headers)
    with traces.span("push", {}):
        pass
    traces.lay_down(token)

    assert is_within(spans.one("push"), spans.one("save"))
    assert not trace.get_current_span().get_span_context().is_valid


@pytest.mark.parametrize("carried", ["", "x", 17, None, ["x"], PARENT.replace("0af7", "zzzz"), b"00-1"])
def test_what_a_message_carries_that_is_no_trace_begins_a_new_one(carried: Any, spans: Spans) -> None:
    token = traces.take_up({"traceparent": carried, "tracestate": carried})
    with traces.span("push", {}):
        pass
    traces.lay_down(token)

    assert spans.one("push").parent is None


def test_within_a_span_what_a_message_carries_changes_nothing(spans: Spans) -> None:
    with traces.span("request", {}):
        assert traces.take_up({"traceparent": PARENT}) is None


def test_work_in_another_thread_is_within_the_span_of_whoever_handed_it_in(spans: Spans) -> None:
    def work() -> None:
        with traces.span("inner", {}):
            pass

    with traces.span("outer", {}):
        thread = threading.Thread(target=traces.carried(work))
    thread.start()
    thread.join()

    assert is_within(spans.one("inner"), spans.one("outer"))


@pytest.mark.parametrize("processor", [Quarrelsome(), FailsAtTheEnd()])
def test_a_processor_that_fails_fails_nothing_else(processor: SpanProcessor, monkeypatch: pytest.MonkeyPatch) -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(processor)
    monkeypatch.setattr("opentelemetry.trace.get_tracer_provider", lambda: provider)

    with traces.span("a", {}) as span:
        span.note({"x": 1})

    assert not trace.get_current_span().get_span_context().is_valid


def test_a_provider_that_cannot_be_had_is_told_once_and_fails_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def missing() -> None:
        raise LookupError(SECRET)

    monkeypatch.setattr("opentelemetry.trace.get_tracer_provider", missing)
    traces._tell_once.cache_clear()

    with traces.span("a", {}), traces.span("b", {}):
        assert traces.message_headers() == {}

    assert [record.getMessage() for record in caplog.records] == [
        "nothing is traced: OpenTelemetry's provider cannot be had (LookupError)"
    ]


# -- the call over HTTP -----------------------------------------------------------------


def test_a_call_is_a_client_span_that_says_where_to_and_what_came_and_no_more(spans: Spans) -> None:
    with serving(answers(http(200, b"fine"))) as server:
        post(session_to(server.url + "/base"))

    call = spans.one("POST")
    assert call.kind is trace.SpanKind.CLIENT
    assert dict(call.attributes or {}) == {
        "http.request.method": "POST",
        "server.address": "127.0.0.1",
        "server.port": server.port,
        "http.response.status_code": 200,
    }
    assert call.status.status_code is trace.StatusCode.UNSET


@pytest.mark.parametrize("status", [404, 503])
def test_an_answer_that_says_no_is_an_error_by_its_status(status: int, spans: Spans) -> None:
    with serving(answers(http(status))) as server:
        post(session_to(server.url))

    call = spans.one("POST")
    assert (call.attributes or {})["error.type"] == str(status)
    assert call.status.status_code is trace.StatusCode.ERROR


def test_a_call_without_an_answer_says_why(spans: Spans) -> None:
    with serving(lambda server, _: server.hold()) as server:
        failure_of(session_to(server.url), SHORT)

    call = spans.one("POST")
    assert (call.attributes or {})["error.type"] == "timeout"
    assert "http.response.status_code" not in (call.attributes or {})


def test_the_third_party_is_told_of_no_trace(spans: Spans) -> None:
    with serving(answers(http(200))) as server, traces.span("attempt", {}):
        post(session_to(server.url))

    assert trace_of(spans.one("POST")) == trace_of(spans.one("attempt"))
    assert b"trace" not in server.requests[0].lower()


def test_nothing_that_was_sent_or_answered_leaves_with_a_span(spans: Spans) -> None:
    with serving(answers(http(200, SECRET.encode(), f"X-Any: {SECRET}"))) as server:
        post(session_to(server.url))

    assert SECRET not in spans.said()
    assert "/path" not in spans.said()

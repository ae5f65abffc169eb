"""Traces of real processes, by OpenTelemetry's own variables, to a collector that works and to one that hangs."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from unittest.mock import patch

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from syncproject.demo.stack import Stack
from tests.acceptance.conftest import QUICK, Api, System
from tests.acceptance.prepared import Prepared

RARELY = {"SYNC_RECONCILE_EVERY_SECONDS": "3600"}
"""So that whatever arrives was brought by a hint."""
OFTEN = {"OTEL_BSP_SCHEDULE_DELAY": "100"}
FEW = {"OTEL_BSP_MAX_QUEUE_SIZE": "8", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "2"}
# One process of a parallel run takes all tests, and starts broker and sandbox once.
pytestmark = pytest.mark.xdist_group("traces")
CHAIN = ["POST /api/v1/users/", "thirdparty.wake", "thirdparty.hint", "thirdparty.push", "thirdparty.attempt", "POST"]


class Collector(ThreadingHTTPServer):
    """One of OTLP over HTTP. ``hangs``: it takes requests, and answers none."""

    daemon_threads = True

    def __init__(self, *, hangs: bool) -> None:
        super().__init__(("127.0.0.1", 0), _Asked)
        self.hangs = hangs
        self.spans: list[Any] = []
        self.ends = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def chain(self) -> list[Any]:
        """The spans from a request down to a remote call, each within the one before; empty until all have come."""
        spans = {span.span_id: span for span in self.spans}
        for last in list(spans.values()):
            found = [last]
            while found[0].parent_span_id in spans:
                found.insert(0, spans[found[0].parent_span_id])
            if [span.name for span in found] == CHAIN:
                return found
        return []


class _Asked(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        given = self.rfile.read(int(self.headers["Content-Length"]))
        said = ExportTraceServiceRequest.FromString(
            gzip.decompress(given) if self.headers.get("Content-Encoding") == "gzip" else given
        )
        spans = [span for of in said.resource_spans for scope in of.scope_spans for span in scope.spans]
        self.server.spans += spans
        if self.server.hangs:
            self.server.ends.wait()
            return
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def collecting(*, hangs: bool = False) -> Iterator[Collector]:
    with Collector(hangs=hangs) as collector:
        threading.Thread(target=collector.serve_forever, daemon=True).start()
        yield collector
        collector.ends.set()
        collector.shutdown()


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory, prepared: Prepared) -> Iterator[System]:
    """Broker and sandbox; web and worker are started by each test."""
    with Stack(tmp_path_factory.mktemp("stack"), database=prepared.database, settings=QUICK | RARELY) as stack:
        stack.start("broker", "sandbox")
        yield System(stack, Api(stack.url("web"), prepared.operator.token))


@contextmanager
def running(system: System, collector: Collector, **variables: str) -> Iterator[None]:
    """Web and worker, whose traces go to this collector. Leave it with everything at rest: they are killed."""
    stack = system.stack
    with patch.dict(stack.env, OFTEN | {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url} | variables):
        try:
            stack.start("web", "worker")
            yield
        finally:
            for name in ("web", "worker"):
                stack.process[name].kill()


def arrived(system: System) -> int:
    return len(system.sandbox.users())


def test_from_the_request_to_the_call_that_a_worker_makes_it_is_one_trace(parts: System) -> None:
    with collecting() as collector, running(parts, collector):

        def traced() -> bool:
            # What a hint did not bring, since the broker was slow, is of no trace of ours: then the next one.
            if not collector.chain() and parts.level():
                parts.api.create(name="Ada", phone="1")
            return bool(collector.chain())

        parts.wait(traced)
        chain = collector.chain()
        parts.wait_level()

    assert len({span.trace_id for span in chain}) == 1
    assert chain[0].parent_span_id == b""


def test_what_was_traced_last_leaves_before_a_process_ends(parts: System) -> None:
    with collecting() as collector, running(parts, collector, OTEL_BSP_SCHEDULE_DELAY="3600000"):
        parts.api.create(name="Ada", phone="1")
        parts.wait(parts.level)
        assert collector.spans == []
        for name in ("worker", "web"):
            parts.stack.process[name].terminate(within_seconds=60)

    assert {"POST", "POST /api/v1/users/"} <= {span.name for span in collector.spans}


def test_a_collector_that_hangs_holds_up_neither_saves_nor_pushes(parts: System) -> None:
    before = arrived(parts)
    with collecting(hangs=True) as collector, running(parts, collector, **FEW):
        for number in range(12):
            parts.api.create(name="Ada", phone=str(number))
        parts.wait(lambda: arrived(parts) == before + 12)
        # The exporters of web and worker were both caught by it, and more spans were made than either keeps.
        parts.wait(lambda: {"thirdparty.hint", "POST"} <= {span.name for span in collector.spans})
        parts.wait_level()

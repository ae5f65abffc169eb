"""Name look-ups end with their call, though the C library knows no limit."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.unit.calling import PATIENT, SHORT, failure_of, post, session_to
from tests.unit.rawserver import answers, http, serving
from thirdparty.connectors.errors import Transient
from thirdparty.connectors.http import resolver


class Names:
    """A resolver that answers once it is told to."""

    def __init__(self, port: int = 9) -> None:
        self.asked = 0
        self.answers = threading.Event()
        self.port = port

    def __call__(self, host: object, *_: object, flags: int = 0, **__: object) -> Any:
        # Threads of other tests look names up, too.
        if flags or host != "partner.example":
            raise socket.gaierror(socket.EAI_NONAME, "not a number")
        self.asked += 1
        self.answers.wait(PATIENT)
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", self.port))]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[Names]:
    names = Names()
    monkeypatch.setattr(socket, "getaddrinfo", names)
    yield names
    names.answers.set()
    for future in list(resolver._running.values()):
        future.result(PATIENT)


def test_a_look_up_that_does_not_end_means_nothing_was_sent(names: Names) -> None:
    failure = failure_of(session_to("http://partner.example"), SHORT)
    assert type(failure) is Transient
    assert failure.reason == "dns"
    assert not names.answers.is_set()


def test_a_look_up_that_could_not_begin_keeps_nobody_from_the_next(
    names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_more_threads(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    names.answers.set()
    with serving(answers(http(200, b"fine"))) as server:
        names.port = server.port
        with monkeypatch.context() as patched:
            patched.setattr(threading.Thread, "start", no_more_threads)
            failure = failure_of(session_to("http://partner.example"), SHORT)
        assert (type(failure), failure.reason) == (Transient, "dns")
        assert post(session_to("http://partner.example")).body == b"fine"


def test_calls_of_one_name_share_its_look_up(names: Names) -> None:
    session = session_to("http://partner.example")
    with ThreadPoolExecutor(5) as threads:
        reasons = [each.result().reason for each in [threads.submit(failure_of, session, SHORT) for _ in range(5)]]
    assert (reasons, names.asked) == (["dns"] * 5, 1)


def test_a_name_is_looked_up_anew_once_the_resolver_has_answered(names: Names) -> None:
    names.answers.set()
    with serving(answers(http(200, b"fine"))) as server:
        names.port = server.port
        for _ in range(2):
            assert post(session_to("http://partner.example")).body == b"fine"
    assert names.asked == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform cannot fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_process_waits_for_no_look_up_of_its_parent(names: Names) -> None:
    failure_of(session_to("http://partner.example"), SHORT)
    assert resolver._running
    child = os.fork()
    if child == 0:
        try:
            names.answers.set()
            os._exit(0 if failure_of(session_to("http://partner.example")).reason == "refused" else 1)
        finally:  # whatever it is, no second run of all tests
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

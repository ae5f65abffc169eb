"""Sockets that end with their call: one total deadline, however the other side spends the time.

A timeout on a socket bounds one wait; a server that sends a byte now and then never meets it.
These sockets wait no longer than what is left of the call that the thread is in. `Call` also
learns from them whether any byte of the request has left, which is what separates "nothing
happened" from "it may have happened".
"""

from __future__ import annotations

import math
import select
import socket
import ssl
import threading
from time import monotonic
from typing import TYPE_CHECKING, Self, cast

from thirdparty.connectors.http.resolver import addresses

if TYPE_CHECKING:
    from types import TracebackType

    from _typeshed import ReadableBuffer


_TLS_RECORD_BYTES = 16 * 1024
_RECEIVED_BYTES = 64 * 1024


class Call:
    """The time that one call may take in this thread, and whether a byte of it has left.

    Used as a context manager around everything that the call does on the network. ``reused``: its
    connection had served another call. ``heard``: a byte came back. ``fresh``: it wants a new connection.
    """

    __slots__ = ("_ends_at", "fresh", "heard", "reused", "sent")

    def __init__(self, seconds: float) -> None:
        self._ends_at = monotonic() + seconds
        self.sent = self.reused = self.heard = self.fresh = False

    def __enter__(self) -> Self:
        _thread.call = self
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        _thread.call = None

    @property
    def met_a_close(self) -> bool:
        """Whether the end of the connection, if it ended, can be the close of one that had been idle."""
        return self.reused and not self.heard

    def begin_again(self) -> None:
        """Start anew on a new connection, within what is left of the time."""
        self.sent = self.reused = self.heard = False
        self.fresh = True

    def remaining_seconds(self) -> float:
        """Return what is left, always above zero. Raises `TimeoutError` when nothing is."""
        remaining = self._ends_at - monotonic()
        if remaining <= 0:
            raise TimeoutError("the time of this call is over")
        return remaining


class _Thread(threading.local):
    call: Call | None = None


_thread = _Thread()


def current_call() -> Call:
    """Return the call that this thread is in. Raises `RuntimeError` outside of one."""
    if _thread.call is None:
        raise RuntimeError("this socket works only inside a Call")
    return _thread.call


class DeadlineSocket(socket.socket):
    """A TCP socket whose every operation ends with the call of the thread that uses it.

    Covers ``sendall``, ``send`` and ``recv``, once it is connected (`connect`). Raises `TimeoutError`.
    ``used_at`` is when something was last received, on the monotonic clock.

    It never blocks by itself, but waits by `poll`: a socket with a timeout takes twice as many system calls, and for
    each of them threads hand the interpreter's lock to each other.
    """

    used_at = 0.0

    def send(self, data: ReadableBuffer, flags: int = 0) -> int:
        call = current_call()
        call.remaining_seconds()
        while True:
            try:
                # An error means that the kernel took nothing; under TLS, at most part of one record, which nobody can decode.
                count = super().send(data, flags)
            except (BlockingIOError, ssl.SSLWantWriteError):
                self._await_event(call, select.POLLOUT)
            except ssl.SSLWantReadError:
                self._await_event(call, select.POLLIN)
            else:
                call.sent = True
                return count

    def sendall(self, data: ReadableBuffer, flags: int = 0) -> None:
        count = self.send(data, flags)
        with memoryview(data) as view, view.cast("B") as octets:
            while count < len(octets):
                count += self.send(octets[count:], flags)

    def recv(self, buflen: int = _RECEIVED_BYTES, flags: int = 0) -> bytes:
        call = current_call()
        call.remaining_seconds()
        self._await_answer(call)
        while True:
            try:
                received = super().recv(buflen, flags)
            except (BlockingIOError, ssl.SSLWantReadError):
                self._await_event(call, select.POLLIN)
            except ssl.SSLWantWriteError:
                self._await_event(call, select.POLLOUT)
            else:
                call.heard = call.heard or bool(received)
                self.used_at = monotonic()
                return received

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to be read, not even the end of the connection."""
        return not self._poll(select.POLLIN, 0)

    def _await_answer(self, call: Call) -> None:
        self._await_event(call, select.POLLIN)

    def _await_event(self, call: Call, event: int) -> None:
        if not self._poll(event, call.remaining_seconds()):
            raise TimeoutError("the time of this call is over")

    def _poll(self, event: int, seconds: float) -> bool:
        poller = select.poll()
        poller.register(self, event)
        return bool(poller.poll(math.ceil(seconds * 1000)))


class DeadlineTLSSocket(DeadlineSocket, ssl.SSLSocket):
    """The same over TLS, handshake included. Made by a context whose ``sslsocket_class`` this is."""

    def send(self, data: ReadableBuffer, flags: int = 0) -> int:
        # One record at a time: of several, the first may be read although the last was never taken.
        return super().send(memoryview(data)[:_TLS_RECORD_BYTES], flags)

    def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, FBT002 - the signature of ssl
        call = current_call()
        while True:
            try:
                return super().do_handshake(block)
            except ssl.SSLWantReadError:
                self._await_event(call, select.POLLIN)
            except ssl.SSLWantWriteError:
                self._await_event(call, select.POLLOUT)

    def _await_answer(self, call: Call) -> None:
        """What is to be read may have been decoded already, and then no byte comes."""


def connect(host: str, port: int) -> DeadlineSocket:
    """Open a connection to the first address of this host that accepts one.

    Each address gets an equal share of the time that is left, so that one which swallows
    packets does not hide the others. Raises `OSError`; `socket.gaierror` for an unknown name.
    """
    call = current_call()
    found = addresses(host, port, within_seconds=call.remaining_seconds())
    failure = OSError("the name has no address")
    for position, (family, kind, protocol, _, address) in enumerate(found):
        seconds = call.remaining_seconds() / (len(found) - position)
        try:
            return _open(DeadlineSocket(family, kind, protocol), address, seconds)
        except OSError as error:
            failure = error
    raise failure


def secured(sock: DeadlineSocket, context: ssl.SSLContext, name: str) -> DeadlineSocket:
    """Speak TLS from here on, with whom the certificate says is of this name. Raises `OSError`; the socket is closed then."""
    wrapped: ssl.SSLSocket | None = None
    try:
        wrapped = context.wrap_socket(sock, server_hostname=name, do_handshake_on_connect=False)
        wrapped.do_handshake()
    except BaseException:
        (wrapped or sock).close()
        raise
    return cast("DeadlineTLSSocket", wrapped)


def _open(sock: DeadlineSocket, address: tuple[object, ...], seconds: float) -> DeadlineSocket:
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(seconds)
        sock.connect(address)
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return sock

"""Sockets that end with their call: one total deadline, however the other side spends the time.

A timeout on a socket bounds one wait; a server that sends a byte now and then never meets it.
These sockets set the timeout anew before every operation, to what is left of the call that the
thread is in. `Call` also learns from them whether any byte of the request has left, which is
what separates "nothing happened" from "it may have happened".

Not bounded: the name look-up, which the C library performs without a time limit of ours. The
resolver's own settings bound it (``options timeout:1 attempts:2`` in resolv.conf).
"""

from __future__ import annotations

import socket
import ssl
import threading
from time import monotonic
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

    from _typeshed import ReadableBuffer, WriteableBuffer


_TLS_RECORD_BYTES = 16 * 1024


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

    Covers what `http.client` uses: ``sendall``, ``send`` and ``recv_into``. Raises `TimeoutError`.
    ``used_at`` is when something was last received, on the monotonic clock.
    """

    used_at = 0.0

    def send(self, data: ReadableBuffer, flags: int = 0) -> int:
        call = current_call()
        self.settimeout(call.remaining_seconds())
        # An error means that the kernel took nothing; under TLS, at most part of one record, which nobody can decode.
        count = super().send(data, flags)
        call.sent = True
        return count

    def sendall(self, data: ReadableBuffer, flags: int = 0) -> None:
        with memoryview(data) as view, view.cast("B") as octets:
            count = 0
            while count < len(octets):
                count += self.send(octets[count:], flags)

    def recv_into(self, buffer: WriteableBuffer, nbytes: int | None = None, flags: int = 0) -> int:
        call = current_call()
        self.settimeout(call.remaining_seconds())
        # The TLS socket takes 0 literally, the plain one knows no None: say what fits.
        count = super().recv_into(buffer, nbytes or memoryview(buffer).nbytes, flags)
        call.heard = call.heard or count > 0
        self.used_at = monotonic()
        return count


class DeadlineTLSSocket(DeadlineSocket, ssl.SSLSocket):
    """The same over TLS, handshake included. Made by a context whose ``sslsocket_class`` this is."""

    def send(self, data: ReadableBuffer, flags: int = 0) -> int:
        # One record at a time: of several, the first may be read although the last was never taken.
        return super().send(memoryview(data)[:_TLS_RECORD_BYTES], flags)

    def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, FBT002 - the signature of ssl
        self.settimeout(current_call().remaining_seconds())
        super().do_handshake(block)


def connect(host: str, port: int) -> DeadlineSocket:
    """Open a connection to the first address of this host that accepts one.

    Each address gets an equal share of the time that is left, so that one which swallows
    packets does not hide the others. Raises `OSError`; `socket.gaierror` for an unknown name.
    """
    call = current_call()
    addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    failure = OSError("the name has no address")
    for position, (family, kind, protocol, _, address) in enumerate(addresses):
        seconds = call.remaining_seconds() / (len(addresses) - position)
        try:
            return _open(DeadlineSocket(family, kind, protocol), address, seconds)
        except OSError as error:
            failure = error
    raise failure


def _open(sock: DeadlineSocket, address: tuple[object, ...], seconds: float) -> DeadlineSocket:
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(seconds)
        sock.connect(address)
    except BaseException:
        sock.close()
        raise
    return sock

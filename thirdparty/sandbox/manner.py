"""How business answers are put on the wire: what HTTP allows, and clients have to bear."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import formatdate

from thirdparty.sandbox.reply import Reply

CODINGS: Mapping[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "deflate": zlib.compress}
CLOSES = ("at_once", "at_next_request")
_INTERIM = b"HTTP/1.1 103 Early Hints\r\nLink: </logo.png>; rel=preload\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Manner:
    """Applies to every business answer that is not garbled.

    ``charset``: declared, and what JSON is written in, unescaped. ``coding``: a key of `CODINGS`, asked for or not.
    ``interim``: how many 103 go before. ``closes``: one of `CLOSES`: the connection ends after the answer, which does
    not say so; with ``at_next_request`` in the moment at which the next request arrives. ``clock_skew_seconds``:
    answers carry a ``Date`` that is so far ahead; None for none.
    """

    charset: str | None = None
    coding: str | None = None
    interim: int = 0
    closes: str | None = None
    clock_skew_seconds: float | None = None

    def dress(self, reply: Reply, *, now: float) -> bytes:
        """The answer as it is written."""
        if self == Manner():
            return reply.whole
        head, _, body = reply.whole.partition(b"\r\n\r\n")
        lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-length:")]
        if self.charset and reply.answer:
            body = json.dumps(json.loads(body), ensure_ascii=False).encode(self.charset)
            told = f"Content-Type: application/json; charset={self.charset}".encode()
            lines = [told if line.lower().startswith(b"content-type:") else line for line in lines]
        if self.coding:
            body = CODINGS[self.coding](body)
            lines.append(b"Content-Encoding: " + self.coding.encode())
        if self.clock_skew_seconds is not None:
            lines.append(b"Date: " + formatdate(now + self.clock_skew_seconds, usegmt=True).encode())
        lines.append(b"Content-Length: %d" % len(body))
        return _INTERIM * self.interim + b"\r\n".join(lines) + b"\r\n\r\n" + body

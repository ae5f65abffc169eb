"""Content codings that nobody asked for, undone (RFC 9110, section 8.4)."""

from __future__ import annotations

from io import BytesIO

from urllib3 import HTTPHeaderDict, HTTPResponse
from urllib3.exceptions import HTTPError

from thirdparty.connectors.http.answer_parser import MAX_ANSWER_BYTES, NotHTTP, TooLarge

_READ_BYTES = 64 * 1024


def undone(body: bytes, headers: HTTPHeaderDict) -> bytes:
    """The body without them; urllib3 knows how. Raises `NotHTTP` where it is not in the coding that is said, and `TooLarge`.

    It is decoded piece by piece, so that a small answer which would unpack to a giant one ends at the limit, too.
    """
    coding = headers.get("Content-Encoding")
    if coding is None or not body:
        return body
    coded = HTTPResponse(BytesIO(body), {"Content-Encoding": coding}, preload_content=False)
    pieces, size = [], 0
    try:
        while piece := coded.read(_READ_BYTES, decode_content=True):
            pieces.append(piece)
            size += len(piece)
            if size > MAX_ANSWER_BYTES:
                raise TooLarge(f"the answer is larger than {MAX_ANSWER_BYTES // 1024 // 1024} MiB")
    except HTTPError:
        raise NotHTTP("the answer is not in the content coding that it says") from None
    return b"".join(pieces)

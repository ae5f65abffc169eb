"""The JSON in an answer's body."""

from __future__ import annotations

import json
from typing import Any

from thirdparty.connectors.http.charset import codec_of
from thirdparty.connectors.http.session import Answer


def json_of(answer: Answer) -> Any:
    """The value in a body, read in the charset that it declares; None where there is no JSON."""
    try:
        codec = codec_of(answer.headers.get("Content-Type", ""))
        return json.loads(answer.body.decode(codec) if codec else answer.body)
    except (ValueError, RecursionError):
        return None

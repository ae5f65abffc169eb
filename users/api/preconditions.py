"""``ETag`` and ``If-Match`` (RFC 9110, 8.8.3 and 13.1.1): a write that must not overwrite what others wrote.

The tag stands for what may be said of the person. The ``sync`` of an answer moves by itself and is left
out, or no client could ever write while a push is under way. So what is compared is the person, however the answer was
written, and what a proxy that compresses makes of the tag (``W/"…"``, ``"…-gzip"``) is the same tag.
"""

from __future__ import annotations

import re

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from users.models import User

_TAG = re.compile(r'(?:W/)?"([0-9a-f]{64})(?:[-;:]+(?:gzip|x-gzip|deflate|br|zstd))?"')
_NEVER = "-"

PARAMETERS = [
    OpenApiParameter(
        "If-Match",
        str,
        OpenApiParameter.HEADER,
        description="The `ETag` that the change was made from; 412 where the user has changed since. A tag that a "
        "compressing proxy has made weak (`W/…`) or given an ending (`…-gzip`) is taken for what it was.",
    )
]


TAGGED = OpenApiParameter(
    "ETag",
    str,
    OpenApiParameter.HEADER,
    description="What `If-Match` of the next change takes.",
    response=[200, 201, 202],
)


def etag(user: User) -> dict[str, str]:
    return {"ETag": f'"{user.fingerprint()}"'}


def seen(request: Request) -> list[str]:
    """The fingerprints that the user may have for the write to go on; empty for any."""
    given = request.headers.get("If-Match", "").strip()
    if not given or given == "*":
        return []
    return _TAG.findall(given) or [_NEVER]

"""``ETag`` and ``If-Match`` (RFC 9110, 8.8.3 and 13.1.1): a write that must not overwrite what others wrote.

The tag stands for what may be said of the person. The ``sync`` of an answer moves by itself and is left
out, or no client could ever write while a push is under way.
"""

from __future__ import annotations

import re

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from users.models import User

_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')
_NEVER = "-"

PARAMETERS = [
    OpenApiParameter(
        "If-Match",
        str,
        OpenApiParameter.HEADER,
        description="The `ETag` that the change was made from; 412 where the user has changed since.",
    )
]


def etag(user: User) -> dict[str, str]:
    return {"ETag": f'"{user.fingerprint()}"'}


def seen(request: Request) -> list[str]:
    """The fingerprints that the user may have for the write to go on; empty for any.

    Weak tags never match, as the RFC has it.
    """
    given = request.headers.get("If-Match", "").strip()
    if not given or given == "*":
        return []
    return [tag for weak, tag in _TAG.findall(given) if not weak] or [_NEVER]

"""Digests of what a target holds: alike for alike contents, and nothing can be read from them."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder


def digest(content: Mapping[str, Any]) -> str:
    """64 hex digits, keyed: a phone number's own hash could be guessed."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), cls=DjangoJSONEncoder)
    return hmac.new(_key(settings.SECRET_KEY), text.encode(), sha256).hexdigest()


@cache
def _key(secret: str | bytes) -> bytes:
    secret = secret.encode() if isinstance(secret, str) else secret
    return sha256(b"thirdparty.audit" + secret).digest()

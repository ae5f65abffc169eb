"""Signatures as Standard Webhooks has them: symmetric, version 1.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

PREFIX = "whsec_"
_LEAST_BYTES, _MOST_BYTES = 24, 64


class BadSecret(ValueError):
    """The secret cannot be used; the message goes on after the setting's name, and quotes nothing of it."""


def key_of(secret: str) -> bytes:
    """The key that a secret stands for. Raises `BadSecret`."""
    if not secret.startswith(PREFIX):
        raise BadSecret(f"does not begin with {PREFIX}")
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        raise BadSecret(f"is no base64 behind {PREFIX}") from None
    if not _LEAST_BYTES <= len(key) <= _MOST_BYTES:
        raise BadSecret(f"holds {len(key)} bytes, and has to hold {_LEAST_BYTES} to {_MOST_BYTES}")
    return key


def headers(key: bytes, message: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers by which a receiver knows who sent this, when, and that it has had it before."""
    signed = b".".join((message.encode(), str(timestamp).encode(), body))
    signature = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    return {"webhook-id": message, "webhook-timestamp": str(timestamp), "webhook-signature": f"v1,{signature}"}

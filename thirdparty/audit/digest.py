"""Digests of what a target holds: alike for alike contents, and nothing can be read from them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from thirdparty.connectors.base import RemoteRecord
from thirdparty.decide.compare import Comparable
from thirdparty.settings import settings


def digest(content: Mapping[str, Any]) -> str:
    """64 hex digits, made of a keyed hash of each field: a phone number's own could be guessed."""
    key = settings.hash_key()
    hashes = {name: key.of(name, value) for name, value in content.items()}
    return sha256(json.dumps(hashes, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def digest_of(found: RemoteRecord, comparable: Comparable) -> str:
    """Of all that is compared of a found record."""
    identity = {"external_id": found.external_id, "key": (found.key or "").casefold(), "remote_id": found.remote_id}
    return digest({**identity, "payload": dict(comparable(found.payload))})

"""What a target was last known to hold of a record, field by field, as keyed hashes. Pure.

The row keeps no personal details: a hash says that a field is another one now, and nothing of what it was. That is what
"rewrites most fields", "empties a field" and "altered by the target" rest on, where the target need not be asked.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, TypeAlias

from thirdparty.connectors.base import Payload
from thirdparty.decide.compare import Comparable

Hashes: TypeAlias = Mapping[str, str]
"""By field. That of an empty value is its own JSON text, so that it is recognised."""

_UNKNOWN = ""
_DIGEST_BYTES = 6
_EMPTY = frozenset({"null", '""', "[]", "{}"})
_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=repr).encode
_compact = json.JSONEncoder(separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class HashKey:
    """The key of the hashes. ``id`` stands beside them: under another key, nothing can be said of them."""

    id: str
    _begun: Any = field(repr=False)

    def of(self, name: str, value: Any) -> str:
        """The hash of one field."""
        if type(value) is str:
            # As JSON would have it, but for what is quoted inside: most values are texts, and this is asked of each.
            text = f'"{value}' if value else '""'
        else:
            text = _canonical(int(value) if isinstance(value, float) and value.is_integer() else value)
        if text in _EMPTY:
            return text
        made = self._begun.copy()
        made.update(f"{name}\0{text}".encode("utf-8", "surrogatepass"))
        return str(made.hexdigest())


@lru_cache(maxsize=4)
def hash_key(secret: str | bytes) -> HashKey:
    """The key that is derived from the application's secret: no other use of the secret gives the same."""
    secret = secret.encode() if isinstance(secret, str) else secret
    derived = hashlib.blake2b(b"hashes of fields", key=hashlib.sha512(secret).digest(), person=b"thirdparty.sent")
    key = derived.digest()
    name = hashlib.blake2b(b"id", key=key, digest_size=4).hexdigest()
    return HashKey(name, hashlib.blake2b(key=key, digest_size=_DIGEST_BYTES))


def hashes(payload: Payload, comparable: Comparable, key: HashKey, *, only: Collection[str] | None = None) -> Hashes:
    """The hash of each field that the target could hold. ``only``: of these fields; what else it holds is no business of ours."""
    held = comparable(payload)
    return {name: key.of(name, value) for name, value in held.items() if only is None or name in only}


def written(of: Hashes, key: HashKey) -> str:
    """The text that a row keeps."""
    return _compact({"key": key.id, "of": of})


def read(text: str | None, key: HashKey) -> Hashes | None:
    """What a row keeps of what is known to be there. None for "not known": nothing was acknowledged yet, or the secret was another one then."""
    if not text:
        return None
    kept = json.loads(text)
    of = {name: value for name, value in kept["of"].items() if value != _UNKNOWN} if kept["key"] == key.id else {}
    return of or None


def names(text: str | None) -> frozenset[str]:
    """The fields of what a row keeps, whatever the secret was then; none where nothing was acknowledged yet."""
    return frozenset(json.loads(text)["of"]) if text else frozenset()


def besides(of: Hashes, fields: Collection[str]) -> Hashes:
    """The same, with the fields of which is not known what the target holds in them: an unanswered request may have."""
    return {**dict.fromkeys(fields, _UNKNOWN), **of}


def changed(sent: Hashes, now: Hashes) -> tuple[str, ...]:
    """The fields that are not as they were, those among them that were not there, or are not any more."""
    return tuple(name for name in {**sent, **now} if sent.get(name) != now.get(name))


def emptied(sent: Hashes, now: Hashes) -> tuple[str, ...]:
    """The fields that held something, and are empty now, or not given at all."""
    return tuple(name for name, was in sent.items() if was not in _EMPTY and now.get(name, "null") in _EMPTY)


def rewrites(sent: Hashes, now: Hashes) -> bool:
    """Whether more than half of the fields are not as they were."""
    return 2 * len(changed(sent, now)) > len({**sent, **now})

"""Listings that never end, because they show the same pages again and again."""

from __future__ import annotations

import json
from collections.abc import MutableMapping
from hashlib import sha256
from typing import Any

from thirdparty.connectors.base import Page

MARKS = ("mark", "mark_items", "mark_again_at")
"""What `require_progress` keeps in a walk."""


class ListingBroken(Exception):
    """The target's listing cannot be what it holds; the message says why."""


def require_progress(page: Page, *, asked: str | None, walk: MutableMapping[str, Any]) -> None:
    """Look at a page that another one is to follow. Raises `ListingBroken` where the listing goes in a circle.

    ``asked``: the cursor by which the page was asked for. ``walk``: what is kept from page to page, JSON values; ``pages`` in it
    says how many were read so far, this one among them.

    Brent's way to find a circle: the mark is set anew whenever twice as many pages have been read. A cursor that the target
    does not heed is never the same twice; what it shows is.
    """
    pages, items = walk.get("pages", 0), _digest_of_items(page)
    if page.next_cursor in (asked, walk.get("mark")):
        raise ListingBroken("the target's listing goes in a circle")
    if items and items == walk.get("mark_items"):
        raise ListingBroken("the target's listing goes in a circle: it shows the same items under another cursor")
    if pages >= walk.get("mark_again_at", 1):
        walk.update(mark=page.next_cursor, mark_items=items, mark_again_at=2 * pages)


def _digest_of_items(page: Page) -> str:
    """Of which items a page shows, in whatever order; empty for none."""
    ids = sorted(found.remote_id for found in page.records)
    return sha256(json.dumps(ids).encode()).hexdigest() if ids else ""

"""What keeps the whole from being well: one shape for every face that shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from urllib.parse import urlencode

from django.urls import NoReverseMatch, reverse


class Severity(StrEnum):
    """``act``: somebody has to. ``wait``: it mends itself. ``info``: nothing is wrong."""

    ACT = "act"
    WAIT = "wait"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Link:
    """Where one looks, or mends it: a page by its name, for `django.urls.reverse`."""

    name: str
    args: tuple[str, ...] = ()
    query: Mapping[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Its address; empty where this project does not have the page."""
        try:
            page = reverse(self.name, args=self.args)
        except NoReverseMatch:
            return ""
        return f"{page}?{urlencode(self.query)}" if self.query else page


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that is not as it should be, or that explains what is seen.

    ``code``: which of those in docs/operations.md. ``sentence``: for people, in their language; "it" is the target, whose
    name every face shows before. ``target``: empty for what concerns all. ``kind``: of the objects, where it is about
    records of one kind. ``cause``: why these records failed, in the word that their rows have. ``count``: of records.
    ``example``: the key of one of them. ``remedy``: where the cause is mended, if that is known.
    """

    code: str
    severity: Severity
    sentence: str
    target: str = ""
    kind: str = ""
    cause: str = ""
    count: int | None = None
    since: datetime | None = None
    link: Link | None = None
    example: str = ""
    remedy: Link | None = None

    def as_json(self) -> dict[str, Any]:
        """The same as plain values; the link as an address, empty where there is none."""
        plain = {name: getattr(self, name) for name in self.__slots__}
        pages = {name: page.url if (page := plain[name]) is not None else "" for name in ("link", "remedy")}
        return plain | {"severity": self.severity.value} | pages

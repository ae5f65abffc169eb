"""What the card of a target says in words: how it is sent to, what waits for a person, and what was last compared with it.

Why it is so is a reason, which stands on the same card.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from thirdparty.admin.brake import brake_page
from thirdparty.observe.audits import is_expired
from thirdparty.observe.numbers import grouped
from thirdparty.observe.reasons import Seen, words
from thirdparty.protect.health import Breaker


@dataclass(frozen=True, slots=True)
class Fact:
    """``page``: where one sees more of it; empty for none."""

    label: str
    text: str
    page: str = ""


def facts(name: str, entry: Mapping[str, Any], seen: Seen) -> list[Fact]:
    """Of the target whose figures these are (`thirdparty.observe.status.FIGURES`)."""
    return [*_of_sending(entry, seen.now), _held(name, entry), *_of_audits(name, entry, seen)]


def _of_sending(entry: Mapping[str, Any], now: datetime) -> Iterator[Fact]:
    breakers = {Breaker.CLOSED: _("closed"), Breaker.OPEN: _("open"), Breaker.HALF_OPEN: _("half-open")}
    yield Fact(_("Breaker"), breakers[Breaker(entry["breaker"])])
    yield Fact(_("Pause"), _("paused") if entry["paused"] else _("none"))
    yield Fact(_("Silence"), _silence(entry, now))
    if entry["next_probe_at"] is not None:
        yield Fact(_("Next probe"), _until(entry["next_probe_at"], now))
    per_second = entry["rate_per_second"]
    rate = _("%(rate).3g calls a second at most") % {"rate": per_second} if per_second is not None else _("no limit")
    yield Fact(_("Rate"), rate)


def _silence(entry: Mapping[str, Any], now: datetime) -> str:
    if (until := entry["blocked_until"]) is None:
        return _("none")
    if entry["breaker"] == Breaker.CLOSED and not entry["paused"]:
        sentence = _("%(long)s left: it asked for silence")
    else:
        sentence = _("%(long)s left: it is in trouble, and tried again then")
    return sentence % {"long": words.duration((until - now).total_seconds())}


def _until(moment: datetime, now: datetime) -> str:
    seconds = round((moment - now).total_seconds())
    return _("in %(long)s") % {"long": words.duration(seconds)} if seconds > 0 else _("as soon as something is due")


def _held(name: str, entry: Mapping[str, Any]) -> Fact:
    count = entry["held"]
    if not count:
        return Fact(_("Held changes"), _("none"), brake_page(name))
    text = ngettext("%(count)s waits for a person", "%(count)s wait for a person", count) % {"count": grouped(count)}
    return Fact(_("Held changes"), text, brake_page(name))


def _of_audits(name: str, entry: Mapping[str, Any], seen: Seen) -> Iterator[Fact]:
    audits = f"{reverse('admin:thirdparty_audit_changelist')}?target={name}"
    age = entry["audit_age_seconds"]
    ago = _("%(long)s ago") % {"long": words.duration(age)} if age is not None else _("none yet")
    yield Fact(_("Last audit"), _("could not be finished") if entry["audit_failure"] else ago, audits)
    if age is None:
        yield Fact(_("Certificate"), _("none yet"))
        return
    text = _("expired: %(ago)s") % {"ago": ago} if is_expired(seen.audits[name], seen.now) else ago
    yield Fact(_("Certificate"), text, reverse("admin:thirdparty_certificate", args=[name]))

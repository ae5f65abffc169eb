"""What keeps single targets from being sent to, as their guards and people have left them."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext as _

from thirdparty import targets
from thirdparty.connectors.registry import connector_class
from thirdparty.models import Target
from thirdparty.models.record import State
from thirdparty.observe.messages import message_in_words
from thirdparty.observe.reasons import words
from thirdparty.observe.reasons.reason import Link, Reason, Severity
from thirdparty.observe.reasons.seen import Seen
from thirdparty.protect import sender
from thirdparty.protect.health import Breaker

_CREDENTIALS = ("http_401", "http_403")
_CERTIFICATES = ("tls",)
_PROXY = ("http_407", "proxy")


def paused(seen: Seen) -> Iterator[Reason]:
    """By a person: nobody's fault, and nobody's but a person's to end."""
    for row in _known(seen):
        if not row.paused or row.paused_by_guard:
            continue
        given = {
            "since": words.moment(row.paused_since, seen.now) if row.paused_since else "?",
            "who": row.paused_by or _("somebody"),
            "why": message_in_words(row.paused_reason) or _("no reason given"),
        }
        sentence = _("It has been paused by %(who)s since %(since)s: %(why)s.") % given
        yield Reason("paused", Severity.ACT, sentence, row.name, since=row.paused_since, link=_page(row))


def another_database(seen: Seen) -> Iterator[Reason]:
    """This process works with a copy of the database that the target was sent to from."""
    for row in _known(seen):
        if (databases := sender.bound_elsewhere(row)) is not None:
            sentence = _(
                "Nothing is sent to it from here: it was last sent to from another database (%(bound)s, this is %(here)s). "
                "If this one is to send, resume it."
            ) % {"bound": databases[0], "here": databases[1]}
            yield Reason("another_database", Severity.ACT, sentence, row.name, link=_page(row))


def brake_on(seen: Seen) -> Iterator[Reason]:
    """Too much would be deleted or rewritten there: a person has to decide."""
    for name, brake in seen.brakes.items():
        if brake.latched_at is None:
            continue
        sentence = _("The brake has been on since %(since)s: release what it holds, or reject it.")
        given = {"since": words.moment(brake.latched_at, seen.now)}
        held = sum(tally.count for tally in seen.of(name) if tally.state == State.HELD)
        page = Link("admin:thirdparty_target_brake", (name,))
        yield Reason("brake_on", Severity.ACT, sentence % given, name, count=held, since=brake.latched_at, link=page)


def on_trial(seen: Seen) -> Iterator[Reason]:
    """A new version is sent for a sample alone: a person has to look at it, and let the rest follow."""
    for row in _known(seen):
        if not (kinds := targets.on_trial(row)):
            continue
        given = {
            "kinds": _(", ").join(f"{kind} ({percent:g} %)" for kind, percent in kinds.items()),
            "since": words.moment(row.trial_since, seen.now) if row.trial_since else "?",
        }
        sentence = _(
            "The new version of %(kinds)s has been tried on so many of the records since %(since)s. "
            "Look at it, then let the others follow."
        )
        yield Reason("on_trial", Severity.ACT, sentence % given, row.name, since=row.trial_since, link=_page(row))


def turned_away(seen: Seen) -> Iterator[Reason]:
    """The guard has paused it, since it turns us away: names the settings to look at."""
    for row in _known(seen):
        if not (row.paused and row.paused_by_guard):
            continue
        given = {
            "since": words.moment(row.paused_since, seen.now) if row.paused_since else "?",
            "why": row.failed_for or message_in_words(row.paused_reason),
            "settings": " ".join(settings_to_look_at(row.name, row.failed_for)),
        }
        sentence = (
            _(
                "It has turned us away since %(since)s (%(why)s). Mend %(settings)s, then restart web, workers and beat."
            )
            % given
        )
        yield Reason("turned_away", Severity.ACT, sentence, row.name, since=row.paused_since, link=_page(row))


def breaker_open(seen: Seen) -> Iterator[Reason]:
    for row in _known(seen):
        if row.breaker != Breaker.OPEN:
            continue
        sentence = words.trouble(
            row.refused_for or row.failed_for or message_in_words(row.breaker_reason),
            words.moment(row.breaker_since or seen.now, seen.now),
        )
        yield Reason("breaker_open", Severity.ACT, sentence, row.name, since=row.breaker_since, link=_page(row))


def half_open(seen: Seen) -> Iterator[Reason]:
    for row in _known(seen):
        if row.breaker == Breaker.HALF_OPEN:
            sentence = _("It is tried again with a few calls, after trouble.")
            yield Reason("half_open", Severity.WAIT, sentence, row.name, since=row.breaker_since, link=_page(row))


def silence(seen: Seen) -> Iterator[Reason]:
    for row in _known(seen):
        until = seen.guards[row.name]["blocked_until"]
        if until is not None and not row.paused and row.breaker == Breaker.CLOSED:
            sentence = _("It asked for silence: nothing is sent before %(until)s.")
            given = {"until": words.moment(until, seen.now)}
            yield Reason("silence", Severity.WAIT, sentence % given, row.name, link=_page(row))


def capability_off(seen: Seen) -> Iterator[Reason]:
    for row in _known(seen):
        names = seen.guards[row.name]["capabilities_off"]
        if names:
            given = {"names": ", ".join(names), "setting": f"TARGET_{row.name.upper()}_CAPABILITIES"}
            sentence = _("It does not offer %(names)s, though %(setting)s says so. What needs it waits.") % given
            yield Reason("capability_off", Severity.WAIT, sentence, row.name, link=_page(row))


def slowed(seen: Seen) -> Iterator[Reason]:
    for row in _known(seen):
        rate = seen.guards[row.name]["rate_per_second"]
        if rate is not None and rate != targets.config(row.name).rate_per_second:
            sentence = _("It is sent %(rate).3g calls a second at most, until it has borne more.") % {"rate": rate}
            yield Reason("slowed", Severity.INFO, sentence, row.name, link=_page(row))


def settings_to_look_at(target: str, reason: str) -> list[str]:
    """The names of the settings that may be wrong where a target turns us away for this reason."""
    prefix = f"TARGET_{target.upper()}_"
    if reason in _CREDENTIALS:
        options = connector_class(targets.config(target).connector).declared_options()
        secrets = [f"{prefix}{option.name.upper()}" for option in options if option.is_credential]
        return secrets or [f"{prefix}CONNECTOR"]
    if reason in _CERTIFICATES:
        return [f"{prefix}CA_BUNDLE", f"{prefix}CLIENT_CERT"]
    if reason in _PROXY:
        return [f"{prefix}PROXY"]
    return [f"{prefix}BASE_URL"]


def _known(seen: Seen) -> list[Target]:
    return [row for row in seen.rows.values() if row is not None]


def _page(row: Target) -> Link:
    return Link("admin:thirdparty_target_change", (row.name,))

"""``sync alerts``: look now and tell people what is new; with --test, try the ways by which they are told."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from django.core.management.base import CommandError
from rich.console import Console

from thirdparty import protect
from thirdparty.alerts import look, message, sending, ways
from thirdparty.alerts.errors import NotDelivered
from thirdparty.management.sync import terminal
from thirdparty.models import Alert, AlertMessage
from thirdparty.observe.moments import exactly


def add_to(actions: Any) -> None:
    parser = actions.add_parser(
        "alerts", help="look now, tell people what is new, and list what stands; for a cron job beside the workers"
    )
    parser.add_argument(
        "--test", action="store_true", help="send a test message each configured way, and nothing else"
    )
    parser.set_defaults(run=run)


def run(out: Console, options: dict[str, Any]) -> None:
    """Raises `CommandError` where no way is configured, and after a test that did not get through."""
    if not ways.configured():
        raise CommandError("nobody is told: set SYNC_ALERT_EMAILS, or SYNC_ALERT_WEBHOOK_URL and its secret")
    if options["test"]:
        _test(out)
        return
    look.look()
    sending.at_once()
    _show(out)


def _test(out: Console) -> None:
    now = protect.clock()
    composed, identifier = message.of_trial(now), f"msg_test_{uuid4().hex}"
    failed = []
    for way in ways.configured():
        test = AlertMessage(message=identifier, way=way.name, subject=composed.subject, body=way.body(composed))
        try:
            out.print(f"{way.name}: taken ({way.send(test)})")
        except NotDelivered as failure:
            out.print(f"{way.name}: not taken ({failure})")
            failed.append(way.name)
    if failed:
        raise CommandError(f"not taken by {', '.join(failed)}")


def _show(out: Console) -> None:
    stand = Alert.objects.filter(ended_at=None).order_by("pk")
    shown = terminal.table(out, "target", "reason", "seen since", "told", "sentence")
    for alert in stand:
        told = exactly(alert.told_at) if alert.told_at is not None else "-"
        shown.add_row(alert.target or "-", alert.code, exactly(alert.first_seen_at), told, alert.sentence)
    out.print(shown if stand else "nothing stands that somebody has to act on")
    for waiting in AlertMessage.objects.filter(delivered_at=None, given_up_at=None).order_by("pk"):
        out.print(f"not told by {waiting.way} yet: {waiting.subject} ({waiting.failure or 'it is being sent'})")

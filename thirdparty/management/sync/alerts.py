"""``sync alerts``: look now and tell people what is new; with --test, try the ways by which they are told."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from django.core.management.base import CommandError
from rich.console import Console

from thirdparty import protect
from thirdparty.alerts import look, message, sending, ways
from thirdparty.alerts.errors import NotDelivered
from thirdparty.management.sync import action, terminal
from thirdparty.management.sync.action import Answer
from thirdparty.models import Alert, AlertMessage
from thirdparty.observe.moments import exactly


def add_to(actions: Any) -> None:
    parser = action.add(
        actions,
        "alerts",
        run=run,
        does="look now, tell people what is new, and list what stands; for a cron job beside the workers",
        example="--test",
    )
    parser.add_argument(
        "--test", action="store_true", help="send a test message each configured way, and nothing else"
    )


def run(_: Console, options: dict[str, Any]) -> Answer[Any]:
    """Fails after a test that did not get through. Raises `CommandError` where no way is configured."""
    if not ways.configured():
        raise CommandError("nobody is told: set SYNC_ALERT_EMAILS, or SYNC_ALERT_WEBHOOK_URL and its secret")
    if options["test"]:
        return _test()
    look.look()
    sending.at_once()
    return Answer(_standing(), _show)


def _test() -> Answer[list[dict[str, Any]]]:
    now = protect.clock()
    composed, identifier = message.of_trial(now), f"msg_test_{uuid4().hex}"
    tried = []
    for way in ways.configured():
        test = AlertMessage(message=identifier, way=way.name, subject=composed.subject, body=way.body(composed))
        try:
            tried.append({"way": way.name, "taken": True, "answer": way.send(test)})
        except NotDelivered as failure:
            tried.append({"way": way.name, "taken": False, "answer": str(failure)})
    failed = [str(each["way"]) for each in tried if not each["taken"]]
    return Answer(tried, _show_tried, failure=f"not taken by {', '.join(failed)}" if failed else "")


def _show_tried(out: Console, tried: list[dict[str, Any]]) -> None:
    for each in tried:
        out.print(f"{each['way']}: {'taken' if each['taken'] else 'not taken'} ({each['answer']})")


def _standing() -> dict[str, Any]:
    stand = Alert.objects.filter(ended_at=None).order_by("pk")
    waiting = AlertMessage.objects.filter(delivered_at=None, given_up_at=None).order_by("pk")
    return {
        "alerts": list(stand.values("target", "code", "first_seen_at", "told_at", "sentence")),
        "not_told": list(waiting.values("way", "subject", "failure")),
    }


def _show(out: Console, standing: dict[str, Any]) -> None:
    shown = terminal.table(out, "target", "reason", "seen since", "told", "sentence")
    for alert in standing["alerts"]:
        told = exactly(alert["told_at"]) if alert["told_at"] is not None else "-"
        shown.add_row(alert["target"] or "-", alert["code"], exactly(alert["first_seen_at"]), told, alert["sentence"])
    out.print(shown if standing["alerts"] else "nothing stands that somebody has to act on")
    for each in standing["not_told"]:
        out.print(f"not told by {each['way']} yet: {each['subject']} ({each['failure'] or 'it is being sent'})")

"""Whether alerts can be sent, as the settings are."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, Warning, register  # noqa: A004  # Django's name

from thirdparty.alerts import signature, webhook
from thirdparty.connectors.http import address
from thirdparty.settings import settings

_NEW_SECRET = (
    'A new secret: python -c "import base64, secrets; '
    f"print('{signature.PREFIX}' + base64.b64encode(secrets.token_bytes(32)).decode())\""
)


@register()
def alerts_can_be_sent(**_: Any) -> list[CheckMessage]:
    """The webhook's address and secret, and the site's address, can be used; a secret alone is meant for something."""
    problems: list[CheckMessage] = [
        Error(
            fault,
            hint=_NEW_SECRET
            if fault.startswith("SYNC_ALERT_WEBHOOK_SECRET")
            else "E.g. https://hooks.example.org/sync.",
            id="thirdparty.E012",
        )
        for fault in webhook.faults()
    ]
    try:
        address.base_url(settings.SYNC_ALERT_SITE or "https://unset.example")
    except address.BadAddress as bad:
        problems.append(
            Error(
                f"SYNC_ALERT_SITE {bad}",
                hint="Set it to where people reach the admin's host, e.g. https://sync.example.org.",
                id="thirdparty.E013",
            )
        )
    if settings.SYNC_ALERT_WEBHOOK_SECRET and not webhook.is_configured():
        problems.append(
            Warning(
                "SYNC_ALERT_WEBHOOK_SECRET is set, and SYNC_ALERT_WEBHOOK_URL is not: nothing is posted",
                hint="Set SYNC_ALERT_WEBHOOK_URL=https://…, or take the secret out.",
                id="thirdparty.W023",
            )
        )
    return problems

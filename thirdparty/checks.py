"""What of a target's settings is worth a word before anything runs."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies_environment, proxy_bypass_environment

from django.conf import settings
from django.core.checks import CheckMessage, register
from django.core.checks import Warning as Worth

from thirdparty.config import DIRECT


@register()
def proxies_of_the_environment(**_: Any) -> list[CheckMessage]:
    """A proxy that other programs take from the environment is not taken here; say so, once for each target."""
    found = getproxies_environment()
    return [
        Worth(
            f"The environment names a proxy, and target {target.name!r} is called directly",
            hint=f"HTTPS_PROXY and the like are not read. Set TARGET_{target.name.upper()}_PROXY=http://host:port, "
            f"or ={DIRECT} if the direct way is meant.",
            id="thirdparty.W001",
        )
        for target in settings.SYNC_TARGETS.values()
        if target.proxy is None and not target.direct and _would_be_used(found, target.base_url)
    ]


def _would_be_used(found: dict[str, str], base_url: str) -> bool:
    parts = urlsplit(base_url)
    return bool(found.get(parts.scheme) or found.get("all")) and not proxy_bypass_environment(parts.netloc, found)

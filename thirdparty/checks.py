"""What of a target's settings is worth a word before anything runs."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, register
from django.core.checks import Warning as Advice
from requests.utils import get_environ_proxies, select_proxy

from thirdparty.config import DIRECT


@register()
def proxies_of_the_environment(**_: Any) -> list[CheckMessage]:
    """A proxy that other programs take from the environment is not taken here; say so, once for each target."""
    return [
        Advice(
            f"The environment names a proxy, and target {target.name!r} is called directly",
            hint=f"HTTPS_PROXY and the like are not read. Set TARGET_{target.name.upper()}_PROXY=http://host:port, "
            f"or ={DIRECT} if the direct way is meant.",
            id="thirdparty.W001",
        )
        for target in settings.SYNC_TARGETS.values()
        if target.proxy is None and not target.direct and _of_environment(target.base_url)
    ]


def _of_environment(base_url: str) -> str | None:
    """Whatever a client that reads the environment would take (``NO_PROXY`` heeded)."""
    return select_proxy(base_url, get_environ_proxies(base_url))

"""How long a request wants to wait for the targets: ``Prefer: wait=10`` (RFC 7240), ``?consistency=strict``."""

from __future__ import annotations

import re

from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from users.consistency import Consistency, Mode

LONGEST_WAIT_SECONDS = 30
_WAIT = re.compile(r'\s*wait\s*=\s*"?([0-9]{1,9})"?\s*(?:;.*)?', re.IGNORECASE)
_CHOICES = (Mode.EVENTUAL.value, Mode.STRICT.value)

PARAMETERS = [
    OpenApiParameter(
        "Prefer",
        str,
        OpenApiParameter.HEADER,
        description=f"`wait=10`: wait up to so many seconds, {LONGEST_WAIT_SECONDS} at most, for every target (RFC 7240).",
    ),
    OpenApiParameter(
        "consistency",
        str,
        enum=_CHOICES,
        description="`strict`: every target accepts the change before it is made here, or nothing stays (424).",
    ),
    OpenApiParameter(
        "Preference-Applied",
        str,
        OpenApiParameter.HEADER,
        description="The wait that was honoured, e.g. `wait=10`.",
        response=[200, 201, 202, 204],
    ),
]


def choice(request: Request) -> Consistency:
    """What this request asks for. Strict goes before a wait, since it waits anyway.

    Preferences that are unknown or cannot be read are passed over, as the RFC has it.
    Raises `ValidationError` for a ``consistency`` that there is none of.
    """
    asked = request.query_params.get("consistency", Mode.EVENTUAL.value)
    if asked not in _CHOICES:
        raise ValidationError({"consistency": [f"Use one of: {', '.join(_CHOICES)}."]})
    if asked == Mode.STRICT:
        return Consistency(Mode.STRICT)
    for preference in request.headers.get("Prefer", "").split(","):
        found = _WAIT.fullmatch(preference)
        if found:
            return Consistency(Mode.WAIT, float(min(int(found[1]), LONGEST_WAIT_SECONDS)))
    return Consistency()


def require_no_strict(request: Request) -> None:
    """Raise `ValidationError` where strict is asked for: many users cannot be accepted or refused as one."""
    if choice(request).mode is Mode.STRICT:
        raise ValidationError({"consistency": ["A request for many users cannot be strict; send them one by one."]})


def applied(choice: Consistency) -> dict[str, str]:
    """The header that says which preference was honoured."""
    return {"Preference-Applied": f"wait={choice.wait_seconds:.0f}"} if choice.mode is Mode.WAIT else {}

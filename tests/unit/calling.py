"""One call of the HTTP client, and what became of it."""

from __future__ import annotations

from typing import Any

import pytest

from thirdparty.connectors.config import TargetConfig
from thirdparty.connectors.errors import TargetError
from thirdparty.connectors.http.session import Answer, HttpSession

SHORT = 1.0
PATIENT = 20.0
SECRET = "marker-of-a-secret"


def session_to(url: str, **settings: Any) -> HttpSession:
    return HttpSession(TargetConfig("partner", "landcloud", base_url=url, **settings))


def post(session: HttpSession, timeout_seconds: float = PATIENT, *, repeatable: bool = False) -> Answer:
    return session.send(
        "POST", "/path", SECRET.encode(), {"authToken": SECRET}, timeout_seconds=timeout_seconds, repeatable=repeatable
    )


def failure_of(session: HttpSession, timeout_seconds: float = PATIENT, *, repeatable: bool = False) -> TargetError:
    with pytest.raises(TargetError) as caught:
        post(session, timeout_seconds, repeatable=repeatable)
    return caught.value

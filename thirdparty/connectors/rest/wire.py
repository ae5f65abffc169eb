"""Requests and answers of an ordinary JSON API, before anybody knows what an item is."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from thirdparty.connectors.config import TargetConfig
from thirdparty.connectors.errors import CapabilityMissing, OutcomeUnknown, TargetError, Transient
from thirdparty.connectors.http import statuses
from thirdparty.connectors.http.body import json_of
from thirdparty.connectors.http.session import Answer, HttpSession
from thirdparty.connectors.http.statuses import Meaning, meaning
from thirdparty.connectors.rest.problem import sentence

_Read = TypeVar("_Read")


class Wire:
    """One target's requests. ``headers``: of each of them. ``clock``: seconds since the epoch, for a ``Retry-After`` that is a date."""

    def __init__(
        self, config: TargetConfig, *, headers: Mapping[str, str], media_type: str, clock: Callable[[], float]
    ) -> None:
        self._timeout_seconds = config.timeout_seconds
        self._http = HttpSession(config)
        self._headers = headers
        self._media_type = media_type
        self._clock = clock

    def ask(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_seconds: float | None = None,
    ) -> Answer:
        """Send one request and return whatever is answered. Raises `TargetError` where nothing whole is."""
        sent = b""
        headers = {**self._headers, **(headers or {})}
        if body is not None:
            sent = json.dumps(body).encode()
            headers["Content-Type"] = self._media_type
        return self._http.send(
            method, path, sent, headers, repeatable=method == "GET",
            timeout_seconds=self._timeout_seconds if timeout_seconds is None else timeout_seconds,
        )  # fmt: skip

    def require_done(self, answer: Answer) -> None:
        """Raise what the status means, unless it means success."""
        if meaning(answer.status) is not Meaning.DONE:
            raise self.failure(answer)

    def failure(self, answer: Answer, *, as_meaning: Meaning | None = None) -> TargetError:
        """What an answer that is no success means, with the target's own sentence."""
        return statuses.failure(answer, message=sentence(json_of(answer)), now=self._clock(), as_meaning=as_meaning)

    def read(self, path: str, call: str, into: Callable[[Answer], _Read], *, absent: Meaning | None = None) -> _Read:
        """Ask and read. Nothing can take effect here, so an unknown outcome is merely one to ask for again.

        ``absent``: what it means that there is nothing under this address, where that is not the item's absence.
        """
        try:
            answer = self.ask("GET", path)
            said = meaning(answer.status)
            said = absent or said if said is Meaning.ABSENT else said
            if said is Meaning.NOT_OFFERED:
                raise CapabilityMissing(call, http_status=answer.status)
            if said is not Meaning.DONE:
                raise self.failure(answer, as_meaning=said)
            return into(answer)
        except OutcomeUnknown as unknown:
            error = Transient(unknown.reason, unknown.message, http_status=unknown.http_status)
        raise error

    def close(self) -> None:
        """Close pooled connections."""
        self._http.close()

"""How often, and how long, a request tries in its own process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tenacity import RetryCallState, Retrying, retry_if_result, stop_after_attempt, stop_before_delay, wait_fixed

from thirdparty.settings import settings


def retrying(again: Callable[[Any], bool], *, within_seconds: float) -> Retrying:
    """Calls a function until ``again`` refuses its result, for SYNC_WAIT_TRIES tries with a fixed pause.

    No try begins after ``within_seconds``. Gives the last result, whatever it is.
    """
    return Retrying(
        stop=stop_after_attempt(settings.SYNC_WAIT_TRIES) | stop_before_delay(within_seconds),
        wait=wait_fixed(settings.SYNC_WAIT_PAUSE_SECONDS),
        retry=retry_if_result(again),
        retry_error_callback=_last_result,
    )


def _last_result(state: RetryCallState) -> Any:
    return state.outcome.result() if state.outcome is not None else None

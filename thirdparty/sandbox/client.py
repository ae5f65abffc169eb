"""Steers a sandbox from tests and demonstrations."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

import requests

_TIMEOUT_SECONDS = 5.0


class SandboxControl:
    """The control calls of the sandbox at ``base_url`` (its control port, where it has one).

    Raises `requests.HTTPError` with the sandbox's reason when it refuses a call, and `requests.ConnectionError`
    or `requests.Timeout` when it does not answer within 5 seconds. Safe for one thread at a time.
    """

    def __init__(self, base_url: str) -> None:
        self._base = f"{base_url.rstrip('/')}/_sandbox"
        self._session = requests.Session()
        self._session.trust_env = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.close()

    def users(self) -> list[dict[str, Any]]:
        """Every record, in the words of the contract."""
        return list(self._call("GET", "users")["users"])

    def ledger(self, after: int = 0) -> list[dict[str, Any]]:
        """The ledger's entries with a ``seq`` above ``after``, oldest first."""
        return list(self._call("GET", f"ledger?after={after}")["entries"])

    def stats(self) -> dict[str, Any]:
        """Counts of requests, effects, faults, requests in flight and late applications."""
        return self._call("GET", "stats")

    def faults(self, **switches: Any) -> dict[str, Any]:
        """Replace all faults and return the switches as they are now.

        Names that are no identifiers go into ``rates``: ``faults(rates={"429": 0.1})``.
        """
        return self._call("POST", "faults", switches)

    def switches(self) -> dict[str, Any]:
        """The switches as they are now."""
        return self._call("GET", "faults")

    def heal(self) -> None:
        """Switch every fault off; capabilities stay as they are."""
        self.faults()

    def create(self, **fields: Any) -> dict[str, Any]:
        """Create a record behind everybody's back and return it; ``username`` is required."""
        return self._call("POST", "users", fields)

    def edit(self, user_id: str, **fields: Any) -> dict[str, Any]:
        """Change fields (contract words) of a record behind everybody's back and return it."""
        return self._call("POST", f"users/{user_id}", fields)

    def delete(self, user_id: str) -> dict[str, Any]:
        """Remove a record behind everybody's back and return what it was."""
        return self._call("DELETE", f"users/{user_id}")

    def backup(self) -> None:
        """Keep all records, and the counter of ids, as they are now; an earlier backup is replaced."""
        self._call("POST", "backup")

    def restore(self) -> None:
        """Go back to the backup, or to nothing: ids given out since are given out again."""
        self._call("POST", "restore")

    def reset(self) -> None:
        """Clear records, ledger and faults, and drop the requests that are in flight."""
        self._call("POST", "reset")

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        answer = self._session.request(
            method, f"{self._base}/{path}", json=body, timeout=_TIMEOUT_SECONDS, allow_redirects=False
        )
        if answer.status_code != requests.codes.ok:
            raise requests.HTTPError(f"{answer.status_code}: {answer.json()['error']}", response=answer)
        return dict(answer.json())

"""The application's own HTTP API, as its users call it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import requests

from syncproject.demo.people import Person
from syncproject.demo.stack import TARGET

_TIMEOUT_SECONDS = 30.0


class Api:
    """Calls to ``/api/v1/``. Raises `requests.RequestException` for whatever is not a success."""

    def __init__(self, base_url: str, *, token: str) -> None:
        self._base = f"{base_url}/api/v1"
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["Authorization"] = f"Token {token}"

    def create(self, person: Person) -> dict[str, Any]:
        """The new user."""
        return dict(self._call("POST", "/users/", asdict(person)).json())

    def change(self, uuid: str, **fields: Any) -> None:
        self._call("PATCH", f"/users/{uuid}/", fields)

    def delete(self, uuid: str) -> None:
        self._call("DELETE", f"/users/{uuid}/")

    def users(self, **filters: str) -> list[dict[str, Any]]:
        """All users, page by page."""
        page = self._call("GET", "/users/", params={"page_size": "500", **filters}).json()
        found = list(page["results"])
        while page["next"]:
            page = self._call("GET", page["next"]).json()
            found += page["results"]
        return found

    def explanation(self, uuid: str) -> dict[str, Any]:
        """Why the user's record is in sync or not, as far as is known without asking the target."""
        (explained,) = self._call("GET", f"/users/{uuid}/sync/", params={"ask_target": "false"}).json()
        return dict(explained)

    def states(self) -> dict[str, int]:
        """How many records stand in each state."""
        status = self._call("GET", "/sync/status/").json()["targets"][TARGET]
        names = ("pending", "in_flight", "unknown", "synced", "parked", "held", "rejected", "deleted")
        return {name: int(status[name]) for name in names}

    def _call(
        self, method: str, path: str, body: dict[str, Any] | None = None, params: dict[str, str] | None = None
    ) -> requests.Response:
        url = path if path.startswith("http") else self._base + path
        answer = self._session.request(method, url, json=body, params=params, timeout=_TIMEOUT_SECONDS)
        if not answer.ok:
            raise requests.HTTPError(f"{method} {path}: {answer.status_code} {answer.text[:500]}", response=answer)
        return answer

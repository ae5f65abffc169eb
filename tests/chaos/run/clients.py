"""The application from outside: its API, and its admin as a browser uses it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

import requests

_TIMEOUT_SECONDS = 6.0


class Refused(RuntimeError):
    """The application answered, but not with success; the message is what it said."""

    def __init__(self, said: str, status: int) -> None:
        super().__init__(said)
        self.status = status


@dataclass(frozen=True, slots=True)
class Account:
    """An operator who may use both."""

    username: str
    password: str
    token: str


def create_account() -> Account:
    """A new operator, by the ORM."""
    from rest_framework.authtoken.models import Token

    from users.models import User

    password = secrets.token_urlsafe(9)
    user = User.objects.create_superuser("operator", password)
    return Account(user.username, password, Token.objects.create(user=user).key)


class Api:
    """Raises `Refused`, or `requests.RequestException` where nobody answers.

    ``strict``: every write is one that all targets accept, or that does not happen.
    """

    def __init__(
        self, base_url: str, account: Account, *, strict: bool = False, timeout_seconds: float = _TIMEOUT_SECONDS
    ) -> None:
        self._base = f"{base_url}/api/v1/users/"
        self._timeout_seconds = timeout_seconds
        self._query = {"consistency": "strict"} if strict else {}
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["Authorization"] = f"Token {account.token}"

    def create(self, **fields: Any) -> dict[str, Any]:
        return dict(self._call("POST", "", fields).json())

    def change(self, uuid: object, **fields: Any) -> None:
        self._call("PATCH", f"{uuid}/", fields)

    def delete(self, uuid: object) -> None:
        self._call("DELETE", f"{uuid}/", None)

    def _call(self, method: str, path: str, body: Any) -> requests.Response:
        answer = self._session.request(
            method, self._base + path, params=self._query, json=body, timeout=self._timeout_seconds
        )
        if not answer.ok:
            raise Refused(f"{method} {answer.status_code}: {answer.text[:300]}", answer.status_code)
        return answer


class Admin:
    """The change form of a person. Raises as `Api` does."""

    def __init__(self, base_url: str, account: Account) -> None:
        self._base = f"{base_url}/admin/"
        self._account = account
        self._session = requests.Session()
        self._session.trust_env = False

    def change(self, pk: int, **fields: Any) -> None:
        """Send the whole form, as browsers do."""
        self._send(f"users/user/{pk}/change/", fields)

    def _send(self, path: str, fields: dict[str, Any]) -> None:
        if "sessionid" not in self._session.cookies:
            self._log_in()
        self._post(path, fields)

    def _log_in(self) -> None:
        self._session.get(f"{self._base}login/", timeout=_TIMEOUT_SECONDS)
        self._post("login/", {"username": self._account.username, "password": self._account.password})

    def _post(self, path: str, fields: dict[str, Any]) -> None:
        form = fields | {"csrfmiddlewaretoken": self._session.cookies.get("csrftoken", "")}
        answer = self._session.post(self._base + path, data=form, timeout=_TIMEOUT_SECONDS, allow_redirects=False)
        if answer.status_code != requests.codes.found:
            raise Refused(f"POST {path}: {answer.status_code}: {_complaint(answer.text)}", answer.status_code)


def _complaint(page: str) -> str:
    """What a form says is wrong with it, roughly."""
    at = page.find("error")
    return " ".join(page[max(at - 200, 0) : at + 400].split()) if at >= 0 else page[:200]

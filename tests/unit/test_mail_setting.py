"""How the deployment sends mail, as its environment says."""

from __future__ import annotations

import pytest
from django.core.exceptions import ImproperlyConfigured

from syncproject.env import mail


def test_an_address_of_a_mail_server_becomes_djangos_settings() -> None:
    found = mail("smtp+tls://me:secret@mail.example:587")
    assert (found["EMAIL_HOST"], found["EMAIL_PORT"], found["EMAIL_USE_TLS"]) == ("mail.example", 587, True)
    assert (found["EMAIL_HOST_USER"], found["EMAIL_HOST_PASSWORD"]) == ("me", "secret")


def test_what_is_not_said_stays_as_django_has_it() -> None:
    assert "EMAIL_HOST_USER" not in mail("smtp://localhost:25")


@pytest.mark.parametrize("url", ["mail.example", "gopher://me:secret@mail.example", "smtp://me:secret@mail.example:x"])
def test_another_address_is_refused_by_the_name_of_its_setting_and_not_quoted(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="EMAIL_URL") as refused:
        mail(url)
    assert "secret" not in str(refused.value)

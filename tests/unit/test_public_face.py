"""What `thirdparty` itself offers: all of it is there, and a connector needs no models."""

from __future__ import annotations

import subprocess
import sys

import pytest
from django.dispatch import Signal

import thirdparty


@pytest.mark.parametrize("name", thirdparty.__all__)
def test_every_public_name_is_there(name: str) -> None:
    public = getattr(thirdparty, name)
    assert isinstance(public, Signal) or public.__name__ == name


def test_what_is_not_public_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        thirdparty.nothing  # noqa: B018  # asking is the test


def test_a_connector_is_imported_before_django_is_set_up() -> None:
    script = (
        "from thirdparty import Listing, RestConnector; from django.conf import settings; print(settings.configured)"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n"

"""What a database says of an error names the row, and the row is a person: it is kept out of the logs."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from users.models import User


@pytest.mark.django_db
@pytest.mark.parametrize("clash", [{"username": "zebulon1"}, {"username": "other", "phone": None}])
def test_an_error_of_the_database_is_logged_without_the_row(clash: dict[str, Any], capsys: Any) -> None:
    User.objects.create(name="Zebulon", username="zebulon1")
    line = logging.getLogger().handlers[0].formatter
    assert line is not None
    people = [User(name="Zebulon", email="zebulon@example.org", **clash)]
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        User.objects.bulk_create(people)
    error = caught.value
    record = logging.LogRecord(
        "x", logging.ERROR, "x", 1, "raised: %r", (error,), (type(error), error, error.__traceback__)
    )
    logged = line.format(record)
    assert "IntegrityError" in logged
    assert "zebulon" not in logged.lower()

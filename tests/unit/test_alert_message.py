"""What a message about alerts says for people."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.utils import translation

from thirdparty.alerts import message
from thirdparty.models import Alert

NOW = datetime(2026, 12, 1, tzinfo=UTC)


def alerts(count: int) -> list[Alert]:
    return [
        Alert(code="parked", target="partner", kind=str(at), first_seen_at=NOW, ended_at=NOW) for at in range(count)
    ]


@pytest.mark.parametrize(("language", "number"), [("en", "1,200"), ("de", "1.200")])
def test_how_many_have_begun_and_ended_is_grouped_as_the_language_groups_it(language: str, number: str) -> None:
    with translation.override(language):
        composed = message.of_alerts(alerts(1_200), alerts(1_200), NOW)

    assert composed.subject.count(number) == 2


@pytest.mark.parametrize(("language", "number"), [("en", "1,150"), ("de", "1.150")])
def test_so_is_how_many_more_there_are(language: str, number: str) -> None:
    with translation.override(language):
        composed = message.of_alerts(alerts(1_200), [], NOW)

    assert f"… and {number} more" in composed.text.splitlines()


def test_what_programs_read_is_a_number() -> None:
    composed = message.of_alerts(alerts(1_200), [], NOW)

    assert '"further": 1150' in composed.document

"""The last hour beside the last day: what was acknowledged, how much of it in time, and what failed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from thirdparty.admin.badge import outcome_in_words
from thirdparty.observe.figure import Figure, Kind
from thirdparty.observe.reasons import words
from thirdparty.observe.reasons.of_objectives import PROMISED_PERCENT
from thirdparty.observe.recent import Span
from thirdparty.observe.status import FIGURES
from thirdparty.settings import settings


@dataclass(frozen=True, slots=True)
class Row:
    """One figure: its label, and what it is in the last hour and in the last day."""

    label: str
    values: list[str]


def lately(entry: Mapping[str, Any]) -> list[Row]:
    """Each figure that is of a span (`thirdparty.observe.status.FIGURES`)."""
    labels = dict.fromkeys(figure.of_any_span for figure in FIGURES if figure.span is not None)
    return [
        Row(
            _(label),
            [
                _shown(figure, entry[figure.name])
                for span in Span
                for figure in FIGURES
                if figure.span is span and figure.of_any_span == label
            ],
        )
        for label in labels
    ]


def objective() -> str:
    """What "in time" is, as a sentence."""
    given = {
        "change": words.duration(settings.SYNC_OBJECTIVE_SECONDS),
        "removal": words.duration(settings.SYNC_OBJECTIVE_REMOVAL_SECONDS),
        "promised": PROMISED_PERCENT,
    }
    return (
        _("In time: a change within %(change)s, a removal within %(removal)s. It should be %(promised)d %%.") % given
    )


def _shown(figure: Figure, value: Any) -> str:
    if not value and figure.kind is not Kind.PERCENT:
        return "0" if figure.kind is Kind.COUNT else "-"
    if figure.kind is Kind.PERCENT:
        return f"{value:.1f} %" if value is not None else "-"
    if figure.kind is Kind.COUNTS:
        return _(", ").join(f"{count} {outcome_in_words(name)}" for name, count in sorted(value.items()))
    return str(value)

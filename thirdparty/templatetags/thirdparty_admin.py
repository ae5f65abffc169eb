"""``{% sync_status %}``: how the whole stands, for any page of the admin; and how its pages write values."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import template
from django.db.models import Model
from django.utils.translation import gettext as _

from thirdparty.observe import messages, moments, numbers

register = template.Library()


@register.inclusion_tag("thirdparty/admin/status.html", takes_context=True)
def sync_status(context: dict[str, Any]) -> dict[str, Any]:
    """The whole and a card for each target; nothing for an account that may not see records."""
    from thirdparty.admin.overview import overview  # noqa: PLC0415  # libraries are loaded while the admin still is

    return overview(context["request"].user)


@register.filter
def exactly(time: datetime) -> str:
    """A time in a sentence: with its zone."""
    return moments.exactly(time)


@register.filter
def to_the_second(time: datetime | None) -> str:
    """A time in a table; a dash for none."""
    return moments.to_the_second(time) if time is not None else "-"


@register.filter
def grouped(number: int) -> str:
    """A number of things."""
    return numbers.grouped(number)


@register.filter
def message_in_words(message: str) -> str:
    """A message that was written in English, in the reader's language."""
    return messages.message_in_words(message)


@register.filter
def plainly(value: Any) -> str:
    """A field's value for people: the items of a list, and a word for nothing."""
    if isinstance(value, (list, tuple)):
        value = ", ".join(map(str, value))
    return _("nothing") if value in (None, "") else str(value)


@register.filter
def ago(time: datetime | None) -> str:
    """How long ago it was; empty for none."""
    from thirdparty.admin import moment  # noqa: PLC0415  # as above

    return moment.ago(time) or ""


@register.filter
def verbose_name(instance: Model) -> str:
    """What one of its kind is called."""
    return str(instance._meta.verbose_name)


@register.filter
def model_name(instance: Model) -> str:
    """The name of its model, as the admin's form of it has in its id."""
    return str(instance._meta.model_name)

"""``{% sync_status %}``: how the whole stands, for any page of the admin."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.translation import gettext as _

register = template.Library()


@register.inclusion_tag("thirdparty/admin/status.html", takes_context=True)
def sync_status(context: dict[str, Any]) -> dict[str, Any]:
    """The whole and a card for each target; nothing for an account that may not see records."""
    from thirdparty.admin.overview import overview  # noqa: PLC0415  # libraries are loaded while the admin still is

    return overview(context["request"].user)


@register.filter
def reason_in_words(reason: str) -> str:
    """Why a record could not be compared."""
    from thirdparty.observe import audits  # noqa: PLC0415  # as above

    return audits.reason_in_words(reason)


@register.filter
def plainly(value: Any) -> str:
    """A field's value for people: the items of a list, and a word for nothing."""
    if isinstance(value, (list, tuple)):
        value = ", ".join(map(str, value))
    return _("nothing") if value in (None, "") else str(value)

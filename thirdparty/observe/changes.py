"""What takes something away from a target, in the reader's language (`thirdparty.decide.brake` has it in English, for logs)."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from thirdparty.decide.brake import Change
from thirdparty.observe.numbers import grouped

_WORDS = {
    Change.DELETE: gettext_lazy("delete"),
    Change.DEACTIVATE: gettext_lazy("deactivate"),
    Change.EMPTY: gettext_lazy("empty a field"),
    Change.REWRITE: gettext_lazy("rewrite"),
}
_WOULD = {
    Change.DELETE: gettext_lazy("this would delete the record"),
    Change.DEACTIVATE: gettext_lazy("this would deactivate the record"),
    Change.EMPTY: gettext_lazy("this would empty a field that holds something"),
    Change.REWRITE: gettext_lazy("this would rewrite more than half of the record's fields"),
}


def change_in_words(change: str) -> str:
    """One or a few words."""
    return str(_WORDS[Change(change)])


def would(change: str) -> str:
    """What it would do, as a part of a sentence."""
    return str(_WOULD[Change(change)])


def counts_in_words(counts: Mapping[str, int]) -> str:
    """How many of each change."""
    given = ({"count": grouped(count), "change": change_in_words(change)} for change, count in counts.items() if count)
    return _(", ").join(_("%(count)s %(change)s") % each for each in given) or _("none")

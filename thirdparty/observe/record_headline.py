"""How one record stands, in one sentence for people."""

from __future__ import annotations

from django.utils.text import capfirst
from django.utils.translation import gettext as _

from thirdparty.models.record import AT_REST, State
from thirdparty.observe.explain import Explanation


def record_headline(explanation: Explanation) -> str:
    """What keeps it from being level, where it is not; else whether the target holds what is wanted, as far as that is known."""
    if explanation.blocked_by and explanation.state not in AT_REST:
        return str(capfirst(explanation.blocked_by[0]))
    given = {
        "target": explanation.target,
        "fields": _(", ").join(item.field for item in explanation.difference or ()),
        "why": explanation.last_error,
    }
    if explanation.difference:
        return _("%(target)s holds something else than what is wanted here: %(fields)s") % given
    if explanation.difference is None and explanation.audit_note:
        return str(capfirst(explanation.audit_note))
    return str(capfirst(_undisturbed(explanation))) % given


def _undisturbed(explanation: Explanation) -> str:
    if explanation.state == State.SYNCED:
        if explanation.difference is not None:
            return _("%(target)s holds what is wanted here")
        return _("%(target)s has acknowledged what is wanted here")
    if explanation.state == State.DELETED:
        return _("it is gone here, and at %(target)s")
    if explanation.state == State.LEFT:
        return _("its object has left, and its record stays at %(target)s as the policy says")
    if explanation.last_error:
        return _("the last try failed, and is made again by itself: %(why)s")
    return _("what is wanted here is on its way to %(target)s")

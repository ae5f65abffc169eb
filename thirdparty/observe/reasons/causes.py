"""Why records failed, in words. The engine's own causes; a target's and a declaration's are said as they are."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

_WORDS = {
    "identity_conflict": gettext_lazy("a record of this key is there, and nothing shows that it is ours"),
    "key_reserved": gettext_lazy("the target says that the key is taken, and shows no record that has it"),
    "reference_cycle": gettext_lazy("records wait for one another"),
    "undeclared_reference": gettext_lazy("the payload refers to a kind that the declaration does not name"),
    "unwatched_read": gettext_lazy("the payload reads what the declaration does not watch"),
    "not_json": gettext_lazy("a field of the payload is no JSON"),
    "crashed": gettext_lazy("steps broke off in our own code, or with their worker"),
    "no_progress": gettext_lazy("the target's answers contradict each other"),
    "unstorable": gettext_lazy("the target's answer cannot be stored"),
    "blocked": gettext_lazy("another record has to come, or go, first"),
    "look_up_off": gettext_lazy("the look-up that it takes is not offered now"),
    "refused": gettext_lazy("the connection was refused"),
    "timeout": gettext_lazy("no answer in time"),
    "connect_timeout": gettext_lazy("no answer in time"),
    "unreachable": gettext_lazy("the target cannot be reached"),
    "busy": gettext_lazy("the target asks to try again"),
    "unreadable": gettext_lazy("the answer cannot be read"),
}


def cause_in_words(cause: str) -> str:
    """A few words in the reader's language; the word itself where it is not the engine's."""
    if cause in _WORDS:
        return f"{_WORDS[cause]} ({cause})"
    if cause.startswith("http_"):
        return _("it answered HTTP %(status)s") % {"status": cause.removeprefix("http_")}
    return cause

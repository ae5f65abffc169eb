"""An object that cannot be expressed at a target."""

from __future__ import annotations


class Unmappable(Exception):
    """This object cannot be expressed at the target until a person changes something. Raised by a declaration's payload.

    ``reason`` is a short word, ``message`` a sentence without personal details.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(reason, message)
        self.reason = reason
        self.message = message

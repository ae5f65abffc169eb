"""One look: what stands is written down, and a message is made of what is new."""

from __future__ import annotations

from thirdparty.alerts import conditions, standing, ways
from thirdparty.observe.reasons import Seen


def look() -> bool:
    """Whether there is a new message. Sends nothing, and writes nothing where no way is configured."""
    if not ways.configured():
        return False
    seen = Seen()
    standing.note(conditions.standing_now(seen), seen.now)
    return standing.announce(seen.now)

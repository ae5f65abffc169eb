"""How this process has last seen each target: a success is written down only where that would change something."""

from __future__ import annotations

from thirdparty.protect.health import TargetHealth

_known: dict[str, TargetHealth] = {}


def keep(target: str, standing: TargetHealth) -> None:
    """This is how the target stands."""
    _known[target] = standing


def is_no_news(target: str, key: str, *, looked_up: bool) -> bool:
    """Whether a success of this record changes nothing."""
    known = _known.get(target)
    return known is None or not (known.troubled or key in known.faulty_keys or (looked_up and known.misses))

"""What may stand behind the question mark: a parameter that is not known, is empty or is there twice is refused.

Passed over, ``?user_name=x`` would be answered with everybody.
"""

from __future__ import annotations

from collections.abc import Collection

from rest_framework.exceptions import ValidationError
from rest_framework.request import Request


def require_known(request: Request, known: Collection[str]) -> None:
    """Raise `ValidationError` with the parameters at fault."""
    listed = f"Known here: {', '.join(sorted(known))}." if known else "There is none here."
    faults: dict[str, list[str]] = {}
    for name, values in request.query_params.lists():
        if name not in known:
            faults[name] = [f"There is no such parameter. {listed}"]
        elif len(values) > 1:
            faults[name] = ["Give it once."]
        elif not values[0]:
            faults[name] = ["Give a value, or leave it out."]
    if faults:
        raise ValidationError(faults)

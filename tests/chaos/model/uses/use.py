"""What the model has to know of a use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Use:
    """``object_ids``: of the objects of the rows, and of the stranger. ``external_id``: of one of these.

    ``companion_id``: of an object that shares statements with the first. ``put`` makes the first object be there as it was
    saved before, with the natural key that it is given, or be gone; ``edit`` changes it to something new with each number;
    """

    target: str
    kind: str
    object_ids: Mapping[int, str]
    external_id: Callable[[str], str]
    companion_id: str
    put: Callable[..., None]
    edit: Callable[[int], None]
    delete: Callable[[], None]

"""All that the application holds against all that the third party holds, field by field. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Comparison:
    """How both sides differ; usernames, but for the counts.

    ``lost``: here and not there. ``doubled``: more than once there. ``differing``: the fields that are not
    the same. ``left_over``: there and not (or no longer) here.
    """

    local: int
    remote: int
    lost: tuple[str, ...]
    doubled: tuple[str, ...]
    differing: Mapping[str, tuple[str, ...]]
    left_over: tuple[str, ...]

    @property
    def equal(self) -> bool:
        """Both sides hold the same."""
        return not (self.lost or self.doubled or self.differing or self.left_over)


def compare(users: Iterable[Record], records: Iterable[Record], *, role_ids: Mapping[str, str]) -> Comparison:
    """Compare users of the API with records of the sandbox; ``role_ids``: the third party's, by group name."""
    wanted = {str(user["uuid"]): user for user in users if user["is_active"]}
    found: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        found[record["externalId"]].append(record)
    differing = {}
    for uuid in wanted.keys() & found.keys():
        expected = _as_record(wanted[uuid], role_ids)
        fields = {name for record in found[uuid] for name, value in expected.items() if record[name] != value}
        if fields:
            differing[wanted[uuid]["username"]] = tuple(sorted(fields))
    return Comparison(
        local=len(wanted),
        remote=sum(map(len, found.values())),
        lost=tuple(user["username"] for uuid, user in wanted.items() if uuid not in found),
        doubled=tuple(same[0]["username"] for same in found.values() if len(same) > 1),
        differing=differing,
        left_over=tuple(same[0]["username"] for uuid, same in found.items() if uuid not in wanted),
    )


def _as_record(user: Record, role_ids: Mapping[str, str]) -> dict[str, Any]:
    same = {name: user[name] for name in ("username", "name", "phone", "email")}
    return same | {"roleIds": sorted(role_ids[group] for group in user["groups"])}

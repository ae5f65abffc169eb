"""What the ERP holds against what it is to hold, by a mapping written apart from the declaration. Pure, but for `wanted`."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.chaos.shop import bare

Content = Mapping[str, Sequence[Mapping[str, Any]]]
Objects = Mapping[str, Sequence[Any]]
"""By kind and key, as ``shop.order:17``: what is held of it, in the shop's own words."""


def doubled(content: Content) -> Iterator[str]:
    """Objects of which the ERP holds more than one record."""
    held = Counter(record["external_id"] for records in content.values() for record in records)
    for external_id, number in held.items():
        if number > 1:
            yield f"doubled: the ERP holds {number} records of {external_id}"


def doubled_once(effects: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Objects of which the ERP has held more than one record at some time."""
    living: dict[str, set[str]] = defaultdict(set)
    for effect in effects:
        theirs = living[effect["external_id"]]
        theirs.add(effect["user_id"])
        if effect["effect"] == "deleted":
            theirs.discard(effect["user_id"])
        if len(theirs) > 1:
            yield f"doubled: {effect['external_id']} had the records {sorted(theirs)} after #{effect['seq']}"


def held(content: Content) -> Objects:
    """What the ERP holds, in the shop's own words: an order's customer is told by the shop's key."""
    whose = {record["id"]: record["external_id"] for records in content.values() for record in records}
    found = {each["external_id"]: [each["name"], each["email"], each["phone"]] for each in content["customers"]}
    for order in content["orders"]:
        customer = whose.get(order["customer"], "").rpartition(".")[2]
        found[order["external_id"]] = [order["number"], order["total"], customer, sorted(order["lines"])]
    return {_key(external_id): values for external_id, values in found.items()}


def differences(wanted: Objects, there: Objects) -> Iterator[str]:
    """How they differ, a sentence each: lost, left over, of another customer, or other than it is."""
    for key in sorted(wanted.keys() | there.keys()):
        if key not in there:
            yield f"lost: the ERP does not hold {key}"
        elif key not in wanted:
            yield f"left over: the ERP holds {key}, which is not to be there"
        elif [*map(_plain, wanted[key])] != [*map(_plain, there[key])]:
            another = key.startswith("shop.order:") and str(wanted[key][2]) != str(there[key][2])
            what = "another customer's" if another else "stale"
            yield f"{what}: the ERP holds {key} as {there[key]}, not {wanted[key]}"


def unannounced(requests: Sequence[Mapping[str, Any]], attempts: Mapping[tuple[str, str], int]) -> Iterator[str]:
    """Write requests of which there is no attempt. ``attempts``: how many there are, by external id and call."""
    sent = Counter((request["external_id"], request["call"]) for request in requests if request["external_id"])
    for (external_id, call), number in sent.items():
        if number > attempts.get((external_id, call), 0):
            yield f"not on record: {number} requests to {call} {external_id}, {attempts.get((external_id, call), 0)} attempts"


def wanted() -> Objects:
    """What the ERP is to hold now."""
    from tests.acceptance.shop_owed import to_be_held

    return to_be_held()


def _key(external_id: str) -> str:
    kind, _, object_id = bare(external_id).rpartition(".")
    return f"{kind}:{object_id}"


def _plain(value: Any) -> Any:
    return value if isinstance(value, list) else str(value)

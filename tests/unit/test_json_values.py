"""A payload holds JSON values; whatever else it holds is named, with its field, before anything is sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from thirdparty.declaration import Unmappable
from thirdparty.declaration.json_values import require_json


@dataclass(frozen=True)
class Order:
    total: Any


@pytest.mark.parametrize(
    "value", [None, "", "茶", True, 7, 1.5, [], ["a", [1, {"b": None}]], ("a", "b"), {"a": {"b": [False]}}]
)
def test_json_values_pass(value: Any) -> None:
    require_json({"total": value})
    require_json(Order(value))


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (Decimal("1.00"), "Decimal"),
        (date(2026, 1, 1), "date"),
        ([{"a": {1, 2}}], "set"),
        (b"x", "bytes"),
        (float("nan"), "float"),
        ({7: "x"}, "mapping"),
    ],
)
def test_another_value_is_refused_with_its_field_and_type(value: Any, kind: str) -> None:
    for payload in ({"number": "7", "total": value}, Order(value)):
        with pytest.raises(Unmappable, match=f"'total' of the payload holds a value of type {kind}") as refused:
            require_json(payload)
        assert refused.value.reason == "not_json"

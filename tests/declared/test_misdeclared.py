"""What cannot be declared is said at start-up, with what to do about it."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, models
from django.db.models import F, Q
from django.db.models.functions import Now, Random

from tests.declared.models import Company, Customer, Order, Product, Tag, model_of
from thirdparty import checks
from thirdparty.checks import of_declarations
from thirdparty.declaration import PerTarget, Synced, registry
from thirdparty.notify import signals

Declaration = type[Synced[Any]]


def of(model: Any, **declared: Any) -> Declaration:
    """A declaration of this model."""
    return type("Mistaken", (Synced,), {"model": model, "kind": "declared.mistaken", **declared})


def said_of(monkeypatch: pytest.MonkeyPatch, *declarations: Declaration) -> list[tuple[str, str]]:
    """Ids and messages of the system checks with these declarations alone. Each has a hint."""
    monkeypatch.setattr(registry, "_declared", {each.kind: each() for each in declarations})
    found = checks.declarations()
    assert all(problem.hint for problem in found)
    return [(str(problem.id).removeprefix("thirdparty."), problem.msg) for problem in found]


def test_a_sound_declaration_is_told_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = of(Order, key="number", watch=("total", "lines__product__sku", "tags"), scope=Q(status="paid"))
    company = of(Company, kind="declared.company", watch=("name",))
    assert said_of(monkeypatch, sound, company) == []


@pytest.mark.parametrize(
    ("declared", "number", "words"),
    [
        ({"watch": ("totl",)}, "E105", "declared.Order has no field 'totl' (in 'totl')"),
        ({"watch": ("customer__nam",)}, "E105", "declared.Customer has no field 'nam' (in 'customer__nam')"),
        ({"watch": ("total__cents",)}, "E105", "declared.Order.total is no relation, and 'total__cents' goes on"),
        ({"watch": (PerTarget("lines", "target"),)}, "E106", "by 'target', which declared.Line has not"),
        ({"watch": (PerTarget("total", "target"),)}, "E106", "'total' per target, which leads to no other table"),
        ({"scope": Q(stat="paid")}, "E107", "declared.Order has no field 'stat'"),
        ({"scope": Q(status__unheard="paid")}, "E107", "Unsupported lookup 'unheard'"),
        ({"scope": Q(total__lt=Random())}, "E107", "'total__lt' is compared with an expression"),
        ({"scope": Q(total__in=[1, F("pk")])}, "E107", "'total__in' is compared with an expression"),
        ({"scope": Q(pk__in=Tag.objects.all())}, "E107", "'pk__in' is compared with an expression"),
        ({"scope": Q(models.Exists(Tag.objects.all()))}, "E107", "a scope is made of plain lookups"),
        ({"scope": Q(total="much")}, "E107", "a scope that is not understood"),
        ({"scope": Q(pk__in=[])}, "E107", "holds of no object"),
        ({"scope": Q()}, "E107", "holds of no object, or of every one"),
        ({"scope": ~Q(pk__in=[])}, "E107", "holds of no object, or of every one"),
        ({"identity": "uuid"}, "E103", "the identity 'uuid', which is no field"),
        ({"identity": "total"}, "E103", "the identity 'total', which is not unique"),
        ({"identity": "number"}, "E103", "the identity 'number', which may be empty"),
        ({"key": "nummer"}, "E104", "the key 'nummer', which is no field"),
        ({"key": "lines"}, "E104", "the key 'lines', which is no column of the model's own table"),
        ({"key": "note"}, "E104", "the key 'note', whose texts may be longer"),
        ({"kind": "Shop-Order"}, "E102", "is of the kind 'Shop-Order'"),
        ({"kind": "o" * 41}, "E102", f"is of the kind '{'o' * 41}'"),
        ({"references": {"customer": "declared.customer"}}, "E109", "of the kind 'declared.customer' by 'customer'"),
        ({"references": {"buyer": "declared.mistaken"}}, "E109", "refers by 'buyer': declared.Order has no field"),
        ({"version": "2"}, "E112", "has the version '2'"),
        ({"version": 0}, "E112", "has the version 0"),
        ({"targets": ["erp"]}, "W110", "declared.mistaken is for target 'erp', which settings do not name"),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 5 else None,
)
def test_what_cannot_be_declared_is_refused_with_a_hint(
    declared: dict[str, Any], number: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    [(found, message)] = said_of(monkeypatch, of(Order, **declared))
    assert found == number
    assert words in message


def test_a_scope_that_depends_on_the_time_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with model_of(since=models.DateTimeField()) as model:
        [(number, _)] = said_of(monkeypatch, of(model, scope=Q(since__lt=Now())))
    assert number == "E107"


def test_a_generic_relation_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from django.contrib.contenttypes.fields import GenericForeignKey

    with model_of(about=GenericForeignKey("kind", "object_id"), object_id=models.IntegerField()) as model:
        [(number, message)] = said_of(monkeypatch, of(model, watch=("about",)))
    assert (number, "'about' (in 'about') is a generic relation" in message) == ("E105", True)


def test_an_identity_or_key_in_the_parents_table_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    found = said_of(monkeypatch, of(Company, identity="id", key="name"))
    assert [number for number, _ in found] == ["E103", "E104"]


def test_a_text_that_no_record_can_hold_is_refused_as_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    with model_of(code=models.CharField(max_length=200, unique=True)) as model:
        [(number, message)] = said_of(monkeypatch, of(model, identity="code"))
    assert (number, "may be longer than 128 characters" in message) == ("E103", True)


def test_a_table_that_a_router_sends_elsewhere_is_refused(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.DATABASE_ROUTERS = [CustomersElsewhere()]
    declarations = of(Order, watch=("customer__name",)), of(Product, kind="declared.product")
    [(number, message)] = said_of(monkeypatch, *declarations)
    assert (number, "needs declared.Customer, which is written to the database 'crm'" in message) == ("E108", True)


class CustomersElsewhere:
    def db_for_write(self, model: Any, **_hints: Any) -> str | None:
        return "crm" if model is Customer else None


def test_a_declaration_without_a_model_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = type("Nothing", (Synced,), {"kind": "nothing"})
    [(number, message)] = said_of(monkeypatch, nothing)
    assert (number, message.endswith("Nothing names no model")) == ("E101", True)


def test_a_mistake_keeps_a_worker_from_starting_but_not_the_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_declared", {"declared.mistaken": of(Order, watch=("totl",))()})
    signals.connect()
    with pytest.raises(ImproperlyConfigured, match="has no field 'totl'"):
        checks.require_sound()


@pytest.mark.django_db
def test_a_view_is_refused_and_an_unmanaged_table_is_not(tables: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE VIEW passing_view AS SELECT id FROM declared_product")
    meta = {"managed": False, "db_table": "passing_view"}
    with model_of(meta=meta) as view:
        monkeypatch.setattr(registry, "_declared", {"declared.mistaken": of(view)()})
        [problem] = of_declarations.tables_carry_triggers(databases=["default"])
    assert (problem.id, problem.msg) == (
        "thirdparty.E111", "passing_view is watched, and is a view: writes to it would not be seen",
    )  # fmt: skip
    with model_of(meta={"managed": False, "db_table": "declared_tag"}) as table:
        monkeypatch.setattr(registry, "_declared", {"declared.mistaken": of(table)()})
        assert of_declarations.tables_carry_triggers(databases=["default"]) == []

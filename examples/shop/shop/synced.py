"""What the ERP is to hold of the shop."""

from typing import Any

from django.db.models import Q
from thirdparty import Synced, register

from shop import models


@register
class Customer(Synced[models.Customer]):
    targets = ("erp",)
    watch = ("name", "email", "phone")

    def payload(self, customer: models.Customer, target: Any) -> dict[str, Any]:
        return {"name": customer.name, "email": customer.email, "phone": customer.phone}


@register
class PaidOrder(Synced[models.Order]):
    targets = ("erp",)
    watch = ("total", "customer", "lines__quantity", "lines__product__sku")
    scope = Q(status=models.Order.Status.PAID)
    key = "number"
    references = {"customer": Customer}

    def payload(self, order: models.Order, target: Any) -> dict[str, Any]:
        return {
            "total": str(order.total),
            "customer": target.remote_id(order.customer),
            "lines": sorted([line.product.sku, line.quantity] for line in order.lines.all()),
        }

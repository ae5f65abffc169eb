"""What the ERP is to hold of the shop."""

from typing import Any

from thirdparty import Synced, register

from shop import models


@register
class Customer(Synced[models.Customer]):
    targets = ("erp",)
    watch = ("name", "email", "phone")

    def payload(self, customer: models.Customer, target: Any) -> dict[str, Any]:
        return {"name": customer.name, "email": customer.email, "phone": customer.phone}

"""The example project under attack: its ERP with faults that are aimed, its processes, its judge, and a minute of chaos."""

TARGET = "erp"


def bare(external_id: str) -> str:
    """An external id without the code of the database that it begins with: ``shop.order.17``."""
    return external_id.partition(".")[2]

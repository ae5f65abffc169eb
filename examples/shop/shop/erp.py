"""How the ERP is spoken to."""

from thirdparty import Capabilities, Listing, RestConnector


class Erp(RestConnector):
    collection = {"shop.customer": "/customers", "shop.order": "/orders"}
    key_field = {"shop.customer": "", "shop.order": "number"}
    listing = Listing(items_field="results", next_field="next", cursor_parameter="after")
    capabilities = Capabilities(query=True, list=True, idempotency=True)

"""How the ERP is spoken to."""

from thirdparty import Capabilities, Listing, RestConnector


class Erp(RestConnector):
    collection = {"shop.customer": "/customers"}
    key_field = {"shop.customer": ""}
    listing = Listing(items_field="results", next_field="next", cursor_parameter="after")
    capabilities = Capabilities(query=True, list=True, idempotency=True)

"""The ERP that the shop's accountants use: a plain REST server of its own, which knows nothing of the shop."""

"""The HTTP API over records, targets and the whole; health and metrics. It knows no application (docs/api.md)."""

"""The HTTP API, its OpenAPI pages, health and metrics."""

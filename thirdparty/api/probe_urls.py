"""Addresses for orchestrators and scrapers; a project includes them at its root. They are open to all."""

from __future__ import annotations

from django.urls import path

from thirdparty.api import health
from thirdparty.api.metrics import metrics

urlpatterns = [
    path("health/live/", health.live),
    path("health/ready/", health.ready),
    path("metrics", metrics),
]

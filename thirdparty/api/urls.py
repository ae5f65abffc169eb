"""Addresses of the API over records; a project includes them under one of its own, as ``api/v1/``."""

from __future__ import annotations

from django.urls import path

from thirdparty.api.views import StatusView

urlpatterns = [
    path("sync/status/", StatusView.as_view(), name="sync-status"),
]

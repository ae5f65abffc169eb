"""The admin, and the API of the engine without that of any application."""

from django.contrib import admin
from django.urls import include, path

import thirdparty.admin  # noqa: F401  # `users` has its pages in unfold's dress, so nothing is found by itself here

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/v1/", include("thirdparty.api.urls")),
    path("", include("thirdparty.api.probe_urls")),
]

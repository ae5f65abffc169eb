"""Addresses under ``/api/``."""

from __future__ import annotations

from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView
from rest_framework.routers import SimpleRouter

from users.api.problems import no_such_page
from users.api.views import UserViewSet

router = SimpleRouter()
router.register("users", UserViewSet, basename="user")

app_name = "api"
urlpatterns = [
    path("v1/", include(router.urls)),
    path("v1/", include("thirdparty.api.urls")),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/", SpectacularSwaggerView.as_view(url_name="api:schema"), name="docs"),
    re_path("", no_such_page),
]

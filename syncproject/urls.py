"""Where everything is."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("api/", include("users.api.urls")),
    path("", include("thirdparty.api.probe_urls")),
]
handler400 = "users.api.problems.bad_request"
handler403 = "users.api.problems.forbidden"
handler404 = "users.api.problems.not_found"
handler500 = "users.api.problems.server_error"

"""The admin of people, in unfold's dress; one module per kind of page."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from users.admin import (  # noqa: F401  # each registers its pages
    history,
    person,
    role,
    token,
)

admin.site.index_template = "users/admin/dashboard.html"
admin.site.index_title = _("Overview")

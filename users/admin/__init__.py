"""The admin: people and what became of them at each target; one module per kind of page."""

from django.contrib import admin

from users.admin import (  # noqa: F401  # each registers its pages
    attempt,
    history,
    person,
    record,
    role,
    target,
    token,
)

admin.site.index_template = "users/admin/dashboard.html"
admin.site.index_title = "Overview"

"""The admin of records, attempts and targets; one module per kind of page. It knows no application."""

from django.contrib import admin

from thirdparty.admin import alert, attempt, audit, record, target  # noqa: F401  # each registers its pages

# A site with a first page of its own keeps it, and shows the same there by {% sync_status %}.
admin.site.index_template = admin.site.index_template or "thirdparty/admin/index.html"

"""The admin of records, attempts and targets; one module per kind of page. It knows no application."""

from thirdparty.admin import alert, attempt, audit, record, target  # noqa: F401  # each registers its pages

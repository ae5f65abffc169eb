"""Finds objects as the lists of their own models do, so that their records are found by what people call them."""

from __future__ import annotations

from django.contrib.admin import AdminSite
from django.http import HttpRequest

from thirdparty.declaration import declared

MOST = 200


def objects_found(request: HttpRequest, site: AdminSite, term: str) -> dict[str, list[str]]:
    """The ids of the first `MOST` of each kind whose list finds them by ``term``; only of lists that this account may see.

    And of each kind the one that targets know by this external id.
    """
    found: dict[str, list[str]] = {}
    for declaration in declared():
        if (called := declaration.object_id(term.strip())) is not None:
            found[declaration.kind] = [called]
        pages = site._registry.get(declaration.model)
        if pages is None or not pages.search_fields or not pages.has_view_permission(request):
            continue
        rows, _ = pages.get_search_results(request, declaration.rows(), term)
        attname = declaration.identity_field().attname
        ids = [declaration.ref(identity).object_id for identity in rows.values_list(attname, flat=True)[:MOST]]
        if ids:
            found[declaration.kind] = [*found.get(declaration.kind, ()), *ids]
    return found

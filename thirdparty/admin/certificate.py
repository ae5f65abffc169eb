"""The page of a target's certificate."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from thirdparty import permissions, targets
from thirdparty.admin.badge import badge
from thirdparty.audit import certificate
from thirdparty.observe.messages import message_in_words
from thirdparty.permissions import SEE_RECORDS


def page(site: AdminSite, request: HttpRequest, target: str) -> HttpResponse:
    """The certificate for people, or with ``?as=json`` as a document. Raises `Http404`, `NotAllowed`."""
    permissions.require(request.user, *SEE_RECORDS)
    if target not in targets.names():
        raise Http404
    try:
        made = certificate.certificate(target)
    except certificate.CannotCertify as why:
        messages.warning(request, message_in_words(str(why)))
        return redirect("admin:thirdparty_audit_changelist")
    if request.GET.get("as") == "json":
        name = f'attachment; filename="{target}.json"'
        return JsonResponse(made, json_dumps_params={"indent": 2}, headers={"Content-Disposition": name})
    whole = (
        badge(_("equal throughout"), "success") if made["equal_throughout"] else badge(_("with exceptions"), "warning")
    )
    context = {
        **site.each_context(request),
        "title": _("Certificate of %(target)s") % {"target": target},
        "made": made,
        "whole": whole,
    }
    return TemplateResponse(request, "thirdparty/admin/certificate.html", context | {"fresh": _fresh(made)})


def _fresh(made: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Changes and removals, with the share in per cent."""
    measured = (
        (words, made["freshness"][name]) for name, words in (("changes", _("changes")), ("removals", _("removals")))
    )
    return [(words, each | {"percent": 100 * (each["share"] or 0.0)}) for words, each in measured]

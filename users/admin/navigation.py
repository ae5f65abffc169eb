"""The admin's side bar."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from thirdparty.permissions import SEE_RECORDS, SEE_TARGETS
from users import permissions
from users.permissions import SEE_PEOPLE, Right


def sections(request: HttpRequest) -> list[dict[str, Any]]:
    """What this account may see, grouped by what one comes for."""
    people = reverse("admin:users_user_changelist")
    records, causes = reverse("admin:thirdparty_record_changelist"), reverse("admin:thirdparty_record_causes")
    of_operators = request.path.startswith(people) and request.GET.get("kind") == "operators"
    return [
        {"items": [{"title": _("Overview"), "icon": "monitoring", "link": reverse("admin:index")}]},
        {
            "title": _("People"),
            "items": [
                _item(request, _("People"), "group", people, *SEE_PEOPLE)
                | {"active": lambda request: request.path.startswith(people) and not of_operators},
                _item(request, _("Groups"), "badge", reverse("admin:auth_group_changelist"), "auth.view_group"),
                _item(
                    request,
                    _("Roles at targets"),
                    "swap_horiz",
                    reverse("admin:users_rolemapping_changelist"),
                    "users.view_rolemapping",
                ),
            ],
        },
        {
            "title": _("Synchronisation"),
            "items": [
                _item(request, _("Records"), "sync", records, *SEE_RECORDS)
                | {"active": lambda request: request.path.startswith(records) and not request.path.startswith(causes)},
                _item(request, _("Causes"), "rule", causes, *SEE_RECORDS),
                _item(
                    request,
                    _("Attempts"),
                    "history",
                    reverse("admin:thirdparty_attempt_changelist"),
                    *SEE_RECORDS,
                ),
                _item(
                    request,
                    _("Audits"),
                    "fact_check",
                    reverse("admin:thirdparty_audit_changelist"),
                    *SEE_RECORDS,
                ),
                _item(
                    request,
                    _("Findings"),
                    "troubleshoot",
                    reverse("admin:thirdparty_finding_changelist"),
                    *SEE_RECORDS,
                ),
                _item(
                    request,
                    _("Alerts"),
                    "notifications",
                    reverse("admin:thirdparty_alert_changelist"),
                    *SEE_RECORDS,
                ),
                _item(
                    request,
                    _("Targets"),
                    "dns",
                    reverse("admin:thirdparty_target_changelist"),
                    *SEE_TARGETS,
                ),
                *_flower(request),
            ],
        },
        {
            "title": _("Access"),
            "items": [
                _item(request, _("Operators"), "shield_person", f"{people}?kind=operators", *SEE_PEOPLE)
                | {"active": lambda _request: of_operators},
                _item(
                    request,
                    _("History"),
                    "manage_history",
                    reverse("admin:admin_logentry_changelist"),
                    "admin.view_logentry",
                ),
                _item(
                    request,
                    _("API tokens"),
                    "key",
                    reverse("admin:authtoken_tokenproxy_changelist"),
                    Right.ISSUE_TOKENS,
                ),
            ],
        },
    ]


def _flower(request: HttpRequest) -> list[dict[str, Any]]:
    """What workers do with which message: where the deployment says that Flower is."""
    address = settings.FLOWER_URL
    return [_item(request, "Flower", "local_florist", address, *SEE_TARGETS)] if address else []


def _item(request: HttpRequest, title: str, icon: str, link: str, *any_of: str) -> dict[str, Any]:
    return {
        "title": title,
        "icon": icon,
        "link": link,
        "permission": lambda request: permissions.holds(request.user, *any_of),
    }

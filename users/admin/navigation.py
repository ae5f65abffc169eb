"""The admin's side bar."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _


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
                _item(request, _("People"), "group", "users.view_user", people)
                | {"active": lambda request: request.path.startswith(people) and not of_operators},
                _item(request, _("Groups"), "badge", "auth.view_group", reverse("admin:auth_group_changelist")),
                _item(
                    request,
                    _("Roles at targets"),
                    "swap_horiz",
                    "users.view_rolemapping",
                    reverse("admin:users_rolemapping_changelist"),
                ),
            ],
        },
        {
            "title": _("Synchronisation"),
            "items": [
                _item(request, _("Records"), "sync", "thirdparty.view_record", records)
                | {"active": lambda request: request.path.startswith(records) and not request.path.startswith(causes)},
                _item(request, _("Causes"), "rule", "thirdparty.view_record", causes),
                _item(
                    request,
                    _("Attempts"),
                    "history",
                    "thirdparty.view_attempt",
                    reverse("admin:thirdparty_attempt_changelist"),
                ),
                _item(
                    request,
                    _("Audits"),
                    "fact_check",
                    "thirdparty.view_record",
                    reverse("admin:thirdparty_audit_changelist"),
                ),
                _item(
                    request,
                    _("Findings"),
                    "troubleshoot",
                    "thirdparty.view_record",
                    reverse("admin:thirdparty_finding_changelist"),
                ),
                _item(
                    request,
                    _("Alerts"),
                    "notifications",
                    "thirdparty.view_record",
                    reverse("admin:thirdparty_alert_changelist"),
                ),
                _item(
                    request,
                    _("Targets"),
                    "dns",
                    "thirdparty.view_target",
                    reverse("admin:thirdparty_target_changelist"),
                ),
            ],
        },
        {
            "title": _("Access"),
            "items": [
                _item(request, _("Operators"), "shield_person", "users.view_user", f"{people}?kind=operators")
                | {"active": lambda _request: of_operators},
                _item(
                    request,
                    _("History"),
                    "manage_history",
                    "admin.view_logentry",
                    reverse("admin:admin_logentry_changelist"),
                ),
                _item(
                    request,
                    _("API tokens"),
                    "key",
                    "authtoken.view_tokenproxy",
                    reverse("admin:authtoken_tokenproxy_changelist"),
                ),
            ],
        },
    ]


def _item(request: HttpRequest, title: str, icon: str, permission: str, link: str) -> dict[str, Any]:
    return {
        "title": title,
        "icon": icon,
        "link": link,
        "permission": lambda request: request.user.has_perm(permission),
    }

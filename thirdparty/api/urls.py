"""Addresses of the API over records; a project includes them under one of its own, as ``api/v1/``."""

from __future__ import annotations

from django.urls import path

from thirdparty.api.audits import AuditListView, AuditView, FindingListView
from thirdparty.api.pauses import PauseView, ResumeView
from thirdparty.api.views import BrakeView, DecisionView, RecordListView, RecordView, StatusView

_RECORD = "sync/records/<str:target>/<str:kind>/<path:object_id>/"

urlpatterns = [
    path("sync/status/", StatusView.as_view(), name="sync-status"),
    path("sync/targets/<str:target>/brake/", BrakeView.as_view(), name="sync-brake"),
    path("sync/targets/<str:target>/pause/", PauseView.as_view(), name="sync-pause"),
    path("sync/targets/<str:target>/resume/", ResumeView.as_view(), name="sync-resume"),
    path("sync/records/", RecordListView.as_view(), name="sync-records"),
    path("sync/audits/", AuditListView.as_view(), name="sync-audits"),
    path("sync/audits/<int:audit_id>/", AuditView.as_view(), name="sync-audit"),
    path("sync/audits/<int:audit_id>/findings/", FindingListView.as_view(), name="sync-findings"),
    path(f"{_RECORD}decisions/", DecisionView.as_view(), name="sync-decisions"),
    path(_RECORD, RecordView.as_view(), name="sync-record"),
]

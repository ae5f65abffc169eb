"""The endpoints of audits and of what they found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django.db import transaction
from django.http import Http404
from django.utils.decorators import method_decorator
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.status import HTTP_202_ACCEPTED

from thirdparty import targets
from thirdparty.api.fields import Closed
from thirdparty.api.pagination import NewestFirst
from thirdparty.api.shapes.explanations import FindingSerializer
from thirdparty.api.shapes.queries import OfTargetAndKind, one_of
from thirdparty.api.view import SyncView
from thirdparty.audit import report, runner
from thirdparty.decide.sample import LEAST_PERCENT, WHOLE_PERCENT
from thirdparty.decisions import audits
from thirdparty.models import Audit
from thirdparty.models.audit import Phase, Verdict
from thirdparty.permissions import SEE_RECORDS, Right

_LARGEST_ID = 2**63 - 1


class AuditSerializer(serializers.Serializer[Any]):
    """One comparison of all records of one kind, or of a sample, with what their target holds."""

    id = serializers.IntegerField()
    target = serializers.CharField()
    kind = serializers.CharField(help_text="of the objects: their declaration's")
    percent = serializers.FloatField(help_text="so many of the records are looked at; 100 for all")
    lists = serializers.BooleanField(help_text="by the target's listing; else each record is looked up")
    looks_up = serializers.BooleanField(help_text="the target can be asked about one record")
    mends = serializers.BooleanField(help_text="what is missing or differs is owed again")
    by = serializers.CharField(allow_blank=True, help_text="who wanted it; empty for the schedule")
    started_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    failure = serializers.CharField(allow_blank=True, help_text="why it could not be finished")
    phase = serializers.ChoiceField(Phase.choices)
    counts = serializers.DictField(child=serializers.IntegerField(), help_text="records by verdict, once it has ended")
    calls = serializers.IntegerField(help_text="made so far")


class AuditPageSerializer(serializers.Serializer[Any]):
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = AuditSerializer(many=True)


class FindingPageSerializer(serializers.Serializer[Any]):
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = FindingSerializer(many=True)


class FindingQuery(serializers.Serializer[Any]):
    """What the findings can be narrowed to."""

    verdict = serializers.ChoiceField(Verdict.choices, required=False, help_text="Findings of this verdict.")


class NewAuditSerializer(Closed):
    """An audit to begin."""

    target = serializers.CharField()
    kind = serializers.CharField(required=False, help_text="only objects of this kind")
    percent = serializers.FloatField(
        default=WHOLE_PERCENT,
        min_value=LEAST_PERCENT,
        max_value=WHOLE_PERCENT,
        help_text="look at so many of the records, always the same ones; what is there beside them is not found then",
    )
    mends = serializers.BooleanField(default=False, help_text="have what is missing or differs owed again")

    def validate_target(self, target: str) -> str:
        """Raises `ValidationError` for one that the settings do not name."""
        return one_of(target, targets.names())

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Raises `ValidationError` for a kind that the target does not hold."""
        known = runner.kinds(attrs["target"])
        if "kind" in attrs and attrs["kind"] not in known:
            raise serializers.ValidationError({"kind": [f"Use one of: {', '.join(known)}."]})
        return attrs


@method_decorator(transaction.non_atomic_requests, name="dispatch")
class AuditListView(SyncView):
    takes: ClassVar[Mapping[str, Sequence[str]]] = {"GET": SEE_RECORDS, "POST": (Right.DECIDE,)}
    asks: ClassVar[Mapping[str, Sequence[str]]] = {
        "GET": ("target", "kind", NewestFirst.cursor_query_param, NewestFirst.page_size_query_param)
    }

    @extend_schema(
        summary="Audits, the newest first",
        operation_id="sync_audits_list",
        parameters=[OfTargetAndKind, *NewestFirst.parameters()],
        responses=AuditPageSerializer,
    )
    def get(self, request: Request) -> Response:
        query = OfTargetAndKind(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        pages = NewestFirst()
        page = pages.paginate_queryset(Audit.objects.filter(**query.validated_data), request, view=self)
        return pages.get_paginated_response(_shown(page or []))

    @extend_schema(
        summary="Begin an audit",
        description="Of each kind that the target holds, or of one. One that is under way makes way, a sample only for a "
        "sample. Workers go on with it.",
        request=NewAuditSerializer,
        responses={HTTP_202_ACCEPTED: AuditSerializer(many=True)},
    )
    def post(self, request: Request) -> Response:
        form = NewAuditSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        given = form.validated_data
        kinds = [given["kind"]] if "kind" in given else runner.kinds(given["target"])
        try:
            begun = audits.begin(
                given["target"], kinds, mends=given["mends"], percent=given["percent"], by=request.user
            )
        except runner.CannotAudit as why:
            raise serializers.ValidationError({"target": [str(why)]}) from None
        return Response(_shown(begun), status=HTTP_202_ACCEPTED)


class AuditView(SyncView):
    takes: ClassVar[Mapping[str, Sequence[str]]] = {"GET": SEE_RECORDS}

    @extend_schema(summary="One audit", responses=AuditSerializer)
    def get(self, request: Request, audit_id: int) -> Response:
        return Response(_shown([audit_of(audit_id)])[0])


class FindingListView(SyncView):
    takes: ClassVar[Mapping[str, Sequence[str]]] = {"GET": SEE_RECORDS}
    asks: ClassVar[Mapping[str, Sequence[str]]] = {
        "GET": ("verdict", NewestFirst.cursor_query_param, NewestFirst.page_size_query_param)
    }

    @extend_schema(
        summary="What an audit found",
        operation_id="sync_audits_findings_list",
        parameters=[FindingQuery, *NewestFirst.parameters()],
        responses=FindingPageSerializer,
    )
    def get(self, request: Request, audit_id: int) -> Response:
        query = FindingQuery(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        found = audit_of(audit_id).findings.filter(confirmed_at__isnull=False, **query.validated_data)
        pages = NewestFirst()
        page = pages.paginate_queryset(found, request, view=self)
        return pages.get_paginated_response(FindingSerializer(page, many=True).data)


def audit_of(audit_id: int) -> Audit:
    """The audit of this number. Raises `Http404`."""
    found = Audit.objects.filter(pk=audit_id).first() if audit_id <= _LARGEST_ID else None
    if found is None:
        raise Http404
    return found


def _shown(some: Sequence[Audit]) -> list[dict[str, Any]]:
    return [dict(AuditSerializer(report.as_json(audit, findings=False)).data) for audit in some]

"""The endpoints of the whole and of records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django.db import transaction
from django.db.models import Q
from django.http import Http404
from django.utils.decorators import method_decorator
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.status import HTTP_202_ACCEPTED

from thirdparty.api.pagination import ByKey
from thirdparty.api.shapes.brake_plans import BrakeDecisionSerializer, BrakePlanSerializer
from thirdparty.api.shapes.explanations import ExplainOptions, ExplanationSerializer
from thirdparty.api.shapes.queries import RecordQuery
from thirdparty.api.shapes.records import DecisionSerializer, RecordLineSerializer, RecordPageSerializer
from thirdparty.api.shapes.statuses import StatusSerializer
from thirdparty.api.view import SyncView
from thirdparty.decide.brake import Change
from thirdparty.decisions import brake
from thirdparty.decisions.compensation import Deed, compensate
from thirdparty.decisions.look_now import look_now
from thirdparty.declaration import objects
from thirdparty.models import Record, Target
from thirdparty.observe.explain import explain
from thirdparty.observe.status import status
from thirdparty.permissions import SEE_RECORDS, Right
from thirdparty.store.leased import in_state


class StatusView(SyncView):
    takes: ClassVar[Mapping[str, Sequence[str]]] = {"GET": SEE_RECORDS}

    @extend_schema(summary="How the whole stands", responses=StatusSerializer)
    def get(self, request: Request) -> Response:
        return Response(StatusSerializer(status().as_json()).data)


class RecordListView(SyncView):
    takes: ClassVar[Mapping[str, Sequence[str]]] = {"GET": SEE_RECORDS}
    asks: ClassVar[Mapping[str, Sequence[str]]] = {
        "GET": ("target", "kind", "state", ByKey.cursor_query_param, ByKey.page_size_query_param)
    }

    @extend_schema(
        summary="Records, by their keys",
        operation_id="sync_records_list",
        parameters=[RecordQuery, *ByKey.parameters()],
        responses=RecordPageSerializer,
    )
    def get(self, request: Request) -> Response:
        query = RecordQuery(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        conditions = query.validated_data
        state = conditions.pop("state", None)
        records = Record.objects.filter(in_state(state) if state else Q(), **conditions)
        pages = ByKey()
        page = pages.paginate_queryset(records, request, view=self)
        return pages.get_paginated_response(RecordLineSerializer(page, many=True).data)


@method_decorator(transaction.non_atomic_requests, name="dispatch")
class RecordView(SyncView):
    """Never inside a request's transaction (ATOMIC_REQUESTS): a target may be asked."""

    takes: ClassVar[Mapping[str, Sequence[str]]] = {"GET": SEE_RECORDS, "POST": (Right.DECIDE,)}
    asks: ClassVar[Mapping[str, Sequence[str]]] = {"GET": ("ask_target",)}

    @extend_schema(
        summary="Why is this record in sync, or not?",
        description="Also answers for an object that is gone, until the target has followed and some time beyond.",
        parameters=[ExplainOptions],
        responses=ExplanationSerializer,
    )
    def get(self, request: Request, target: str, kind: str, object_id: str) -> Response:
        options = ExplainOptions(data=request.query_params.dict())
        options.is_valid(raise_exception=True)
        return _explained(record(target, kind, object_id), ask_target=options.validated_data["ask_target"])

    @extend_schema(
        summary="Look at this record now",
        description="Due at once, whatever it waited for; parked or not.",
        request=None,
        responses={HTTP_202_ACCEPTED: ExplanationSerializer},
    )
    def post(self, request: Request, target: str, kind: str, object_id: str) -> Response:
        row = record(target, kind, object_id)
        look_now(Record.objects.filter(key=row.key), by=request.user)
        return _explained(row, status=HTTP_202_ACCEPTED)


@method_decorator(transaction.non_atomic_requests, name="dispatch")
class DecisionView(SyncView):
    """Never inside a request's transaction, as `RecordView`."""

    takes: ClassVar[Mapping[str, Sequence[str]]] = {"POST": (Right.DECIDE,)}

    @extend_schema(
        summary="Decide about a record that does not come right by itself",
        description="Who decided what and why is kept in the record's history. 409 says what stands in the way.",
        request=DecisionSerializer,
        responses=ExplanationSerializer,
    )
    def post(self, request: Request, target: str, kind: str, object_id: str) -> Response:
        row = record(target, kind, object_id)
        form = DecisionSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        given = form.validated_data
        compensate(
            row.key,
            Deed(given["deed"]),
            account=request.user,
            seen=given["seen"],
            reason=given["reason"],
            remote_id=given.get("remote_id", "").strip(),
        )
        return _explained(row)


class BrakeView(SyncView):
    takes: ClassVar[Mapping[str, Sequence[str]]] = {"GET": SEE_RECORDS, "POST": (Right.RELEASE,)}

    @extend_schema(
        summary="What the brake of a target holds",
        description="Which records, which change, since when; the first hundred of them, by their keys.",
        responses=BrakePlanSerializer,
    )
    def get(self, request: Request, target: str) -> Response:
        return self._plan(request, target)

    @extend_schema(
        summary="Release what the brake holds, or reject it",
        description="Who decided what and why is kept. 409 where nothing of that is held.",
        request=BrakeDecisionSerializer,
        responses=BrakePlanSerializer,
    )
    def post(self, request: Request, target: str) -> Response:
        known_target(target)
        form = BrakeDecisionSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        given = form.validated_data
        change = Change(given["change"]) if "change" in given else None
        selection = brake.Selection(tuple(given.get("keys", ())), change, given.get("as_of"))
        decide = brake.release if given["decision"] == "release" else brake.reject
        decide(target, by=request.user, reason=given["reason"], selection=selection)
        return self._plan(request, target)

    def _plan(self, request: Request, target: str) -> Response:
        return Response(BrakePlanSerializer(brake.plan(known_target(target), by=request.user).as_json()).data)


def known_target(name: str) -> str:
    """The name of a target that there is. Raises `Http404`."""
    if "\0" in name or not Target.objects.filter(name=name).exists():
        raise Http404
    return name


def record(target: str, kind: str, object_id: str) -> Record:
    """The record of an address. Raises `Http404`."""
    try:
        ref = objects.ref_of(kind, object_id)
    except objects.NoSuchObject:
        raise Http404 from None
    row = None if "\0" in target + object_id else Record.objects.filter(key=ref.key(target)).first()
    if row is None:
        raise Http404
    return row


def _explained(row: Record, *, ask_target: bool = False, **options: Any) -> Response:
    explanations = explain(row.ref, target=row.target, ask_target=ask_target)
    if not explanations:
        raise Http404  # it went in this instant
    return Response(ExplanationSerializer(explanations[0].as_json()).data, **options)

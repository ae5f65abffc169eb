"""The endpoints of the whole and of records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from thirdparty.api.serializers import StatusSerializer
from thirdparty.api.view import SyncView
from thirdparty.observe.status import status
from thirdparty.permissions import SEE_RECORDS


class StatusView(SyncView):
    takes: ClassVar[Mapping[str, Sequence[str]]] = {"GET": SEE_RECORDS}

    @extend_schema(summary="How the whole stands", responses=StatusSerializer)
    def get(self, request: Request) -> Response:
        return Response(StatusSerializer(status().as_json()).data)

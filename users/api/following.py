"""How the targets follow one user. What is said is in `thirdparty.observe.explain`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.status import HTTP_202_ACCEPTED
from rest_framework.viewsets import GenericViewSet

from thirdparty.api.shapes.explanations import ExplainOptions, ExplanationSerializer
from thirdparty.decisions.look_now import look_now
from thirdparty.models import Record
from thirdparty.observe.explain import Explanation, explain
from users import services
from users.models import User
from users.synced import person


class Followed(GenericViewSet[User]):
    @extend_schema(
        summary="Why is this user in sync, or not? For each target",
        description="Also answers for a user who was deleted, until every target has followed and some time beyond.",
        parameters=[ExplainOptions],
        responses=ExplanationSerializer(many=True),
        filters=False,
    )
    @action(detail=True, pagination_class=None, filter_backends=[])
    def sync(self, request: Request, uuid: str) -> Response:
        options = ExplainOptions(data=request.query_params.dict())
        options.is_valid(raise_exception=True)
        explanations = explain(person(UUID(uuid)), ask_target=options.validated_data["ask_target"])
        return _explained(_known(uuid, explanations))

    @extend_schema(
        summary="Look at this user's records now",
        description="Due at once, whatever they waited for; parked ones, too.",
        request=None,
        responses={HTTP_202_ACCEPTED: ExplanationSerializer(many=True)},
    )
    @sync.mapping.post
    def look_now(self, request: Request, uuid: str) -> Response:
        look_now(Record.objects.of(person(UUID(uuid))), by=request.user)
        return _explained(_known(uuid, explain(person(UUID(uuid)))), status=HTTP_202_ACCEPTED)


def _known(uuid: str, explanations: list[Explanation]) -> list[Explanation]:
    """Raises `Http404` where there is neither a record nor a user, who may have none yet."""
    if not explanations and not services.people().filter(uuid=uuid).exists():
        raise Http404
    return explanations


def _explained(explanations: list[Explanation], **options: Any) -> Response:
    return Response(ExplanationSerializer([item.as_json() for item in explanations], many=True).data, **options)

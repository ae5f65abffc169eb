"""Many users in one request."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.status import HTTP_200_OK, HTTP_201_CREATED
from rest_framework.viewsets import GenericViewSet

from thirdparty import audit_log
from thirdparty.api.problems import by_field
from users import bulk, services
from users.api import idempotency, preferences
from users.api.serializers import BulkResultSerializer, BulkSerializer, UserSerializer
from users.models import User


class AddsMany(GenericViewSet[User]):
    @extend_schema(
        summary="Add up to 1,000 users",
        description="One transaction. With `atomic` (the default) a single user that is refused keeps all of them out "
        "(400, with the fields at fault as `users.3.phone`); without it, each item says what became of it: "
        "201 if all were added, else 200.",
        request=BulkSerializer,
        parameters=idempotency.PARAMETERS,
        responses={HTTP_201_CREATED: BulkResultSerializer, HTTP_200_OK: BulkResultSerializer},
        filters=False,
    )
    @action(detail=False, methods=["post"], pagination_class=None, filter_backends=[])
    def bulk(self, request: Request) -> Response:
        preferences.require_no_strict(request)
        form = BulkSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        return idempotency.once(request, lambda receipt: self._bulk(request, receipt, **form.validated_data))

    def _bulk(self, request: Request, receipt: idempotency.Receipt, *, atomic: bool, users: list[Any]) -> Response:
        answers: list[Response] = []

        def kept(items: list[bulk.Item]) -> None:
            added = [item.user for item in items if item.user is not None]
            for user in added:
                audit_log.record(request.user, user, audit_log.ADDITION, [{"added": {}}])
            shown = iter(self.get_serializer(added, many=True).data)
            results = [
                {"index": index, "status": HTTP_201_CREATED, "user": next(shown)}
                if item.user is not None
                else {"index": index, "status": 400, "errors": by_field(item.errors)}
                for index, item in enumerate(items)
            ]
            body = {"created": len(added), "rejected": len(items) - len(added), "results": results}
            answers.append(Response(body, status=HTTP_200_OK if body["rejected"] else HTTP_201_CREATED))
            receipt.keep(answers[0])

        try:
            bulk.create(users, checked=_checked, atomic=atomic, kept=kept, by=request.user)
        except bulk.Refused as refused:
            errors = {str(index): by_field(fields) for index, fields in refused.errors.items()}
            raise serializers.ValidationError({"users": errors}) from None
        return answers[0]


def _checked(item: Any) -> services.PersonValues:
    form = UserSerializer(data=item)
    if not form.is_valid():
        raise bulk.NotValid(form.errors)
    values: services.PersonValues = form.validated_data
    return values

"""The endpoints for users and their records. What they do is in `users.consistency` and `thirdparty.observe.explain`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404
from django.urls import reverse
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.status import HTTP_200_OK, HTTP_201_CREATED, HTTP_202_ACCEPTED, HTTP_204_NO_CONTENT
from rest_framework.viewsets import ModelViewSet

from thirdparty import audit_log
from thirdparty.api import parameters
from thirdparty.api.pagination import NewestFirst
from thirdparty.api.problems import by_field
from thirdparty.api.shapes.explanations import ExplainOptions, ExplanationSerializer
from thirdparty.api.shapes.records import RecordSerializer
from thirdparty.decisions.look_now import look_now
from thirdparty.models import Record
from thirdparty.observe.explain import Explanation, explain
from thirdparty.permissions import SEE_RECORDS
from thirdparty.permissions import Right as RecordRight
from users import bulk, consistency, services
from users.api import idempotency, preconditions, preferences
from users.api.filters import UserFilter
from users.api.serializers import (
    BulkResultSerializer,
    BulkSerializer,
    FollowingSerializer,
    UserSerializer,
)
from users.consistency import Mode
from users.models import User
from users.permissions import SEE_PEOPLE, Right
from users.synced import person

_WAITS = "With `Prefer: wait=N`, 202 says that some target has not followed within the time; the change is saved."
logger = logging.getLogger(__name__)

_CHANGE = [*preferences.PARAMETERS, *preconditions.PARAMETERS]
_PLACED = OpenApiParameter(
    "Location", str, OpenApiParameter.HEADER, description="Where the new user is, as a path.", response=[201, 202]
)
_CHANGED = {HTTP_200_OK: UserSerializer, HTTP_202_ACCEPTED: UserSerializer}


@extend_schema_view(
    list=extend_schema(summary="All users, newest first"),
    retrieve=extend_schema(summary="One user", parameters=[preconditions.TAGGED]),
)
class UserViewSet(ModelViewSet[User]):
    takes: ClassVar[Mapping[str, Sequence[str]]] = {
        "list": SEE_PEOPLE,
        "retrieve": SEE_PEOPLE,
        "create": (Right.ADD,),
        "bulk": (Right.ADD,),
        "update": (Right.CHANGE,),
        "partial_update": (Right.CHANGE,),
        "destroy": (Right.DELETE,),
        "sync": SEE_RECORDS,
        "look_now": (RecordRight.DECIDE,),
    }
    asks: ClassVar[Mapping[str, Sequence[str]]] = {
        "list": (*UserFilter.base_filters, NewestFirst.cursor_query_param, NewestFirst.page_size_query_param),
        "create": ("consistency",),
        "bulk": ("consistency",),
        "update": ("consistency",),
        "partial_update": ("consistency",),
        "destroy": ("consistency",),
        "sync": ("ask_target",),
    }
    serializer_class = UserSerializer
    filterset_class = UserFilter
    pagination_class = NewestFirst
    lookup_field = "uuid"
    lookup_value_regex = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"

    @classmethod
    def as_view(cls, *args: Any, **kwargs: Any) -> Any:
        """Never inside a request's transaction (ATOMIC_REQUESTS): a write that waits has its own."""
        return transaction.non_atomic_requests(super().as_view(*args, **kwargs))

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if self.action in self.takes:
            parameters.require_known(request, self.asks.get(self.action, ()))

    def get_queryset(self) -> QuerySet[User]:
        return services.people().prefetch_related("groups")

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        user = self.get_object()
        return Response(self.get_serializer(user).data, headers=preconditions.etag(user))

    @extend_schema(
        summary="Add a user",
        description=f"Every target follows by itself; the save does not wait. {_WAITS}",
        parameters=[*preferences.PARAMETERS, *idempotency.PARAMETERS, _PLACED, preconditions.TAGGED],
        responses={HTTP_201_CREATED: UserSerializer, HTTP_202_ACCEPTED: UserSerializer},
    )
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        choice = preferences.choice(request)
        form = self.get_serializer(data=request.data)
        form.is_valid(raise_exception=True)

        def write(receipt: idempotency.Receipt) -> Response:
            saved: list[Response] = []

            def kept(user: User | None) -> None:
                assert user is not None  # noqa: S101  # for the type checker: a create has a user
                audit_log.record(request.user, user, audit_log.ADDITION, [{"added": {}}])
                saved.append(self._answer(user, HTTP_201_CREATED, choice, at_commit=True))
                receipt.keep(saved[0])

            written = consistency.create(form.validated_data, consistency=choice, kept=kept, by=request.user)

            def by_now() -> Response:
                answer = self._answer(written.user, HTTP_201_CREATED, choice, level=written.level)
                receipt.correct(answer)
                return answer

            return _latest(saved[0], by_now, choice)

        return idempotency.once(request, write)

    @extend_schema(
        summary="Replace a user",
        description=f"What is not given gets the value that a new user has; only the username stays. {_WAITS}",
        parameters=[*_CHANGE, preconditions.TAGGED],
        request=UserSerializer,
        responses=_CHANGED,
    )
    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        choice = preferences.choice(request)
        partial = kwargs.get("partial", False)
        form = self.get_serializer(self.get_object(), data=request.data, partial=partial)
        form.is_valid(raise_exception=True)
        changes = form.validated_data if partial else services.replacement(form.validated_data)
        saved: list[Response] = []

        def kept(user: User | None) -> None:
            assert user is not None  # noqa: S101  # for the type checker: a change has a user
            audit_log.record(request.user, user, audit_log.CHANGE, [{"changed": {"fields": sorted(changes)}}])
            saved.append(self._answer(user, HTTP_200_OK, choice, at_commit=True))

        written = consistency.update(
            UUID(kwargs["uuid"]),
            changes,
            seen=preconditions.seen(request),
            consistency=choice,
            kept=kept,
            by=request.user,
        )
        return _latest(saved[0], lambda: self._answer(written.user, HTTP_200_OK, choice, level=written.level), choice)

    @extend_schema(
        summary="Change some fields of a user",
        description=_WAITS,
        parameters=[*_CHANGE, preconditions.TAGGED],
        responses=_CHANGED,
    )
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.update(request, *args, partial=True, **kwargs)

    @extend_schema(
        summary="Delete a user",
        description=f"The explanation stays until every target has followed. {_WAITS} A strict delete that one "
        "target has done and another refuses cannot be taken back: the record is added anew, under a new remote id.",
        parameters=_CHANGE,
        responses={HTTP_204_NO_CONTENT: None, HTTP_202_ACCEPTED: FollowingSerializer},
    )
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        choice = preferences.choice(request)
        user = self.get_object()
        saved: list[Response] = []

        def kept(_: User | None) -> None:
            audit_log.record(request.user, user, audit_log.DELETION, "Deleted through the API.")
            saved.append(_deleted(user.uuid, choice, level=choice.mode is not Mode.WAIT))

        written = consistency.delete(
            user.uuid, seen=preconditions.seen(request), consistency=choice, kept=kept, by=request.user
        )
        return _latest(saved[0], lambda: _deleted(user.uuid, choice, level=written.level), choice)

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

    def _answer(
        self,
        user: User | None,
        code: int,
        choice: consistency.Consistency,
        *,
        level: bool = True,
        at_commit: bool = False,
    ) -> Response:
        """``code``, or 202 where the caller waits and somebody is behind, as all are ``at_commit``."""
        assert user is not None  # noqa: S101  # for the type checker: only a delete leaves none
        headers = preconditions.etag(user) | preferences.applied(choice)
        if code == HTTP_201_CREATED:
            headers["Location"] = reverse("api:user-detail", args=[user.uuid])
        behind = not level or (at_commit and choice.mode is Mode.WAIT)
        body = self.get_serializer(user).data
        return Response(body, status=HTTP_202_ACCEPTED if behind else code, headers=headers)

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
        return _explained(self._known(uuid, explanations))

    @extend_schema(
        summary="Look at this user's records now",
        description="Due at once, whatever they waited for; parked ones, too.",
        request=None,
        responses={HTTP_202_ACCEPTED: ExplanationSerializer(many=True)},
    )
    @sync.mapping.post
    def look_now(self, request: Request, uuid: str) -> Response:
        look_now(Record.objects.of(person(UUID(uuid))), by=request.user)
        return _explained(self._known(uuid, explain(person(UUID(uuid)))), status=HTTP_202_ACCEPTED)

    def _known(self, uuid: str, explanations: list[Explanation]) -> list[Explanation]:
        """Raises `Http404` where there is neither a record nor a user, who may have none yet."""
        if not explanations and not services.people().filter(uuid=uuid).exists():
            raise Http404
        return explanations


def _checked(item: Any) -> services.PersonValues:
    form = UserSerializer(data=item)
    if not form.is_valid():
        raise bulk.NotValid(form.errors)
    values: services.PersonValues = form.validated_data
    return values


def _explained(explanations: list[Explanation], **options: Any) -> Response:
    return Response(ExplanationSerializer([item.as_json() for item in explanations], many=True).data, **options)


def _deleted(user_uuid: UUID, choice: consistency.Consistency, *, level: bool) -> Response:
    headers = preferences.applied(choice)
    if level:
        return Response(status=HTTP_204_NO_CONTENT, headers=headers)
    records = Record.objects.of(person(user_uuid)).order_by("target")
    body = {"uuid": str(user_uuid), "sync": RecordSerializer(records, many=True).data}
    return Response(body, status=HTTP_202_ACCEPTED, headers=headers)


def _latest(saved: Response, by_now: Callable[[], Response], choice: consistency.Consistency) -> Response:
    """``saved``, which was made in the transaction of the write; to who waited, as things stand ``by_now``.

    What is saved is never answered with an error: nobody could know then that it is.
    """
    if choice.mode is not Mode.WAIT:
        return saved
    try:
        return by_now()
    except Exception:
        logger.exception("the write is saved, but how its targets stand cannot be read")
        return saved

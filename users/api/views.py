"""The endpoints for users and their records. What they do is in `users.consistency` and `thirdparty.observe.explain`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_noop
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.status import HTTP_200_OK, HTTP_201_CREATED, HTTP_202_ACCEPTED, HTTP_204_NO_CONTENT
from rest_framework.viewsets import ModelViewSet

from thirdparty import audit_log
from thirdparty.api import parameters
from thirdparty.api.pagination import NewestFirst
from thirdparty.permissions import SEE_RECORDS
from thirdparty.permissions import Right as RecordRight
from users import consistency, services
from users.api import answers, idempotency, preconditions, preferences
from users.api.filters import UserFilter
from users.api.following import Followed
from users.api.imports import ImportsFile
from users.api.many import AddsMany
from users.api.serializers import FollowingSerializer, UserSerializer
from users.consistency import Consistency, Mode
from users.models import User
from users.permissions import SEE_PEOPLE, Right

_WAITS = "With `Prefer: wait=N`, 202 says that some target has not followed within the time; the change is saved."
_CHANGE = [*preferences.PARAMETERS, *preconditions.PARAMETERS]
_PLACED = OpenApiParameter(
    "Location", str, OpenApiParameter.HEADER, description="Where the new user is, as a path.", response=[201, 202]
)
_CHANGED = {HTTP_200_OK: UserSerializer, HTTP_202_ACCEPTED: UserSerializer}


@extend_schema_view(
    list=extend_schema(summary="All users, newest first"),
    retrieve=extend_schema(summary="One user", parameters=[preconditions.TAGGED]),
)
class UserViewSet(AddsMany, ImportsFile, Followed, ModelViewSet[User]):
    takes: ClassVar[Mapping[str, Sequence[str]]] = {
        "list": SEE_PEOPLE,
        "retrieve": SEE_PEOPLE,
        "create": (Right.ADD,),
        "bulk": (Right.ADD,),
        "import_people": (Right.IMPORT,),
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
        "import_people": ("dry_run",),
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
        waits = choice.mode is Mode.WAIT
        form = self.get_serializer(data=request.data)
        form.is_valid(raise_exception=True)

        def write(receipt: idempotency.Receipt) -> Response:
            saved: list[Response] = []

            def kept(user: User | None) -> None:
                audit_log.record(request.user, _there(user), audit_log.ADDITION, [{"added": {}}])
                saved.append(self._saved(user, HTTP_201_CREATED, choice, level=not waits))
                receipt.keep(saved[0])

            written = consistency.create(form.validated_data, consistency=choice, kept=kept, by=request.user)

            def by_now() -> Response:
                answer = self._saved(written.user, HTTP_201_CREATED, choice, level=written.level)
                receipt.correct(answer)
                return answer

            return answers.latest(saved[0], by_now, choice)

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
        waits = choice.mode is Mode.WAIT
        partial = kwargs.get("partial", False)
        form = self.get_serializer(self.get_object(), data=request.data, partial=partial)
        form.is_valid(raise_exception=True)
        changes = form.validated_data if partial else services.replacement(form.validated_data)
        saved: list[Response] = []

        def kept(user: User | None) -> None:
            audit_log.record(request.user, _there(user), audit_log.CHANGE, [{"changed": {"fields": sorted(changes)}}])
            saved.append(self._saved(user, HTTP_200_OK, choice, level=not waits))

        written = consistency.update(
            UUID(kwargs["uuid"]),
            changes,
            seen=preconditions.seen(request),
            consistency=choice,
            kept=kept,
            by=request.user,
        )
        return answers.latest(
            saved[0], lambda: self._saved(written.user, HTTP_200_OK, choice, level=written.level), choice
        )

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
        waits = choice.mode is Mode.WAIT
        user = self.get_object()
        saved: list[Response] = []

        def kept(_: User | None) -> None:
            audit_log.record(request.user, user, audit_log.DELETION, gettext_noop("Deleted through the API."))
            saved.append(answers.deleted(user.uuid, choice, level=not waits))

        written = consistency.delete(
            user.uuid, seen=preconditions.seen(request), consistency=choice, kept=kept, by=request.user
        )
        return answers.latest(saved[0], lambda: answers.deleted(user.uuid, choice, level=written.level), choice)

    def _saved(self, user: User | None, code: int, choice: Consistency, *, level: bool) -> Response:
        body = self.get_serializer(_there(user)).data
        return answers.saved(_there(user), body, code, choice, level=level)


def _there(user: User | None) -> User:
    assert user is not None  # noqa: S101  # for the type checker: only a delete leaves none
    return user

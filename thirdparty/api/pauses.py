"""The endpoints that stop sending to a target, and go on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from thirdparty.api.fields import Closed, Text
from thirdparty.api.view import SyncView
from thirdparty.api.views import known_target
from thirdparty.models import Target
from thirdparty.permissions import Right
from thirdparty.run.pause import pause, resume

_LONGEST_REASON = 200


class PauseSerializer(serializers.Serializer[Any]):
    """Whether a target is sent to."""

    target = serializers.CharField(source="name")
    paused = serializers.BooleanField()
    paused_reason = serializers.CharField(allow_blank=True)
    paused_by = serializers.CharField(allow_blank=True, help_text="the account; empty where no account did")


class NewPauseSerializer(Closed):
    """Why nothing is to be sent."""

    reason = Text(max_length=_LONGEST_REASON, help_text="shown wherever somebody asks why nothing moves")


class ResumeSerializer(Closed):
    """Why it goes on."""

    reason = Text(max_length=_LONGEST_REASON, required=False, help_text="kept in the target's history")


class PauseView(SyncView):
    takes: ClassVar[Mapping[str, Sequence[str]]] = {"POST": (Right.PAUSE,)}

    @extend_schema(
        summary="Send nothing to a target until somebody resumes it",
        description="What changes meanwhile is owed, not lost. Who and why is kept.",
        request=NewPauseSerializer,
        responses=PauseSerializer,
    )
    def post(self, request: Request, target: str) -> Response:
        name = known_target(target)
        form = NewPauseSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        pause(name, reason=form.validated_data["reason"], by=request.user)
        return _standing(name)


class ResumeView(SyncView):
    takes: ClassVar[Mapping[str, Sequence[str]]] = {"POST": (Right.PAUSE,)}

    @extend_schema(
        summary="Send to a target again",
        description="At once, whatever the guard held against it. Who and why is kept.",
        request=ResumeSerializer,
        responses=PauseSerializer,
    )
    def post(self, request: Request, target: str) -> Response:
        name = known_target(target)
        form = ResumeSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        resume(name, reason=form.validated_data.get("reason", ""), by=request.user)
        return _standing(name)


def _standing(name: str) -> Response:
    return Response(PauseSerializer(Target.objects.get(name=name)).data)

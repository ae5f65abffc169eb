"""What the OpenAPI description says beyond what the views declare."""

from __future__ import annotations

from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiResponse

from users.api.problems import CONTENT_TYPE
from users.api.serializers import ProblemSerializer


class ProblemSchema(AutoSchema):
    """Every operation answers its errors with problem details."""

    def _get_response_bodies(self, direction: Any = "response") -> Any:
        problem = OpenApiResponse(ProblemSerializer, description="What went wrong (RFC 9457)")
        error = self._get_response_for_code(  # type: ignore[no-untyped-call]  # the library's
            problem, "default", [CONTENT_TYPE], direction
        )
        return super()._get_response_bodies(direction) | {"default": error}

"""What the OpenAPI description says beyond what the views declare: the errors of each operation, with their headers."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse

from thirdparty.api.problems import CONTENT_TYPE
from thirdparty.api.shapes.problem_details import ProblemSerializer

_ALWAYS = (400, 401, 403, 406, 429, 503)
_WITH_A_BODY = (413, 415)
_HEADERS = [
    OpenApiParameter(
        "Retry-After",
        int,
        OpenApiParameter.HEADER,
        description="So many seconds later it may go well. With 409, where waiting helps.",
        response=[409, 429, 503],
    ),
    OpenApiParameter(
        "WWW-Authenticate", str, OpenApiParameter.HEADER, description="How to say who you are.", response=[401]
    ),
]


class ProblemSchema(AutoSchema):
    """Every operation answers its errors with problem details; those it is known to meet are listed."""

    def get_override_parameters(self) -> Any:
        return [*super().get_override_parameters(), *_HEADERS]

    def _get_response_bodies(self, direction: Any = "response") -> Any:
        bodies = super()._get_response_bodies(direction)
        for code in self._errors():
            problem = OpenApiResponse(ProblemSerializer, description=HTTPStatus(code).phrase)
            bodies[str(code)] = self._problem(problem, str(code), direction)
        other = OpenApiResponse(ProblemSerializer, description="What went wrong (RFC 9457)")
        return bodies | {"default": self._problem(other, "default", direction)}

    def _problem(self, problem: OpenApiResponse, code: str, direction: Any) -> Any:
        return self._get_response_for_code(  # type: ignore[no-untyped-call]  # the library's
            problem, code, [CONTENT_TYPE], direction
        )

    def _errors(self) -> list[int]:
        parameters = [each for each in self.get_override_parameters() if isinstance(each, OpenApiParameter)]
        named = {parameter.name for parameter in parameters if not parameter.response}
        errors = {*_ALWAYS}
        if self.method in ("POST", "PUT", "PATCH") and self.get_request_serializer() is not None:
            errors.update(_WITH_A_BODY)
        if "{" in self.path:
            errors.add(404)
        if named & {"consistency", "Idempotency-Key"}:
            errors.add(409)
        conditional = {"If-Match": 412, "Idempotency-Key": 422, "consistency": 424}
        return sorted(errors | {code for name, code in conditional.items() if name in named})

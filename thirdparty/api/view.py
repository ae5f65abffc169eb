"""What the views of this package have in common, in whatever project they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from thirdparty.api import parameters, problems
from thirdparty.api.access import HasRights
from thirdparty.api.parsers import JSONBody
from thirdparty.api.schema import ProblemSchema


class SyncView(APIView):
    """JSON in and out, problem details for errors, whatever the project has made REST framework's defaults.

    How an account proves who it is, and how often it may ask, is the project's. ``takes``: the rights that a method
    takes, any of them. ``asks``: the query parameters that it knows.
    """

    takes: ClassVar[Mapping[str, Sequence[str]]] = {}
    asks: ClassVar[Mapping[str, Sequence[str]]] = {}
    permission_classes = (HasRights,)
    parser_classes = (JSONBody,)
    renderer_classes = (JSONRenderer,)
    schema = ProblemSchema()

    def get_exception_handler(self) -> Callable[..., Any]:
        return problems.answer

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        method = str(request.method)
        if method in self.takes:
            parameters.require_known(request, self.asks.get(method, ()))

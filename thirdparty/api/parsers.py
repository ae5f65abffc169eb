"""Reads the body of a request."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import IO, Any

from django.conf import settings
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser
from rest_framework.utils.json import strict_constant


class BodyTooLarge(APIException):
    status_code = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    default_detail = "The body is too large."


def read_whole(stream: IO[Any]) -> bytes:
    """All that is sent. Raises `BodyTooLarge` beyond DATA_UPLOAD_MAX_MEMORY_SIZE bytes."""
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    body: bytes = stream.read(limit + 1)
    if len(body) > limit:
        raise BodyTooLarge
    return body


class JSONBody(BaseParser):
    """JSON in UTF-8 (RFC 8259), of at most DATA_UPLOAD_MAX_MEMORY_SIZE bytes and a sane depth."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Raises `BodyTooLarge`, or `ParseError` for anything that is not JSON."""
        body = read_whole(stream)
        try:
            return json.loads(body.decode("utf-8"), parse_constant=strict_constant)
        except ValueError as error:
            raise ParseError(f"The body is not JSON in UTF-8: {error}") from None
        except RecursionError:
            raise ParseError("The body is nested too deeply.") from None

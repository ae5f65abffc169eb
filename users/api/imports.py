"""People from a CSV file that is sent."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import IO, Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from thirdparty.api.parsers import read_whole
from thirdparty.observe.cost import adds
from users.csvimport import COLUMNS, NotReadable, as_text, read
from users.models import User
from users.synced import Person


class CsvBody(BaseParser):
    """A CSV file as the body, of at most DATA_UPLOAD_MAX_MEMORY_SIZE bytes."""

    media_type = "text/csv"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Raises `BodyTooLarge`."""
        return read_whole(stream)


class ImportOptions(serializers.Serializer[Any]):
    dry_run = serializers.BooleanField(
        default=False, help_text="only say what would become of the rows, and change nothing"
    )


class RejectedRowSerializer(serializers.Serializer[Any]):
    """A row that cannot be imported."""

    line = serializers.IntegerField(help_text="of the file, from 1")
    error = serializers.CharField(source="why")


class CostSerializer(serializers.Serializer[Any]):
    """What that is for one target: so many calls, and how long they take at the rate that is allowed there."""

    target = serializers.CharField()
    records = serializers.IntegerField(help_text="to add")
    calls = serializers.IntegerField()
    rate_per_second = serializers.FloatField(allow_null=True, help_text="null where the target has no rate")
    seconds = serializers.FloatField(allow_null=True, help_text="null where the target has no rate")


class ImportResultSerializer(serializers.Serializer[Any]):
    """What became of the rows."""

    dry_run = serializers.BooleanField()
    added = serializers.IntegerField()
    present = serializers.IntegerField(help_text="people who were here already")
    rejected = RejectedRowSerializer(many=True)
    targets = CostSerializer(many=True, help_text="what those who are added are for each target that takes people")


class ImportsFile(GenericViewSet[User]):
    @extend_schema(
        summary="Import people from a CSV file",
        description=f"The first line names the columns: {', '.join(COLUMNS)}. A hundred rows at a time; the same file may be sent "
        "again at any time, and doubles nobody. Longer files: `manage.py sync import`.",
        parameters=[ImportOptions],
        request={"text/csv": OpenApiTypes.STR},
        responses=ImportResultSerializer,
        filters=False,
    )
    @action(
        detail=False,
        methods=["post"],
        url_path="import",
        parser_classes=[CsvBody],
        pagination_class=None,
        filter_backends=[],
    )
    def import_people(self, request: Request) -> Response:
        options = ImportOptions(data=request.query_params.dict())
        options.is_valid(raise_exception=True)
        sent: Any = request.data
        body = sent if isinstance(sent, bytes) else b""  # without a body, nothing has been parsed
        dry_run = options.validated_data["dry_run"]
        try:
            report = read(as_text(BytesIO(body)), by=request.user, dry_run=dry_run)
        except NotReadable as problem:
            raise ParseError(f"The file cannot be read: {problem}.") from None
        shown = {
            "dry_run": dry_run,
            "added": report.added,
            "present": report.present,
            "rejected": report.rejected,
            "targets": adds(Person.kind, report.added),
        }
        return Response(ImportResultSerializer(shown).data)

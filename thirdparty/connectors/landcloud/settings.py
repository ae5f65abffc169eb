"""The settings that only a landcloud target has."""

from __future__ import annotations

from thirdparty.connectors.http import address
from thirdparty.connectors.options import Option

PATHS = {
    "add": "/user/add",
    "update": "/user/update",
    "delete": "/user/delete",
    "query": "/user/query",
    "list": "/user/list",
}


def _paths(text: str) -> dict[str, str]:
    paths = dict(PATHS)
    for item in filter(None, (part.strip() for part in text.split(","))):
        call, separator, path = item.partition("=")
        if not separator or call not in paths or not address.is_path(path):
            raise ValueError(f"has {item!r}; use CALL=/path with CALL one of {', '.join(paths)}")
        paths[call] = path
    return paths


OPTIONS = (
    Option("app_secret", "the secret that the third party issued to you", is_credential=True),
    Option("default_password", "the first password of a newly added user"),
    Option("paths", "where each call goes", default=PATHS, read=_paths),
)

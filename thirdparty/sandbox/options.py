"""The command line, the same with and without Django."""

from __future__ import annotations

import argparse
from pathlib import Path

from thirdparty.sandbox.server import DEFAULT_SECRET, Options
from thirdparty.sandbox.store import CAPABILITIES, Rules


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--port", type=int, default=9100, help="business port; 0 picks a free one (default 9100)")
    parser.add_argument("--host", default="127.0.0.1", help="address to bind (default 127.0.0.1)")
    parser.add_argument(
        "--control-port", type=int, help="further port for control calls only; lets `refuse` close the business port"
    )
    parser.add_argument("--state", type=Path, metavar="FILE", help="file that keeps everything across a kill -9")
    parser.add_argument("--secret", default=DEFAULT_SECRET, help=f"app secret (default {DEFAULT_SECRET})")
    parser.add_argument(
        "--capabilities",
        type=_capabilities,
        default=frozenset(CAPABILITIES),
        metavar="LIST",
        help=f"comma list of what is offered, may be empty (default {','.join(CAPABILITIES)})",
    )
    parser.add_argument("--shared-usernames", action="store_true", help="let several records have one username")


def read(given: argparse.Namespace) -> Options:
    """The options as parsed."""
    return Options(
        port=given.port,
        host=given.host,
        control_port=given.control_port,
        state=given.state,
        secret=given.secret,
        rules=Rules(given.capabilities, unique_usernames=not given.shared_usernames),
    )


def _capabilities(text: str) -> frozenset[str]:
    chosen = frozenset(word.strip() for word in text.split(",") if word.strip())
    unknown = ", ".join(sorted(chosen.difference(CAPABILITIES)))
    if unknown:
        raise argparse.ArgumentTypeError(f"no such capability: {unknown}; use any of {', '.join(CAPABILITIES)}")
    return chosen

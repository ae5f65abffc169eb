# ruff: noqa: INP001 - a script by itself, of no package
"""Prints what this Python's pip knows of indexes, mirrors and certificates as settings of uv, for a shell to `eval`.

uv reads neither pip.conf nor PIP_*. What is set for uv already stays as it is. Prints nothing where there is no pip.
"""

from __future__ import annotations

import ast
import os
import shlex
import subprocess
import sys

# Of pip's sections the later wins; each names a file or the environment.
SECTIONS = ("global", "install", ":env:")
SAME = {
    "index-url": "UV_DEFAULT_INDEX",
    "cert": "SSL_CERT_FILE",
    "client-cert": "SSL_CLIENT_CERT",
    "default-timeout": "UV_HTTP_TIMEOUT",
    "timeout": "UV_HTTP_TIMEOUT",
    "proxy": "ALL_PROXY",
}
LISTS = {"extra-index-url": "UV_INDEX", "trusted-host": "UV_INSECURE_HOST", "find-links": "UV_FIND_LINKS"}


def known_to_pip() -> dict[str, str]:
    """pip's settings by the names of its options."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "config", "list"]
    listed = subprocess.run(command, capture_output=True, text=True, check=False).stdout  # noqa: S603 - our own words
    sections: dict[str, dict[str, str]] = {section: {} for section in SECTIONS}
    for line in listed.splitlines():
        name, separator, value = line.partition("=")
        section, _, option = name.rpartition(".")
        if separator and section in sections:
            sections[section][option] = str(ast.literal_eval(value))
    return {option: value for section in SECTIONS for option, value in sections[section].items()}


def for_uv(known: dict[str, str]) -> dict[str, str]:
    """The same as environment variables of uv."""
    settings = {SAME[option]: value for option, value in known.items() if option in SAME}
    settings |= {LISTS[option]: " ".join(value.split()) for option, value in known.items() if option in LISTS}
    # As pip does: the certificates of this machine, and every index is looked into.
    settings["UV_SYSTEM_CERTS"] = settings["UV_NATIVE_TLS"] = "true"
    if "extra-index-url" in known:
        settings["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    if known.get("no-index", "").lower() in ("1", "true", "yes", "on", "y", "t"):
        settings["UV_OFFLINE"] = "true"
    return settings


if __name__ == "__main__":
    for name, value in for_uv(known_to_pip()).items():
        if name not in os.environ:
            print(f"export {name}={shlex.quote(value)}")  # noqa: T201 - the shell reads it

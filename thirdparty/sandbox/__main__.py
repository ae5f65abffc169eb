"""``python -m thirdparty.sandbox``: the sandbox without Django."""

from __future__ import annotations

import argparse
import sys

from thirdparty.sandbox import options
from thirdparty.sandbox.journal import JournalError
from thirdparty.sandbox.server import run


def main() -> None:
    """Run until told to stop; exit 1 with the reason when it cannot start."""
    parser = argparse.ArgumentParser(prog="python -m thirdparty.sandbox", description="A stand-in third party.")
    options.add_arguments(parser)
    try:
        run(options.read(parser.parse_args()))
    except (JournalError, OSError) as problem:
        sys.exit(f"sandbox: {problem}")


if __name__ == "__main__":
    main()

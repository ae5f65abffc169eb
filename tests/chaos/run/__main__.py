"""``python -m tests.chaos.run``."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from tests.chaos.run import options as command_line
from tests.chaos.run.servers import NotInstalled
from tests.chaos.run.system import started
from tests.chaos.run.voice import Voice


def main() -> int:
    """0 when every promise was kept and the run was hard enough."""
    options = command_line.read()
    folder = Path(tempfile.mkdtemp(prefix="usersync-chaos-"))
    say = Voice()
    say(f"seed {options.seed}, {options.pair}, {options.world}")
    kept = True
    try:
        with started(options, folder) as system:
            say("everything is up")
            # Models can be imported only now that Django is set up with the system's own settings.
            from tests.chaos.run.campaign import Campaign

            kept = not Campaign(options, system, folder, say).run()
    except NotInstalled as absent:
        say.complain(f"cannot run {options.pair}: {absent}")
        kept = False
        return 2
    finally:
        if kept or options.keep:
            say.complain(f"logs and traces are in {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    return int(kept)


if __name__ == "__main__":
    sys.exit(main())

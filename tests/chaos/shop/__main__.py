"""Random writes against random failures, on the example project: ``python -m tests.chaos.shop --seconds 60 --seed 7``."""

# the settings are the shop's, not those that this tree's own project would name

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"

from tests.chaos.shop.run import PAIRS, Run
from tests.chaos.shop.stack import SHOP

sys.path.append(str(SHOP))


def main() -> int:
    """0 when the ERP ended level with the shop, after enough had gone wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.shop")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--pair", choices=PAIRS, default=PAIRS[0])
    told = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="usersync-chaos-shop-"))
    run = Run(folder, pair=told.pair, seed=told.seed, seconds=told.seconds)
    sound = False
    try:
        verdict = run.go()
        sound = not verdict.problems
        sys.stdout.writelines(f"{line}\n" for line in (*verdict.problems, *verdict.figures))
        sys.stdout.write(f"{'level' if sound else 'BROKEN'}: the shop on {told.pair}, seed {told.seed}\n")
    finally:
        if sound:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            sys.stderr.write(f"logs are in {folder}\n")
    return int(not sound)


if __name__ == "__main__":
    sys.exit(main())

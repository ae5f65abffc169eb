"""What a save costs the caller: ``python -m bench.saving COUNT PAUSE_SECONDS``.

Saves a new person so many times; prints, as JSON, for each: the uuid, the seconds that it took, and when it returned.
With the settings of the product or of the textbook application, whichever DJANGO_SETTINGS_MODULE names.
"""

from __future__ import annotations

import json
import os
import sys
import time

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "syncproject.settings")


def main(count: int, pause_seconds: float) -> None:
    from syncproject.celery import app  # noqa: PLC0415  # with the settings chosen above

    app.set_default()
    django.setup()
    from users.models import User  # noqa: PLC0415  # Django is set up by now

    saved = []
    for number in range(count):
        user = User(
            username=f"s{os.getpid()}-{number}", name=f"张伟 {number}", phone=str(number), password="!"
        )  # none
        began = time.perf_counter()
        user.save()
        took = time.perf_counter() - began
        saved.append([str(user.uuid), took, time.time()])
        time.sleep(pause_seconds)
    sys.stdout.write(json.dumps(saved) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))

"""Calls in a bare loop: no database, no Celery. ``python -m bench.bare ours|session URL COUNT PROCESSES THREADS``.

Prints, as JSON, calls per second from the first to the last, and the CPU milliseconds of one.
"""

from __future__ import annotations

import json
import multiprocessing
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests

from thirdparty.connectors.base import RemoteObject
from thirdparty.connectors.config import TargetConfig
from thirdparty.connectors.landcloud.connector import LandcloudConnector
from thirdparty.connectors.landcloud.settings import PATHS


def user(number: int) -> RemoteObject:
    return RemoteObject(
        external_id=f"00000000-0000-4000-8000-{number:012d}", key=f"u{number}",
        payload={
            "name": f"张伟 {number}", "phone": str(number), "email": f"u{number}@example.com", "role_ids": [],
        },
    )  # fmt: skip


def ours(url: str) -> Callable[[int], Any]:
    """The product's connector."""
    config = TargetConfig("partner", "landcloud", url, {"app_secret": "s", "default_password": "p", "paths": PATHS})
    connector = LandcloudConnector(config, "users.user")
    return lambda number: connector.add(user(number), version=1, idempotency_key="")


def session(url: str) -> Callable[[int], Any]:
    """A `requests.Session` as its documentation shows it, with room for as many connections as threads."""
    shared = requests.Session()
    shared.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=256))

    def post(number: int) -> Any:
        person = user(number)
        held = person.payload
        body = {"username": person.key, "name": held["name"], "phone": held["phone"], "email": held["email"],
                "password": "p", "roleIds": [], "externalId": person.external_id}  # fmt: skip
        answer = shared.post(f"{url}/user/add", json=body, headers={"authToken": "s"}, timeout=10)
        answer.raise_for_status()
        return answer.json()["data"]

    return post


def work(kind: str, url: str, numbers: range, threads: int) -> None:
    call = {"ours": ours, "session": session}[kind](url)
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(call, numbers):
            pass


def main(kind: str, url: str, count: int, processes: int, threads: int) -> None:
    share = count // processes
    fork = multiprocessing.get_context("fork")
    workers = [
        fork.Process(target=work, args=(kind, url, range(n * share, (n + 1) * share), threads))
        for n in range(processes)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    ended = time.time()
    seen = requests.get(f"{url}/seen", timeout=30).json()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    calls = share * processes
    found = {"per_second": calls / (ended - seen["first"]), "cpu_ms": 1000 * (used.ru_utime + used.ru_stime) / calls}
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *(int(word) for word in sys.argv[3:6]))

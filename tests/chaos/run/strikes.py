"""What may be done to which process."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import redis

from syncproject.demo.process import Process
from tests.chaos.run.moods import LONGEST_SANDBOX_FREEZE_SECONDS
from tests.chaos.run.options import LEASE_SECONDS, Options
from tests.chaos.run.system import WORKERS, System


@dataclass(frozen=True, slots=True)
class Strike:
    """``kill`` returns how many kills it was; ``freezes``: for how long, from and to, instead of a kill.

    ``stays_down``: the process has to be started again.
    """

    name: str
    process: str
    kill: Callable[[random.Random], int] = lambda _: 0
    freezes: tuple[float, float] | tuple[()] = ()
    stays_down: bool = False


def deck(options: Options, system: System) -> list[Strike]:
    """Each strike as often as its weight says."""
    process = system.process
    strikes: list[tuple[int, Strike]] = []
    for name in WORKERS:
        strikes += [
            (2, _kill(name, process[name])),
            (3, Strike(f"{name} child", name, partial(_kill_child, process[name]))),
            (1, Strike(f"{name} frozen", name, freezes=(0.3, 4.0))),
        ]
    if all(world.survives_a_second_add for world in options.worlds):
        # Sometimes past the window as well, which a take-over opens: what it sends then is read back by nobody.
        longest = LEASE_SECONDS + options.window_seconds + 3
        strikes.append((1, Strike("worker past lease", "worker", freezes=(LEASE_SECONDS + 1, longest))))
    for party in system.third_parties.values():
        name = party.process.name
        strikes += [
            (2, _kill(name, party.process)),
            (1, Strike(f"{name} frozen", name, freezes=(0.3, LONGEST_SANDBOX_FREEZE_SECONDS - 0.1))),
        ]
    strikes += [
        (1, _kill("web", process["web"])),
        (1, Strike("web frozen", "web", freezes=(0.3, 3.0))),
        (1, Strike("broker frozen", "broker", freezes=(0.5, 5.0))),
        (1, Strike("broker", "broker", partial(_kill_broker, system), stays_down=True)),
    ]
    if system.rabbitmq is None:
        strikes.append((1, Strike("broker wiped", "broker", partial(_flush, system.stack.broker_url))))
    if "beat" in process:
        strikes += [(1, _kill("beat", process["beat"])), (1, Strike("beat frozen", "beat", freezes=(0.5, 4.0)))]
    if system.postgres is not None:
        postgres = system.postgres
        strikes += [
            (2, Strike("database backends", "postgres", lambda _: min(postgres.terminate_backends(), 1))),
            (1, _kill("postgres", postgres.process)),
        ]
    wanted = [(weight, strike) for weight, strike in strikes if _is_wanted(strike, options.strikes)]
    return [strike for weight, strike in wanted for _ in range(weight)]


def _is_wanted(strike: Strike, words: tuple[str, ...]) -> bool:
    return not words or any(word in strike.name for word in words)


def _kill(name: str, process: Process) -> Strike:
    return Strike(name, name, partial(_kill_group, process), stays_down=True)


def _kill_group(process: Process, _: random.Random) -> int:
    process.kill()
    return 1


def _kill_child(process: Process, chance: random.Random) -> int:
    """Some of a worker's pool processes; the worker goes on and starts others."""
    try:
        children = [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]
    except (RuntimeError, OSError):
        return 0  # the worker ends in this instant
    if not children:
        return 0
    for pid in chance.sample(children, min(chance.randint(1, 2), len(children))):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return 1


def _kill_broker(system: System, chance: random.Random) -> int:
    """It comes back with nothing; RabbitMQ every other time with what it had on disk."""
    system.process["broker"].kill()
    if system.rabbitmq is not None and chance.random() < 0.5:
        system.rabbitmq.wipe()
    return 1


def _flush(url: str, _: random.Random) -> int:
    """All messages are gone while every connection stays. No kill."""
    with suppress(redis.RedisError), redis.Redis.from_url(url, socket_timeout=2.0) as client:
        client.flushall()
    return 0

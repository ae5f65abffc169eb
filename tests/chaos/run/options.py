"""What one run is asked for, and the world that its seed draws."""

from __future__ import annotations

import argparse
import random
from dataclasses import dataclass

PAIRS = ("sqlite+valkey", "postgres+redis", "postgres+rabbitmq")
TIMEOUT_SECONDS = 1.0
DATABASE_TIMEOUT_SECONDS = 3.0
LEASE_SECONDS = 9.0
"""The shortest that the start-up check allows: the call, the wait for the database, 5 s of margin."""
WINDOW_SECONDS = 4.0
WRITES_PER_SECOND = 12
POPULATION = 150
TARGETS = ("partner", "branch", "depot")
"""The targets' names; a run has the first few of them."""
KINDS = (
    "clocks",
    "decisions",
    "drift",
    "ids",
    "imports",
    "keys",
    "migrations",
    "pauses",
    "restores",
    "retire",
    "strangers",
    "strict",
    "targets",
    "transactions",
    "upgrade",
)
"""The kinds of trouble beyond killing, freezing and lying (`tests.chaos.run.troubles`)."""
BY_DEFAULT = ("decisions", "ids", "keys", "pauses", "strangers", "strict")
"""Of those, what a run has unless ``--troubles`` says otherwise: the others start commands of their own, of which a minute on
a busy machine holds too few to count."""


@dataclass(frozen=True, slots=True)
class World:
    """What the third party offers. Only worlds in which every promise holds (docs/guarantees.md)."""

    capabilities: tuple[str, ...]
    unique_usernames: bool

    @property
    def offers_query(self) -> bool:
        return "query" in self.capabilities

    @property
    def survives_a_second_add(self) -> bool:
        """Whether an add that a frozen worker sends after its lease is over cannot make a second record."""
        return self.unique_usernames or "idempotency" in self.capabilities


WORLDS = (
    World(("query", "list"), unique_usernames=True),
    World(("query", "list"), unique_usernames=False),
    World(("query", "list", "idempotency"), unique_usernames=True),
    World(("query", "list", "idempotency"), unique_usernames=False),
    World(("query", "list", "idempotency", "versions"), unique_usernames=True),
    World(("query", "list", "idempotency", "versions"), unique_usernames=False),
    World(("idempotency",), unique_usernames=True),
    World(("idempotency",), unique_usernames=False),
    World(("versions",), unique_usernames=True),
    World((), unique_usernames=True),
)


@dataclass(frozen=True, slots=True)
class Options:
    """``seconds``: how long the chaos lasts, start and convergence not counted. ``writes``: how many are tried
    for in that time. ``window_seconds``: how long the third party says an unanswered request may still take effect.
    ``worlds``: what each of the targets offers, in the order of `TARGETS`. ``troubles``: of `KINDS`.
    ``strikes``, ``moods``: words of which a strike's or mood's name has to hold one; empty for all.
    """

    seed: int
    seconds: float
    pair: str
    writes: int
    worlds: tuple[World, ...]
    window_seconds: float = WINDOW_SECONDS
    bug: str = ""
    baseline: bool = False
    signals_only: bool = False
    strikes: tuple[str, ...] = ()
    moods: tuple[str, ...] = ()
    troubles: tuple[str, ...] = ()
    keep: bool = False

    @property
    def world(self) -> World:
        """That of the first target."""
        return self.worlds[0]

    @property
    def targets(self) -> dict[str, World]:
        """What each target offers, by its name."""
        return dict(zip(TARGETS, self.worlds, strict=False))

    @property
    def newcomer(self) -> str:
        """The target that is added under load; empty where all are there from the start."""
        added = "targets" in self.troubles and len(self.worlds) > 1 and self.random("newcomer").random() < 0.5
        return TARGETS[len(self.worlds) - 1] if added else ""

    @property
    def converge_bound_seconds(self) -> float:
        """The stated time: a lost lease, a wake put off for another, a window, the longest backoff, the backlog."""
        return 2 * LEASE_SECONDS + 2 * self.window_seconds + 3 + 30

    def random(self, purpose: str) -> random.Random:
        """Every actor draws from a generator of its own, so that none shifts another's draws."""
        return random.Random(f"{self.seed} {purpose}")


def read(arguments: list[str] | None = None) -> Options:
    """The options of a command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.run", description="The chaos run.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=60.0, help="of chaos; start and convergence come on top")
    parser.add_argument("--pair", choices=PAIRS, default=PAIRS[0])
    parser.add_argument("--writes", type=int, help=f"default {WRITES_PER_SECOND} for each second")
    parser.add_argument("--capabilities", help="comma list, may be empty; default what the seed draws")
    parser.add_argument("--shared-usernames", action="store_true", help="several records may have one username")
    parser.add_argument("--window", type=float, default=WINDOW_SECONDS, help="how late requests may take effect")
    parser.add_argument("--bug", default="", help="one of tests.chaos.run.seeded, patched into every process")
    parser.add_argument("--baseline", action="store_true", help="the textbook application instead of the product")
    parser.add_argument("--signals-only", action="store_true", help="only writes that send Django's signals")
    parser.add_argument("--strikes", default="", help="comma list of words in the names of the strikes to use")
    parser.add_argument("--moods", default="", help="the same of the third parties' moods")
    parser.add_argument("--targets", type=int, choices=(1, 2, 3), help="default 1, with troubles what the seed draws")
    parser.add_argument("--troubles", help=f"comma list of {', '.join(KINDS)}; or all, or none")
    parser.add_argument("--keep", action="store_true", help="keep the folder of logs also when all is well")
    given = parser.parse_args(arguments)
    troubles = _troubles(parser, given)
    return Options(
        seed=given.seed,
        seconds=given.seconds,
        pair=given.pair,
        writes=given.writes or int(WRITES_PER_SECOND * given.seconds),
        worlds=_worlds(given, troubles),
        window_seconds=given.window,
        bug=given.bug,
        baseline=given.baseline,
        signals_only=given.signals_only,
        strikes=_words(given.strikes),
        moods=_words(given.moods),
        troubles=troubles,
        keep=given.keep,
    )


def _troubles(parser: argparse.ArgumentParser, given: argparse.Namespace) -> tuple[str, ...]:
    if given.troubles is None:
        return () if given.baseline or given.bug else BY_DEFAULT
    if given.troubles in ("all", "none"):
        return KINDS if given.troubles == "all" else ()
    for word in _words(given.troubles):
        if word not in KINDS:
            parser.error(f"--troubles knows no {word!r}; use any of {', '.join(KINDS)}")
    return _words(given.troubles)


def _worlds(given: argparse.Namespace, troubles: tuple[str, ...]) -> tuple[World, ...]:
    drawn = random.Random(f"{given.seed} targets").choice((2, 2, 3)) if troubles else 1
    return tuple(_world(given, name) for name in TARGETS[: given.targets or drawn])


def _world(given: argparse.Namespace, target: str) -> World:
    if given.capabilities is not None:
        return World(_words(given.capabilities), unique_usernames=not given.shared_usernames)
    candidates = [world for world in WORLDS if not (given.shared_usernames and world.unique_usernames)]
    purpose = "world" if target == TARGETS[0] else f"world of {target}"
    return random.Random(f"{given.seed} {purpose}").choice(candidates)


def _words(text: str) -> tuple[str, ...]:
    return tuple(word for word in text.split(",") if word)

"""The results as text: for a terminal, and as the page docs/crash-points.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tests.chaos.crash.cases import DESCRIPTIONS, FATES, OPERATIONS, PLACES, Result
from tests.chaos.crash.order import Action

_FATES = {
    "applied": "applied",
    "lost": "never applied, no answer",
    "late": "applied late",
    "refused": "refused (503)",
    "unheard": "applied, answered 500",
}


@dataclass(frozen=True, slots=True)
class Run:
    """The results of one use on one pair, and how long they took."""

    use: str
    pair: str
    seconds: float
    results: Sequence[Result]

    @property
    def title(self) -> str:
        return f"{self.use} on {self.pair}"

    @property
    def broken(self) -> list[Result]:
        return [result for result in self.results if result.problems]

    @property
    def summary(self) -> str:
        slowest = max((result.seconds for result in self.results), default=0)
        sound = len(self.results) - len(self.broken)
        return f"{self.title}: {sound} of {len(self.results)} cases ended level, {self.seconds:.0f} s; slowest {slowest:g} s"


def terminal(run: Run) -> Iterator[str]:
    """A line for each case, then what went wrong and the sum."""
    for result in run.results:
        yield f"{'ok    ' if not result.problems else 'BROKEN'} {result.seconds:5.1f} s  {result.case.name}"
    for result in run.broken:
        for problem in result.problems:
            yield f"{result.case.name}: {problem}"
    yield run.summary


def markdown(runs: Sequence[Run], *, date: str, command: str) -> str:
    """The page: a table for each pair, a row for each step and fate, a column for each way to crash."""
    lines = [
        "# Crash points",
        "",
        "A real process is killed, asked to end, frozen past its lease, or fails at every step of the life of a push,",
        "for add, update and delete, whatever the target made of the request. A case counts only if the process was",
        "really at that step, and is level when the target holds exactly the wanted record, once and never twice; the",
        "row is at rest with everything acknowledged; no attempt is open; and every write request of the target's",
        "ledger has an attempt row of its own. While a process is frozen, its object is edited once more.",
        "",
        "*users* are people at the sandbox, each with one record. *shop* is the example project: each case is an order with a",
        "customer of its own, written in one transaction, at an ERP that refuses an order of a customer whom it does not hold and the",
        "removal of a customer who has orders; it is tried with the crash at the customer's record and at the order's. Both have to be",
        "level, and the ERP's order has to name its own customer.",
        "",
        "A *rename* changes the natural key along with the rest, and is tried at the steps of push and drain. Of users the record keeps the",
        "username that it was added with. An order of *shop* that is renumbered is replaced (`KeyChanges.REPLACED`): the crash is at each step",
        "of its deletion, and at each of the add under the new number. *renumbered* are the same orders, renamed (`KeyChanges.RENAMED`): an",
        "update gives their record the new number. That alone is tried there, also where it is in doubt and where the record is read first;",
        "while a process is frozen, the order gets its first number back, or a third one. Such a case is level when the ERP has the order",
        "under its number, with the id that it had before; no second record was ever made; and the row knows this number alone.",
        "",
        f"{date}, `{command}`",
        "",
        *(f"- {run.summary}" for run in runs),
        "",
        "A cell is the number of cases that ended level, of how many, and the longest time from the write to the last",
        f"change (lease 7 s, window 5 s, a frozen process 8.5 s). Cases of a cell: {', '.join(OPERATIONS)}, at each record; verify",
        "only follows an unanswered add, and confirm is of a record that has been added. On SQLite a transaction that is kept open",
        "blocks every other: there, one operation stands for the three when it is frozen, and a whole worker falls only outside of",
        "them. *worker*: the signal goes to the whole worker while its children are at up to 18 different steps. An exception after",
        "the task's end would not be ours, so there is none.",
        "",
        "**Strict writes** have crash points of their own, since it is the caller's process that falls: create, update",
        "and delete, killed (SIGKILL) with the write opened; claimed and nothing sent; answered and not settled; settled",
        "and not applied; written and not committed; applied; while it is taken back; taken back. After each of the 24, one",
        "of the two states is left, here and at the target (`tests/integration/test_strict_killed.py`, in `make test`).",
        "",
        "**Where no push is the only one concerned** (`tests/integration/test_killed_elsewhere.py`, in `make test`, SIGKILL): two rows",
        "meet on one remote id (nothing decided; the other row has lost the id, not committed; both committed); a batch is owed anew",
        "(locked; owed, not committed; committed, its place not noted; noted); people's question to a target (taken; about to be",
        "asked; answered, the guard not told; told). After each, all is level, and the next who asks is answered.",
    ]
    for run in runs:
        lines += ["", f"## {run.title}", "", *_table(run)]
        lines += [f"- {result.case.name}: {problem}" for result in run.broken for problem in result.problems]
    return "\n".join(lines) + "\n"


def _table(run: Run) -> Iterator[str]:
    cells: dict[tuple[str, str, str], dict[Action, list[Result]]] = {}
    for result in run.results:
        case = result.case
        cells.setdefault((case.phase, case.place, case.fate), {}).setdefault(case.action, []).append(result)
    yield "| Step | The target | " + " | ".join(Action) + " |"
    yield "|---|---|" + "---|" * len(Action)
    for phase, places in PLACES.items():
        for place in places:
            for fate in ("", *FATES):
                if (phase, place, fate) in cells:
                    row = cells[phase, place, fate]
                    yield f"| {_step(phase, place)} | {_FATES.get(fate, '')} | {_figures(row)} |"
    yield ""


def _step(phase: str, place: str) -> str:
    told = DESCRIPTIONS.get(f"{phase} {place}") or DESCRIPTIONS[f"push {place}"]
    return f"**{phase}**: {told}"


def _figures(row: Mapping[Action, Sequence[Result]]) -> str:
    return " | ".join(_cell(row.get(action, ())) for action in Action)


def _cell(results: Sequence[Result]) -> str:
    if not results:
        return ""
    sound = sum(not result.problems for result in results)
    return f"{sound}/{len(results)} · {max(result.seconds for result in results):.0f} s"

"""Smallest numbers: generations, contents, ids and keys matter only by their order."""

from __future__ import annotations

from operator import attrgetter

from tests.chaos.model.state import Decision, State, Worker

_CONTENTS = ("seq", "shown", "synced_seq", "refused", "believed", "let_go", "stopped")
"""What a person is said to be by which content."""
_contents_of = attrgetter(*_CONTENTS)


def canonical(state: State) -> State:
    """The same state with the smallest numbers, and in one order.

    Sound, for a new generation or content is above every other one of its row. Answers kept under
    keys that nobody can send again are forgotten.
    """
    people, rows, workers, world, strays, budget, decision, references, brake = state
    if len(workers) > 1:
        workers = tuple(sorted(workers))
    if len(strays) > 1:
        strays = tuple(sorted(strays))
    state = State(people, rows, workers, world, strays, budget, decision, references, brake)
    for index in range(len(rows)):
        state = _renumbered_contents(_renumbered_generations(state, index), index)
    return _renumbered_keys(_renumbered_ids(state))


def _renumbered_generations(state: State, index: int) -> State:
    _, rows, workers, world, strays, *_ = state
    row = rows[index]
    used = {0, row.generation, row.synced}
    for worker in workers:
        if worker.step.row == index:
            used.add(worker.step.held.generation)
            if worker.result and worker.result.raise_above > 0:
                used.add(worker.result.raise_above)
    for stray in strays:
        if stray.row == index:
            used.add(stray.generation)
    for record in world.records:
        if record.owner == index:
            used.add(record.version)
    if max(used) == len(used) - 1:
        return state
    rank = {value: position for position, value in enumerate(sorted(used))}
    rank[-1] = -1
    row = row._replace(generation=rank[row.generation], synced=rank[row.synced])
    return state._replace(
        rows=(*rows[:index], row, *rows[index + 1 :]),
        workers=tuple(
            _worker_with_generations(worker, rank) if worker.step.row == index else worker for worker in workers
        ),
        strays=tuple(
            stray._replace(generation=rank[stray.generation]) if stray.row == index else stray for stray in strays
        ),
        world=world._replace(
            records=tuple(
                record._replace(version=rank[record.version]) if record.owner == index else record
                for record in world.records
            )
        ),
    )


def _worker_with_generations(worker: Worker, rank: dict[int, int]) -> Worker:
    held = worker.step.held
    result = worker.result
    if result:
        result = result._replace(raise_above=rank[result.raise_above])
    return worker._replace(
        step=worker.step._replace(held=held._replace(generation=rank[held.generation])), result=result
    )


def _renumbered_contents(state: State, index: int) -> State:
    people, _, workers, world, strays, _, decision, _, brake = state
    person = people[index]
    older = person.seq - 1 if person.raised else -1
    used = {-1, older, *_contents_of(person)}
    used.update([seq for row, seq in brake.chosen if row == index] if brake.chosen else ())
    if decision and decision.row == index:
        used.add(decision.seq)
    for worker in workers:
        if worker.step.row == index:
            used.add(worker.step.seq)
    for stray in strays:
        if stray.row == index:
            used.add(stray.seq)
    for record in world.records:
        if record.owner == index:
            used.add(record.seq)
    if max(used) == len(used) - 2:
        return state
    rank = {value: position for position, value in enumerate(sorted(used), start=-1)}
    person = person._replace(**{name: rank[getattr(person, name)] for name in _CONTENTS})
    chosen = tuple((row, rank[seq] if row == index else seq) for row, seq in brake.chosen)
    if decision and decision.row == index:
        decision = decision._replace(seq=rank[decision.seq])
    return state._replace(
        people=(*people[:index], person, *people[index + 1 :]),
        workers=tuple(
            worker._replace(step=worker.step._replace(seq=rank[worker.step.seq]))
            if worker.step.row == index
            else worker
            for worker in workers
        ),
        strays=tuple(stray._replace(seq=rank[stray.seq]) if stray.row == index else stray for stray in strays),
        decision=decision,
        brake=brake._replace(chosen=chosen),
        world=world._replace(
            records=tuple(
                record._replace(seq=rank[record.seq]) if record.owner == index else record for record in world.records
            )
        ),
    )


def _renumbered_ids(state: State) -> State:
    _, rows, workers, world, strays, *_ = state
    used = {0}
    used.update(row.remote_id for row in rows)
    used.update(record.id for record in world.records)
    used.update(answer[1] for _, answer in world.kept)
    used.update(world.again)
    used.update(stray.remote_id for stray in strays)
    if state.references:
        used.update(reference.remote_id for reference in state.references)
    used.update(record.refers for record in world.records)
    used.update(stray.refers for stray in strays)
    for worker in workers:
        used.add(worker.step.held.remote_id)
        used.add(worker.step.used)
        if worker.answer:
            used.add(worker.answer.remote_id)
        if worker.result:
            used.add(worker.result.remote_id)
    if state.decision:
        used.add(state.decision.link.remote_id)
    if max(used) == len(used) - 1:
        return state
    rank = {value: position for position, value in enumerate(sorted(used))}
    return state._replace(
        rows=tuple(row._replace(remote_id=rank[row.remote_id]) for row in rows),
        workers=tuple(_worker_with_ids(worker, rank) for worker in workers),
        world=world._replace(
            records=tuple(record._replace(id=rank[record.id], refers=rank[record.refers]) for record in world.records),
            kept=tuple((key, (kind, rank[remote_id])) for key, (kind, remote_id) in world.kept),
            again=tuple(rank[remote_id] for remote_id in world.again),
        ),
        decision=_decision_with(state, remote_id=rank),
        strays=tuple(stray._replace(remote_id=rank[stray.remote_id], refers=rank[stray.refers]) for stray in strays),
        references=tuple(each._replace(remote_id=rank[each.remote_id]) for each in state.references),
    )


def _decision_with(state: State, **ranks: dict[int, int]) -> Decision | tuple[()]:
    if not state.decision:
        return ()
    link = state.decision.link
    named = {name: rank[getattr(link, name)] for name, rank in ranks.items()}
    return state.decision._replace(link=link._replace(**named))


def _worker_with_ids(worker: Worker, rank: dict[int, int]) -> Worker:
    step, answer, result = worker.step, worker.answer, worker.result
    if answer:
        answer = answer._replace(remote_id=rank[answer.remote_id])
    if result:
        result = result._replace(remote_id=rank[result.remote_id])
    held = step.held._replace(remote_id=rank[step.held.remote_id])
    step = step._replace(held=held, used=rank[step.used])
    return worker._replace(step=step, answer=answer, result=result)


def _renumbered_keys(state: State) -> State:
    _, rows, workers, world, strays, *_ = state
    used = {0}
    used.update(row.add_key for row in rows)
    used.update(stray.key for stray in strays)
    for worker in workers:
        used.add(worker.step.key)
        used.add(worker.step.held.add_key)
        if worker.result:
            used.add(worker.result.add_key)
    if state.decision:
        used.add(state.decision.link.add_key)
    kept = tuple(item for item in world.kept if item[0] in used)
    if max(used) == len(used) - 1:
        return state if len(kept) == len(world.kept) else state._replace(world=world._replace(kept=kept))
    rank = {value: position for position, value in enumerate(sorted(used))}
    return state._replace(
        rows=tuple(row._replace(add_key=rank[row.add_key]) for row in rows),
        workers=tuple(_worker_with_keys(worker, rank) for worker in workers),
        strays=tuple(sorted(stray._replace(key=rank[stray.key]) for stray in strays)),
        world=world._replace(kept=tuple((rank[key], answer) for key, answer in kept)),
        decision=_decision_with(state, add_key=rank),
    )


def _worker_with_keys(worker: Worker, rank: dict[int, int]) -> Worker:
    step, result = worker.step, worker.result
    if result:
        result = result._replace(add_key=rank[result.add_key])
    step = step._replace(key=rank[step.key], held=step.held._replace(add_key=rank[step.held.add_key]))
    return worker._replace(step=step, result=result)

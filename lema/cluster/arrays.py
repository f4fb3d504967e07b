"""Stages that differ in their inputs only, as tasks of one job array: one call of sbatch for all of them.

Tasks of one index belong together: task 3 of an array of evaluations waits for task 3 of the array of trainings
(`aftercorr`), and for nothing else, so that an array holds nobody up and ends nobody but who needs what failed.
Which task is which stage is written down before sbatch is called (`lema.running.snapshot.make_array`).
"""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lema.cluster import queue
from lema.running import snapshot
from lema.running.plan import Step


@dataclasses.dataclass(frozen=True)
class Group:
    """Stages that are submitted by one call, by the index of their task. A single one is a job of its own."""

    steps: Mapping[int, Step]

    @property
    def one(self) -> Step | None:
        return next(iter(self.steps.values())) if len(self.steps) == 1 else None


Place = tuple[str, int | None]  # a job, and the index of one of its tasks if it is an array


def place(job: str) -> Place:
    """Of a job's id: `12`, or `12_3` for a task of an array."""
    whole, _, index = job.partition("_")
    return whole, int(index) if index else None


def grouped(
    todo: Sequence[Step], jobs: Mapping[str, Sequence[str]], alike: Callable[[Step], Hashable], most: int
) -> list[Group]:
    """The stages in as few calls as their dependencies allow, each after those that it waits for.

    Args:
        todo: in an order in which each comes after what it needs.
        jobs: ids of the jobs that are in the queue already, by key of their stage.
        alike: equal for stages whose jobs may be tasks of one array.
        most: tasks of an array; an index is below it.
    """
    places: dict[str, list[Place]] = {key: [place(job) for job in ids] for key, ids in jobs.items()}
    groups: list[Group] = []
    for level in _levels(todo):
        arrays: dict[Hashable, list[dict[int, Step]]] = {}
        for step in level:
            waits = [found for above in step.upstream for found in places.get(above, ())]
            tasks = {index for _, index in waits if index is not None}
            if len(tasks) > 1 or any(index >= most for index in tasks):
                arrays[step.key] = [{0: step}]
                continue
            # The same index everywhere: what counts are the jobs, and which of them are arrays.
            sort = (alike(step), frozenset((job, index is None) for job, index in waits))
            _put(arrays.setdefault(sort, []), step, next(iter(tasks), None), most)
        for steps in (steps for several in arrays.values() for steps in several):
            for index, step in steps.items():
                places[step.key] = [(f"group {len(groups)}", index if len(steps) > 1 else None)]
            groups.append(Group(steps))
    return groups


def _levels(todo: Sequence[Step]) -> Iterable[list[Step]]:
    """Stages by how long the chain of stages is that must be submitted before them."""
    depth: dict[str, int] = {}
    levels: dict[int, list[Step]] = {}
    for step in todo:
        depth[step.key] = 1 + max((depth[above] for above in step.upstream if above in depth), default=0)
        levels.setdefault(depth[step.key], []).append(step)
    return levels.values()


def _put(arrays: list[dict[int, Step]], step: Step, index: int | None, most: int) -> None:
    """Into the first array that has room: at this index, or at its end."""
    for steps in arrays:
        if len(steps) < most and (index is None or index not in steps):
            steps[len(steps) if index is None else index] = step
            return
    arrays.append({index or 0: step})


def dependency(after: Mapping[int, Sequence[str]]) -> str | None:
    """What an array waits for, given what each of its tasks waits for; None when no one text says it.

    Args:
        after: ids of jobs, by index.
    """
    texts = {_waits(index, [place(job) for job in jobs]) for index, jobs in after.items()}
    return texts.pop() if len(texts) == 1 else None


def _waits(index: int, jobs: Iterable[Place]) -> str | None:
    """For a task of this index."""
    alone = sorted(job for job, task in set(jobs) if task is None)
    whole = sorted({job for job, task in jobs if task is not None})
    if any(task not in (None, index) for _, task in jobs):
        return None
    return ",".join([*([f"afterok:{':'.join(alone)}"] if alone else []), *(f"aftercorr:{job}" for job in whole)])


def settings(alone: Mapping[str, Any], folder: Path, indices: Iterable[int], waits: str) -> dict[str, Any]:
    """What submitit is told of an array, from what it is told of one of its jobs."""
    extra = {"array": _ranges(indices)} | ({"dependency": waits, "kill-on-invalid-dep": "yes"} if waits else {})
    # Each task writes into the folder of its stage; %t is the rank of a process.
    logs = {option: f"{folder}/%a/%A_%a_%t_log.{end}" for option, end in (("output", "out"), ("error", "err"))}
    extra |= {option: path.replace("%t", "0") for option, path in logs.items()}
    steps = [word for option, path in logs.items() for word in (f"--{option}", path)]
    return {
        **alone,
        "additional_parameters": {**alone["additional_parameters"], **extra},
        "srun_args": [*alone["srun_args"], *steps],
        "job_name": queue.job_name(snapshot.title(folder)),
    }


def _ranges(indices: Iterable[int]) -> str:
    """`0-3,7`"""
    runs: list[list[int]] = []
    for index in sorted(indices):
        if runs and runs[-1][1] == index - 1:
            runs[-1][1] = index
        else:
            runs.append([index, index])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)


def command(python: str, folder: Path) -> str:
    """What a task runs."""
    return f'{python} -u -m lema.running.worker {shlex.quote(str(folder))}/"$SLURM_ARRAY_TASK_ID"/job.json'


def most_tasks() -> int:
    """How many tasks an array may have here; 1: arrays are of no use."""
    return max(1, int(queue.setting("MaxArraySize") or 1))

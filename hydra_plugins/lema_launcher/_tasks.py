"""`evaluation.tasks: [gsm8k, svamp]`: names of the group `task` in place of whole tasks.

An entry is a name, or a mapping with `name`, `questions` (which part of it, by default what results are reported
on) and values that replace those of the task's file: `{name: svamp, path: data/svamp}`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from omegaconf import OmegaConf

from hydra_plugins.lema_launcher._hydra_inside import IConfigRepository
from lema.config.building import Fault, Refused
from lema.config.wording import shown, suggestion

GROUP = "task"


def with_tasks(point: dict[str, Any], repository: IConfigRepository, options: Sequence[str]) -> dict[str, Any]:
    """The point with each entry of `evaluation.tasks` as a mapping of a task and its questions.

    The experiment's own task, named there, is as the experiment sets it.

    Raises:
        Refused: an entry names no task.
    """
    evaluation = point.get("evaluation")
    if not isinstance(evaluation, Mapping) or not isinstance(evaluation.get("tasks"), list):
        return point
    faults: list[Fault] = []
    entries = []
    for number, entry in enumerate(evaluation["tasks"]):
        at = f"evaluation.tasks[{number}]"
        changes = dict(entry) if isinstance(entry, Mapping) else {"name": entry}
        if "task" in changes:  # a whole one, from a file
            entries.append(changes)
            continue
        name = changes.pop("name", None)
        if name not in options:
            wrong = f"no task {name!r}" if isinstance(name, str) else f"expected the name of a task, got {shown(entry)}"
            faults.append(Fault(at, f"{wrong}{suggestion(str(name), list(options), 'Tasks')}"))
            continue
        entries.append(_scored(point, evaluation, changes, _file(repository, name)))
    if faults:
        raise Refused(faults)
    return {**point, "evaluation": {**evaluation, "tasks": entries}}


def _scored(
    point: Mapping[str, Any], evaluation: Mapping[str, Any], changes: dict[str, Any], file: dict[str, Any]
) -> dict[str, Any]:
    own = point.get(GROUP)
    mine = isinstance(own, Mapping) and own.get("_target_") == file.get("_target_")
    questions = changes.pop("questions", evaluation.get("questions") if mine else None)
    return {"task": {**(own if mine else file), **changes}, "questions": questions}  # type: ignore[dict-item]


def _file(repository: IConfigRepository, name: str) -> dict[str, Any]:
    """The content of conf/task/<name>.yaml."""
    loaded = repository.load_config(f"{GROUP}/{name}")
    assert loaded is not None
    return dict(OmegaConf.to_container(loaded.config))  # type: ignore[arg-type]

"""From artifacts of evaluation stages to named arms.

An arm is everything that decides a trained model except its seed: evaluations whose specs differ only in the seeds of
mix and training are one arm. Its name is the mix's, with whatever else distinguishes it from arms of the same name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from lema.errors import InputError
from lema.records import Solution, Verdict
from lema.report.compare import ArmResult
from lema.spec import digest, encode
from lema.store import Artifact

Form = Mapping[str, Any]  # the canonical form of a spec
BASE = "base"


class Evaluated(msgspec.Struct, frozen=True, kw_only=True):
    """One evaluation, named. `trained` holds the key of the training run, None for a base model."""

    artifact: Artifact
    arm: str
    seed: int | None
    task: str
    trained: str | None
    mix: str | None

    def result(self) -> ArmResult:
        """Who answered what right.

        Raises:
            InputError: a question has more than one path: this is pass@1.
        """
        right: dict[str, bool] = {}
        for solution in self.artifact.rows("solutions.jsonl", Solution):
            if solution.question_id in right:
                raise InputError(f"{self.artifact.name} has several paths of question {solution.question_id}")
            right[solution.question_id] = solution.verdict is Verdict.RIGHT
        return ArmResult(arm=self.arm, seed=self.seed, right=right, task=self.task)


def evaluated(artifacts: Sequence[Artifact]) -> list[Evaluated]:
    """Name the arms of evaluation artifacts, in the order given."""
    forms = [artifact.manifest.spec for artifact in artifacts]
    names = arm_names(forms)
    tasks = task_names(forms)
    found = []
    for artifact, form in zip(artifacts, forms, strict=True):
        trained = form["trained"]
        found.append(
            Evaluated(
                artifact=artifact,
                arm=names[identity(seedless(form))],
                seed=None if trained is None else trained.get("seed", 0),
                task=tasks[identity(scored(form))],
                trained=None if trained is None else identity(trained),
                mix=None if trained is None else identity(trained.get("examples")),
            )
        )
    return found


def seedless(form: Form) -> Form:
    """An evaluation's model without its seeds, and without what it was scored on."""
    trained = form["trained"]
    if trained is None:
        return {"engine": form["engine"], "format": form["format"]}
    learned = {**trained, "seed": None}
    if isinstance(trained.get("examples"), Mapping):
        learned["examples"] = {**trained["examples"], "seed": None}
    return {"engine": form["engine"], "format": form["format"], "trained": learned}


def scored(form: Form) -> Form:
    """What an evaluation was scored on, and how it sampled."""
    return {name: form[name] for name in ("task", "questions", "sampling", "seed")}


def identity(form: Any) -> str:
    """The key of what has this canonical form."""
    return digest(encode(form))


def arm_names(forms: Sequence[Form]) -> dict[str, str]:
    """A name for each arm: short where that is enough, else with what differs."""
    arms = {identity(seedless(form)): seedless(form) for form in forms}
    return distinct({id_: (arm_name(arm), arm) for id_, arm in arms.items()})


def arm_name(arm: Form) -> str:
    """The mix's name, or `base` for a model that was not trained here."""
    if "trained" not in arm:
        return BASE
    examples = arm["trained"].get("examples") or {}
    return str((examples.get("blend") or {}).get("name") or arm["trained"]["kind"])


def task_names(forms: Sequence[Form]) -> dict[str, str]:
    """A name for each set of questions; empty when there is only one."""
    tasks = {identity(scored(form)): scored(form) for form in forms}
    if len(tasks) == 1:
        return dict.fromkeys(tasks, "")
    return distinct({id_: (str(task["task"].get("name") or task["task"]["kind"]), task) for id_, task in tasks.items()})


def distinct(named: Mapping[str, tuple[str, Form]]) -> dict[str, str]:
    """Names made different: those that several have, by the fields in which their forms differ."""
    names = {}
    for id_, (name, form) in named.items():
        others = [other for other_id, (same, other) in named.items() if same == name and other_id != id_]
        leaves = dict(leaves_of(form))
        differing = [at for at in leaves if any(dict(leaves_of(other)).get(at) != leaves[at] for other in others)]
        inner = ", ".join(f"{at.rsplit('.', 1)[-1]}={leaves[at]}" for at in differing[:3])
        names[id_] = f"{name} ({inner})" if inner else name
    if len(set(names.values())) < len(names):  # forms that differ in more or in absent fields only
        return {id_: f"{name} [{id_[:6]}]" for id_, name in names.items()}
    return names


def leaves_of(value: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    """Scalar fields of a form with their paths."""
    if isinstance(value, Mapping):
        for name, held in value.items():
            yield from leaves_of(held, f"{at}.{name}")
    elif isinstance(value, list | tuple):
        for number, held in enumerate(value):
            yield from leaves_of(held, f"{at}[{number}]")
    else:
        yield at, value

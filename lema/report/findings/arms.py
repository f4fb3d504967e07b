"""From artifacts of evaluation and grading stages to named arms.

An arm is everything that decides a trained model except its seed: evaluations whose specs differ only in the seeds of
mix and training are one arm. Its name is the mix's, with whatever else distinguishes it from arms of the same name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from lema.base.errors import InputError
from lema.base.records import Solution, Verdict
from lema.base.spec import digest, encode
from lema.report.findings.evolved import evolution_rounds, strategy
from lema.report.findings.mix_forms import PATHS, hinted, lessons, mix_name
from lema.report.findings.results import ArmResult
from lema.report.tables.text import BEST_ON_TEST, SELECTION
from lema.store import Artifact

Form = Mapping[str, Any]  # the canonical form of a spec
BASE = "base"
HINTED = "answer-hinted corrections"
CHOICE = "select"  # the kind of stage that chooses one of a training run's checkpoints
#: Fields of an evaluation that say which model it is of, and how that answers (in older stores: `executing`).
MODEL = ("engine", "format", "answering", "executing")
SEEDED = {"train", "mix"}  # kinds of stages whose seed tells runs of one arm apart


class Evaluated(msgspec.Struct, frozen=True, kw_only=True):
    """One evaluation, named. `trained` holds the key of the training run, None for a base model.

    `task` tells apart what a report's arms were scored on, and is empty where that is one thing; `tested` is the task's
    own name. `mix_name` is empty for a base model. `grader` is empty for the task's own verifier.
    """

    artifact: Artifact
    arm: str
    seed: int | None
    task: str
    tested: str
    model: str
    mix_name: str
    trained: str | None
    mix: str | None
    selection: str = ""
    grader: str = ""

    @property
    def only_cot(self) -> bool:
        """Whether the model was trained on paths alone: what arms with corrections are compared with."""
        return bool(self.mix_name) and lessons(run_of(self.form)["examples"]) <= PATHS

    @property
    def hinted(self) -> bool:
        """Whether the model learned from corrections by a corrector that was told right answers."""
        return hinted(self.form["trained"])

    @property
    def form(self) -> Form:
        """The canonical form of the evaluation."""
        spec: Form = self.artifact.manifest.spec
        return spec["solutions"] if self.grader else spec

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
        return ArmResult(arm=self.arm, seed=self.seed, right=right, task=self.task, training=training(self.form))


def evaluated(artifacts: Sequence[Artifact]) -> list[Evaluated]:
    """Name the arms of evaluation artifacts, in the order given."""
    forms = [artifact.manifest.spec for artifact in artifacts]
    names = arm_names(forms)
    tasks = task_names(forms)
    found = []
    for artifact, form in zip(artifacts, forms, strict=True):
        trained = run_of(form)
        found.append(
            Evaluated(
                artifact=artifact,
                arm=names[identity(seedless(form))],
                seed=None if trained is None else trained.get("seed", 0),
                task=tasks[identity(scored(form))],
                tested=task_name(form),
                model=model_name(form),
                mix_name=mix_name_of(form),
                trained=None if trained is None else identity(trained),
                mix=None if trained is None else identity(trained.get("examples")),
                selection=selection(form),
            )
        )
    return found


def names_of_models(arms: Sequence[Evaluated]) -> dict[str, str]:
    """The arm of each trained model by its identity, in order; of a model that several arms ask, the first one."""
    found: dict[str, str] = {}
    for arm in arms:
        if arm.form["trained"] is not None:
            found.setdefault(identity(arm.form["trained"]), arm.arm)
    return found


def regraded(artifacts: Sequence[Artifact], arms: Sequence[Evaluated]) -> list[Evaluated]:
    """The arms whose solutions grading stages judged again, as those stages judged them.

    A grading stage's `solutions` is the evaluation, and its `verifier` the other grader.
    """
    known = {arm.artifact.key: arm for arm in arms}
    found = []
    for artifact in artifacts:
        arm = known.get(identity(artifact.manifest.spec["solutions"]))
        if arm is not None:
            verifier = artifact.manifest.spec["verifier"]
            grader = str(verifier.get("name") or verifier["kind"])
            found.append(msgspec.structs.replace(arm, artifact=artifact, grader=grader))
    return found


def training(form: Form) -> str:
    """What kind of training a model comes from: the same model, trained in the same way; empty for a base model."""
    run = run_of(form)
    if run is None:
        return ""
    return identity(
        {"kind": run["kind"], "model": run.get("model"), "method": (run.get("trainer") or {}).get("method")}
    )


def run_of(form: Form) -> Any:
    """The training run that a model comes from, also where one of its checkpoints was chosen; None for a base model."""
    trained = form["trained"]
    return trained["trained"] if trained is not None and trained["kind"] == CHOICE else trained


def seedless(form: Form) -> Form:
    """An evaluation's model without its seeds, and without what it was scored on."""
    model = {name: form[name] for name in MODEL if name in form}
    trained = form["trained"]
    if trained is None:
        return model
    choice = {"chosen": {name: trained[name] for name in ("by", "questions")}} if trained["kind"] == CHOICE else {}
    return {**model, "trained": {**unseeded(run_of(form)), "seed": None}, **choice}


def unseeded(form: Any) -> Any:
    """A form without the seeds of training and mixing, at any depth."""
    if isinstance(form, Mapping):
        seeded = form.get("kind") in SEEDED
        return {name: None if seeded and name == "seed" else unseeded(held) for name, held in form.items()}
    return [unseeded(held) for held in form] if isinstance(form, list) else form


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
    """The mix's name and how its questions were evolved, or `base` for a model that was not trained here.

    Corrections by a corrector that was told right answers are named, and so is a checkpoint chosen on the test set.
    The name is wherever the number is, so that nobody reads such a number as one on unseen questions.
    """
    if "trained" not in arm:
        return BASE
    name = mix_name(arm["trained"].get("examples")) or str(arm["trained"]["kind"])
    if how := strategy(arm["trained"].get("examples")):
        rounds = evolution_rounds(arm["trained"])
        name = f"{name} + {how} evolution" + (f", {rounds} rounds" if rounds > 1 else "")
    if hinted(arm["trained"]):
        name = f"{name} [{HINTED}]"
    by = arm.get("chosen", {}).get("by")
    return f"{name} [{SELECTION[by]}]" if by == BEST_ON_TEST else name


def mix_name_of(form: Form) -> str:
    """The name of the mix that a model was trained on; empty for one that was not."""
    return mix_name((run_of(form) or {}).get("examples"))


def selection(form: Form) -> str:
    """How the checkpoint was chosen: the last one, or as the choice says; empty for a base model."""
    trained = form["trained"]
    if trained is None:
        return ""
    return str(trained["by"]) if trained["kind"] == CHOICE else "last"


def model_name(form: Form) -> str:
    """The model that was trained, or that answered."""
    model = (run_of(form) or {}).get("model") or form["engine"].get("model") or {}
    return str(model.get("name") or form["engine"].get("name") or form["engine"]["kind"])


def task_name(form: Form) -> str:
    """The name of the task that was scored."""
    return str(form["task"].get("name") or form["task"]["kind"])


def task_names(forms: Sequence[Form]) -> dict[str, str]:
    """A name for each set of questions; empty when there is only one."""
    tasks = {identity(scored(form)): scored(form) for form in forms}
    if len(tasks) == 1:
        return dict.fromkeys(tasks, "")
    return distinct({id_: (task_name(task), task) for id_, task in tasks.items()})


def distinct(named: Mapping[str, tuple[str, Form]]) -> dict[str, str]:
    """Names made different: those that several have, by fields in which their forms differ, as few as are needed.

    Where it is enough, what is not set is not said: `cot` beside `cot (examples=400)`.
    """
    names: dict[str, str] = {}
    leaves = {id_: dict(leaves_of(form)) for id_, (_, form) in named.items()}
    for unset in (False, True):
        for id_, (name, _) in named.items():
            others = [leaves[other] for other, (same, _) in named.items() if same == name and other != id_]
            inner = ", ".join(dict.fromkeys(telling(leaves[id_], others, unset=unset)))
            names[id_] = f"{name} ({inner})" if inner else name
        if len(set(names.values())) == len(names):
            return names
    return {id_: f"{name} [{id_[:6]}]" for id_, name in names.items()}  # forms that differ in absent fields only


def telling(own: Form, others: Sequence[Form], *, unset: bool) -> Iterator[str]:
    """Fields that tell a form from all the others, the telling ones first."""
    left = list(others)
    for at in sorted(own, key=importance):
        if any(other.get(at) != own[at] for other in left):
            left = [other for other in left if other.get(at) == own[at]]
            field = at.rsplit(".", 1)[-1]
            if unset or own[at] is not None:
                value = "null" if own[at] is None else own[at]
                yield str(value) if field in ("name", "kind") else f"{field}={value}"


def importance(at: str) -> tuple[bool, ...]:
    """Orders paths of fields: names and kinds, then other values, then what follows from these: the tokenizer that
    counts a budget's tokens, and digests of files."""
    return ".=" in at, ".tokenizer." in at, not at.endswith(".name"), not at.endswith(".kind")


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

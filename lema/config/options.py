"""What a command asks for beside its experiments: what to do, where, and how."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from lema.base.errors import ConfigError
from lema.base.protocols import Task
from lema.base.spec import Spec, runtime, spec
from lema.config.profile import Profile
from lema.config.pythons import check_pythons
from lema.experiment.experiment import Experiment

Mode = Literal[
    "run", "plan", "status", "wait", "cancel", "compare", "report", "grade", "rate", "undecided", "gc", "doctor"
]

LISTS = ("plan", "status", "wait", "cancel", "doctor")  # modes that json=true goes with


@spec
class GradeOptions(Spec):
    """mode=grade: outputs from elsewhere, judged by the verifier of the task (`lema.cli.grading`)."""

    kind = "grade_options"
    input: str | None = runtime(default=None)  # JSONL file of outputs
    output: str | None = runtime(default=None)  # folder of the verdicts; None: beside the input, <stem>.graded
    splits: tuple[str, ...] = runtime(default=())  # where the task's questions are looked up; none: in all


@spec
class RateOptions(Spec):
    """mode=rate: a sheet of corrections for raters, or, when `ratings` are given, what the raters found."""

    kind = "rate_options"
    sample: Annotated[int, Field(ge=1)] = runtime(default=50)  # accepted corrections on the sheet
    seed: int = runtime(default=0)
    sheet: str = runtime(default="rating.html")
    ratings: tuple[str, ...] = runtime(default=())  # files that the sheet gave, one a rater

    def check(self) -> None:
        given = changed(self)
        if "ratings" in given and len(given) > 1:
            other = next(name for name in given if name != "ratings")
            raise ConfigError(
                f"rate.{other}: it is about a new sheet, and rate.ratings reads what raters found; give one of them"
            )


@spec
class Options(Spec):
    """Root settings that decide no result. All are `runtime`."""

    kind = "options"
    mode: Mode = runtime(default="run")
    store: str = runtime(default="store")  # folder of artifacts; relative to where the command is typed
    workers: Annotated[int, Field(ge=1)] | None = runtime(default=None)  # None: one a core, one a GPU machine
    pythons: dict[str, str | None] | None = runtime(default=None)  # Python of stages that need `PYTHONS`, by name
    slurm: Profile | None = runtime(default=None)  # None: on this machine
    submission: str | None = runtime(default=None)  # mode=status, wait, cancel: of this submission, or of the "last"
    report: str = runtime(default="report.html")
    question: str | None = runtime(default=None)  # that the report answers; None: whether corrections help
    undecided: str = runtime(default="undecided.jsonl")  # mode=undecided: where the solutions for people go
    grade: GradeOptions = runtime(default=GradeOptions())
    rate: RateOptions = runtime(default=RateOptions())
    push: bool = runtime(default=False)  # mode=run, report: send the W&B report that tracking=wandb keeps in a file
    json: bool = runtime(
        default=False
    )  # mode=plan, status, wait, cancel, doctor: print JSON (`lema.running.json_listing`)
    delete: bool = runtime(default=False)  # mode=gc: remove, not only list
    unreachable: bool = runtime(default=False)  # mode=gc: also artifacts that these experiments do not need

    def check(self) -> None:
        check_pythons(self.pythons)
        if self.push and self.mode not in ("run", "report"):
            raise ConfigError(f"push: only mode=run and mode=report make a report to send, got mode={self.mode}")
        if self.json and self.mode not in LISTS:
            raise ConfigError(f"json: mode={', '.join(LISTS)} can print JSON, got mode={self.mode}")
        given = {name: f"{name}.{field}" for name in ("grade", "rate") for field in changed(getattr(self, name))[:1]}
        given |= {name: name for name in changed(self) if name == "undecided"}
        for mode, name in given.items():
            if self.mode != mode:
                raise ConfigError(f"{name}: only mode={mode} reads it, got mode={self.mode}")
        if self.mode == "grade" and self.grade.input is None:
            raise ConfigError(
                "grade.input: mode=grade needs a JSONL file of outputs, such as grade.input=outputs.jsonl, whose rows "
                "have `text`, and `question_id` or `reference`"
            )
        if self.submission is not None and (self.slurm is None or self.mode not in ("status", "wait", "cancel")):
            raise ConfigError("submission: only mode=status, wait and cancel with slurm= look after one")
        if self.slurm is None and self.mode in ("wait", "cancel"):
            raise ConfigError(f"slurm: mode={self.mode} is about jobs of a cluster; say which, as in slurm=testbed")

    def only(self, names: Collection[str]) -> bool:
        """Whether no other fields than these are set."""
        return set(changed(self)).issubset(names)

    def store_path(self) -> Path:
        return Path(self.store).expanduser().resolve()


@dataclasses.dataclass(frozen=True)
class Point:
    """One experiment of a command, with what rebuilds it elsewhere and what names it."""

    experiment: Experiment
    raw: dict[str, Any]  # the composed configuration: plain values, no interpolations
    overrides: tuple[str, ...] = ()  # what the user or the sweep set, e.g. ("data_mix=cot", "seed=1")


@dataclasses.dataclass(frozen=True)
class TaskPoint:
    """The task alone of an experiment: all that counts in mode=grade, whatever else the configuration says."""

    task: Task
    raw: dict[str, Any]
    overrides: tuple[str, ...] = ()


def changed(section: Spec) -> list[str]:
    """Names of the fields that are not at their defaults."""
    return [f.name for f in dataclasses.fields(section) if getattr(section, f.name) != f.default]  # type: ignore[arg-type]

"""`slurm=<profile>`: what jobs of a cluster ask for, by what a stage needs and by its kind."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
import shlex
import sys
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import Field

from lema import stages
from lema.base.errors import ConfigError
from lema.base.optional import require_own
from lema.base.spec import Spec, runtime, spec
from lema.config.pythons import check_pythons, own_python
from lema.store.stage import Stage, held_values

NEEDS = ("cpu", "gpu", "teacher")
#: Options of sbatch that jobs could not be followed without.
OURS = ("job-name", "comment", "dependency", "kill-on-invalid-dep", "output", "error", "open-mode", "signal", "requeue")


@spec
class Resources(Spec):
    """What one job asks for, on each of its nodes. None: what is said less specifically, else what the site gives.

    Args:
        minutes: time limit. A job that reaches it goes on where it stopped (`Profile.warn_seconds`).
        nodes: how many; only a stage that can use several (`train`) may be given more than one.
        gpus: how many on each node; 0 asks for none.
        processes_per_node: ranks of a training on each node; by default one a GPU, or one.
        memory_gb: of main memory.
        shards: over how many jobs the parts of a stage are spread; any number gives the same artifact.
        extra: other options of sbatch by their long names, such as `{reservation: night, exclusive: true}`.
    """

    kind = "resources"
    partition: str | None = runtime(default=None)
    account: str | None = runtime(default=None)
    qos: str | None = runtime(default=None)
    constraint: str | None = runtime(default=None)
    minutes: Annotated[int, Field(ge=1)] | None = runtime(default=None)
    nodes: Annotated[int, Field(ge=1)] | None = runtime(default=None)
    gpus: Annotated[int, Field(ge=0)] | None = runtime(default=None)
    processes_per_node: Annotated[int, Field(ge=1)] | None = runtime(default=None)
    cpus: Annotated[int, Field(ge=1)] | None = runtime(default=None)
    memory_gb: Annotated[float, Field(gt=0)] | None = runtime(default=None)
    shards: Annotated[int, Field(ge=1)] | None = runtime(default=None)
    extra: dict[str, str | int | bool] | None = runtime(default=None)

    def check(self) -> None:
        for name in self.extra or ():
            if name.replace("_", "-").lstrip("-") in OURS:
                raise ConfigError(
                    f"extra.{name}: lema sets that option of sbatch itself, so that it can follow its jobs"
                )

    def over(self, general: Resources) -> Resources:
        """These, where they say something, and `general` where they do not."""
        values: dict[str, Any] = {}
        for field in dataclasses.fields(self):
            held = getattr(self, field.name)
            values[field.name] = getattr(general, field.name) if held is None else held
        return Resources(**{**values, "extra": {**(general.extra or {}), **(self.extra or {})} or None})

    @property
    def per_node(self) -> int | None:
        """Processes of a training on each node; None: nobody says."""
        return self.processes_per_node or self.gpus or None


@spec
class Profile(Spec):
    """A cluster, as its users see it.

    Args:
        jobs: what every job asks for.
        cpu, gpu, teacher: what jobs ask for on top, by what their stage needs.
        stages: the same by kind of stage (`train`, `generate`, ...); it wins over what the stage needs.
        setup: shell lines before Python starts: modules, environments, proxies.
        python: how Python is started, as a shell command; None: the one that submits.
        pythons: the same for stages that need a package with an environment of its own, by its name (`vllm`).
        warn_seconds: how long before its time limit a job is told to save and end (SIGUSR2).
        arrays: whether stages that differ in their inputs only are submitted together, as tasks of an array.
        requeues: how often a job that was preempted, or reached its limit, is put back into the queue.
    """

    kind = "slurm_profile"
    jobs: Resources = runtime(default=Resources())
    cpu: Resources = runtime(default=Resources())
    gpu: Resources = runtime(default=Resources())
    teacher: Resources = runtime(default=Resources())
    stages: dict[str, Resources] | None = runtime(default=None)
    setup: tuple[str, ...] = runtime(default=())
    python: str | None = runtime(default=None)
    pythons: dict[str, str | None] | None = runtime(default=None)
    warn_seconds: Annotated[int, Field(ge=1, le=65535)] = runtime(default=120)
    arrays: bool = runtime(default=True)
    requeues: Annotated[int, Field(ge=0)] = runtime(default=50)

    def check(self) -> None:
        check_pythons(self.pythons)
        for name in ("cpu", "teacher"):
            if getattr(self, name).gpus:
                raise ConfigError(
                    f"{name}.gpus: a stage of that sort uses none. What one kind of stage needs goes below `stages`."
                )
        for kind in set(self.stages or ()).difference(known := {cls.kind for cls in known_stages()}):
            raise ConfigError(f"stages.{kind}: there is no such kind of stage. Kinds: {', '.join(sorted(known))}")
        spread = [f"stages.{cls.kind}" for cls in known_stages() if cls.spreads]
        shareable = sorted({cls.kind for cls in known_stages() if cls.shareable})
        for where, asked in self.every():
            for name in ("nodes", "processes_per_node"):
                if (getattr(asked, name) or 1) > 1 and where not in spread:
                    raise ConfigError(
                        f"{where}.{name}={getattr(asked, name)}: only training uses more than one. "
                        f"Say it below {' or '.join(spread)}."
                    )
            if asked.shards is not None and where.removeprefix("stages.") not in shareable:
                raise ConfigError(
                    f"{where}.shards: only stages of some kinds can be spread over several jobs, and each is named: "
                    f"{', '.join(f'stages.{kind}.shards' for kind in shareable)}"
                )
            if asked.minutes is not None and asked.minutes * 60 <= self.warn_seconds:
                raise ConfigError(
                    f"warn_seconds: {self.warn_seconds} s before the end of {where}.minutes={asked.minutes} is before "
                    "the job begins. Give the job more minutes, or a shorter warning."
                )

    def command(self, stage: Stage) -> str:
        """How the Python of a stage's job is started.

        Raises:
            MissingExtra: it is the Python that runs now, and that lacks what the stage needs.
        """
        name = own_python(stage)
        if name is not None and (named := (self.pythons or {}).get(name)):
            return named
        if self.python is not None:
            return self.python
        if name is not None:
            require_own(name)
        return shlex.quote(sys.executable)

    def every(self) -> Iterator[tuple[str, Resources]]:
        """Each place where resources are given, with its name."""
        yield "jobs", self.jobs
        for name in NEEDS:
            yield name, getattr(self, name)
        for kind, asked in (self.stages or {}).items():
            yield f"stages.{kind}", asked

    def merged(self) -> Iterator[tuple[str, Resources]]:
        """What jobs really ask for, by what their stage needs, and for each kind that has its own."""
        for name in NEEDS:
            yield name, getattr(self, name).over(self.jobs)
        for kind, asked in (self.stages or {}).items():
            sort = next(cls.needs for cls in known_stages() if cls.kind == kind)
            yield kind, asked.over(getattr(self, sort).over(self.jobs))

    def resources(self, stage: Stage) -> Resources:
        """What the job of a stage asks for."""
        general = getattr(self, needs(stage)).over(self.jobs)
        own = (self.stages or {}).get(stage.kind)
        return general if own is None else own.over(general)


def needs(stage: Stage) -> str:
    """What a stage must be given: "gpu" to load a model, "teacher" to wait for one elsewhere, else "cpu".

    The engine that a stage holds decides, since sampling from a server loads nothing, and a teacher
    may be a local model.
    """
    served = [engine.needs for engine in held_values(stage) if is_engine(engine)]
    return max(served, key=("cpu", "teacher", "gpu").index) if served else stage.needs


def is_engine(value: Any) -> bool:
    return isinstance(value, Spec) and not isinstance(value, Stage) and getattr(value, "needs", None) in NEEDS


def known_stages() -> list[type[Stage]]:
    """The classes of all stages."""
    for module in pkgutil.iter_modules(stages.__path__):
        importlib.import_module(f"{stages.__name__}.{module.name}")
    found: list[type[Stage]] = []
    todo = [*Stage.__subclasses__()]
    while todo:
        cls = todo.pop()
        todo += cls.__subclasses__()
        found.append(cls)
    return found

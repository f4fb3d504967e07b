"""The edge: plain dicts in, frozen specs out, all errors of a command at once, each with its path."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

from lema.base.errors import ConfigError
from lema.base.protocols import Task
from lema.base.provenance import config_root
from lema.base.spec import Spec, spec
from lema.config.building import Builder, Choices, Fault, Refused
from lema.config.options import Options, Point, TaskPoint
from lema.config.wording import redacted, shown
from lema.experiment.experiment import Experiment

S = TypeVar("S", bound=Spec)
LABELS = 3  # points that a shared error names


@dataclasses.dataclass(frozen=True)
class Composed:
    """One point as Hydra composed it: plain values without interpolations.

    `overrides` are those that made it. `files` are the experiment and sweep files that took part,
    with what each sets, so that an error can say where a value came from.
    """

    raw: dict[str, Any]
    overrides: tuple[str, ...] = ()
    files: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)


@spec
class TaskOnly(Spec):
    """The root mapping where only the task counts."""

    kind = "task_only"
    task: Task


def root() -> Path:
    """The folder that holds conf, experiments, sweeps and slurm.

    That is the package's own copy in an installed wheel, and the repository in a checkout.
    """
    return config_root()


def root_names() -> tuple[str, ...]:
    """Keys of the root mapping."""
    return tuple(f.name for cls in (Experiment, Options) for f in dataclasses.fields(cls))


def build(node: Any, at: str = "") -> Any:
    """Turn mappings with `_target_` into specs, at any depth, and lists into tuples.

    Raises:
        ConfigError: one line for each thing that is wrong, with its path.
    """
    builder = Builder()
    value = builder.value(node, at)
    builder.settle()
    return value


def experiment(composed: Mapping[str, Any], cls: type[S], choices: Choices | None = None) -> S:
    """The root mapping as a root spec; the paths of its keys have no prefix.

    Raises:
        ConfigError: as for `build`.
    """
    builder = Builder(choices)
    value = builder.spec(cls, composed, "")
    builder.settle()
    return cast(S, value)


def points(
    composed: Sequence[Composed | Refused], choices: Choices | None = None
) -> tuple[list[Point] | list[TaskPoint], Options]:
    """Build every point of a command, equal ones once, and the options that they share.

    In mode=grade that is the task and nothing else of an experiment, and all points must have the same one.

    Args:
        composed: the points; those that could not even be composed as what refused them.
        choices: the options of each configuration group, for messages.

    Raises:
        ConfigError: everything that is wrong with any point; what several points share is said once.
    """
    built: dict[str, Point | TaskPoint] = {}
    asked: dict[str, Options] = {}
    faults: list[Sequence[Fault]] = []
    for one in composed:
        try:
            if isinstance(one, Refused):
                raise one
            point, options = _point(one, choices)
            built.setdefault(json.dumps(point.raw, sort_keys=True, default=str), point)
            asked.setdefault(repr(options), options)
            faults.append(())
        except Refused as refused:
            faults.append([_with_file(fault, one) for fault in refused.faults])
    if any(faults):
        raise ConfigError(_merged(faults, _labels([one.overrides for one in composed])))
    if len(asked) > 1:
        raise ConfigError(_differing(list(asked.values())))
    options = next(iter(asked.values()))
    if options.mode == "grade" and len(built) > 1:
        labels = "; ".join(_labels([point.overrides for point in built.values()])[:LABELS])
        raise ConfigError(f"task: mode=grade judges outputs of one task, and this command has {len(built)} ({labels})")
    return list(built.values()), options  # type: ignore[return-value]  # all of one kind


def _point(one: Composed, choices: Choices | None) -> tuple[Point | TaskPoint, Options]:
    names = [f.name for f in dataclasses.fields(Options)]
    builder = Builder(choices, known=names)
    described = {name: held for name, held in one.raw.items() if name not in names}
    options = builder.spec(Options, {name: held for name, held in one.raw.items() if name in names}, "")
    if options is not None and options.mode == "grade":
        described = {name: held for name, held in described.items() if name == "task"}
        made = builder.spec(TaskOnly, described, "")
    else:
        made = builder.spec(Experiment, described, "")
    builder.settle()
    if options.mode != "doctor":  # which says what is missing, and must not need it
        builder.files(made)
        builder.settle()
    if isinstance(made, TaskOnly):
        return TaskPoint(task=made.task, raw=described, overrides=one.overrides), options
    return Point(experiment=made, raw=described, overrides=one.overrides), options


def _with_file(fault: Fault, one: Composed | Refused) -> Fault:
    """The fault with the file that sets the value, when it is not a group's own."""
    for name, content in one.files.items() if isinstance(one, Composed) else ():
        held: Any = content
        for part in re.findall(r"\w+", fault.path):
            held = held.get(part) if isinstance(held, Mapping) and part in held else None
        if held is not None and fault.path:
            return dataclasses.replace(fault, text=f"{fault.text} (set in {name})")
    return fault


def _labels(overrides: Sequence[Sequence[str]]) -> list[str]:
    """A name for each point: the overrides that not all points have."""
    common = set.intersection(*map(set, overrides))
    return [" ".join(line for line in own if line not in common) or "the defaults" for own in overrides]


def _merged(faults: Sequence[Sequence[Fault]], labels: Sequence[str]) -> str:
    """Every fault once, with the points that have it."""
    where: dict[Fault, list[str]] = {}
    for found, label in zip(faults, labels, strict=True):
        for fault in found:
            where.setdefault(fault, []).append(label)
    return redacted("\n".join(str(fault) + _having(fault, having, len(faults)) for fault, having in where.items()))


def _having(fault: Fault, labels: Sequence[str], total: int) -> str:
    of_all = fault.path.partition(".")[0] in {f.name for f in dataclasses.fields(Options)}  # a setting of the command
    if total == 1 or (of_all and len(labels) == total):
        return ""
    if len(labels) == total:
        return f"  (in all {total} points)"
    more = f"; and {len(labels) - LABELS} more" if len(labels) > LABELS else ""
    return f"  (in {len(labels)} of {total} points: {'; '.join(labels[:LABELS])}{more})"


def _differing(asked: Sequence[Options]) -> str:
    values = {
        f.name: list(dict.fromkeys(shown(getattr(options, f.name)) for options in asked))
        for f in dataclasses.fields(Options)
    }
    return "\n".join(
        f"{name}: a command has one value of it for all its points, got {', '.join(held)}"
        for name, held in values.items()
        if len(held) > 1
    )

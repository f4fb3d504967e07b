"""Which picks an experiment measures: for each model, task, set of candidates and read-out a stage (decision 019)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from lema.base.errors import ConfigError
from lema.base.question_slice import Slice
from lema.data.datasets import parts_of, told_parts
from lema.experiment.programs import executed
from lema.experiment.sections import Discrimination, Scored
from lema.stages.discriminate import Discriminate
from lema.stages.generate import Generate
from lema.store.stage import Stage

if TYPE_CHECKING:
    from lema.experiment.experiment import Experiment

#: The trained model with the checkpoint that a task is scored with.
Choose = Callable[[Scored], Stage]


def check_discrimination(e: Experiment, section: Discrimination) -> None:
    """Raise ConfigError for picks that this experiment cannot measure."""
    if not section.trained and not e.evaluation.base:
        raise ConfigError(
            "evaluation.base: discrimination.trained=false scores the model as it is and nothing else, and "
            "evaluation.base=false does not score it. Leave one of them out."
        )
    for scored in judged(e, section):
        for name, where in (("questions", scored.where), ("demos", section.demos)):
            if where is not None and where.split not in scored.task.splits:
                raise ConfigError(
                    f"discrimination.{name}.split: {scored.task.name} has no split {where.split!r}, only "
                    f"{', '.join(scored.task.splits)}"
                )
        if section.demos is not None and section.demos.overlaps(scored.where, parts_of(scored.task)):
            raise ConfigError(
                f"discrimination.demos ({section.demos}) and the questions that are judged ({scored.where}) overlap: "
                f"worked examples would give answers away. Choose other slices.{told_parts(scored.task)}"
            )
    for stage in discriminations(e, None):
        try:
            stage.check()
        except ConfigError as fault:
            raise ConfigError(f"discrimination.{str(fault).removeprefix('candidates.')}") from None


def judged(e: Experiment, section: Discrimination) -> tuple[Scored, ...]:
    """Tasks and questions whose candidates are picked from."""
    if section.questions is not None:
        return (Scored(task=e.task, questions=section.questions),)
    return e.scored


def discriminations(e: Experiment, choose: Choose | None) -> Iterator[Discriminate]:
    """Picks of the model before training, then after it; without `choose` those before it alone."""
    section = e.discrimination
    if section is None:
        return
    for scored in judged(e, section):
        models = (None, choose(scored)) if choose is not None and section.trained else (None,)
        for model in models if e.evaluation.base else models[1:]:
            for seed in section.seeds:
                candidates = sampled(e, section, scored.where, scored, model, seed)
                for read_out in section.read_outs:
                    yield Discriminate(
                        candidates=candidates,
                        task=scored.task,
                        engine=e.evaluation.engine,
                        format=section.format or e.format,
                        asking=section.asking(read_out),
                        demos=None if read_out == "likelihood" or not section.shots else section.demos,
                        trained=model,
                        cyclic=section.cyclic,
                        seed=section.seed,
                        max_tokens=section.max_tokens,
                        device=section.device,
                        batch_tokens=section.batch_tokens,
                        part=section.part,
                    )


def sampled(
    e: Experiment, section: Discrimination, where: Slice, scored: Scored, model: Stage | None, seed: int
) -> Generate:
    """The candidates: of the model that picks, or of another. Programs are run, and are candidates by their values."""
    own = None if section.engine is not None else model
    how = executed(e, trained=own is not None)
    return Generate(
        task=scored.task,
        questions=where,
        engine=section.engine or e.evaluation.engine,
        format=section.format or e.format,
        sampling=section.sampling,
        seed=seed,
        trained=own,
        executing=None if how is None else how.once(),
        part=section.part,
    )

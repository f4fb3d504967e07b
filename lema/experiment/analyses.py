"""What an experiment measures of its models beside accuracy: DeltaPPL and the output space (decision 022)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lema.base.errors import ConfigError
from lema.base.question_slice import Slice
from lema.data.datasets import Published, parts_of, told_parts
from lema.stages.delta_ppl import DeltaPerplexity
from lema.stages.output_space import OutputSpace, Target
from lema.stages.synthesise import Synthesise

if TYPE_CHECKING:
    from lema.experiment.experiment import Experiment
    from lema.stages.correct import Correct
    from lema.store.stage import Stage


def needs_corrections(e: Experiment) -> bool:
    """Whether mistakes are corrected, to learn from or to be measured."""
    return e.data_mix.needs_corrections or (e.analysis is not None and e.analysis.delta_ppl)


def check_output_space(e: Experiment, where: Slice) -> None:
    """Raise ConfigError for questions that no output space can be measured on."""
    e.check_split("analysis.output_space", where)
    for name, learned in e.sources():
        if e.learns_from(name) and learned.overlaps(where, parts_of(e.task)):
            raise ConfigError(
                f"analysis.output_space ({where}) and {name} ({learned}) overlap: it is measured on questions that the "
                f"model has not learned from. Choose other slices.{told_parts(e.task)}"
            )
    if target(e) != "program" and isinstance(e.task, Published) and not e.task.worked:
        raise ConfigError(
            f"analysis.output_space: {e.task.name} has no worked solutions that a model could be measured on. Take "
            "another task, or a mix of programs."
        )


def target(e: Experiment) -> Target:
    """What the trained model answers with."""
    return "program" if e.data_mix.programs else e.data_mix.target


def analyses(e: Experiment, correct: Correct | None, chosen: Stage) -> Iterator[DeltaPerplexity | OutputSpace]:
    """Each measure of the model before training and after it.

    Args:
        correct: corrections of the experiment's own questions.
        chosen: the trained model with the checkpoint that is scored.
    """
    section = e.analysis
    if section is None:
        return
    for run in (None, chosen):
        if section.delta_ppl and correct is not None:
            yield DeltaPerplexity(
                corrections=correct,
                model=e.model,
                format=e.format,
                trained=run,
                quantised=section.quantised,
                seed=section.seed,
                device=section.device,
                batch_tokens=section.batch_tokens,
                part=section.part,
            )
        if section.output_space is not None:
            yield OutputSpace(
                task=e.task,
                questions=section.output_space,
                target=target(e),
                model=e.model,
                format=e.format,
                programs=gold_programs(e, section.output_space),
                trained=run,
                quantised=section.quantised,
                seed=section.seed,
                device=section.device,
                batch_tokens=section.batch_tokens,
                part=section.part,
            )


def gold_programs(e: Experiment, where: Slice) -> Synthesise | None:
    """The first right program of each held-out question, by the teacher of the training questions."""
    if target(e) != "program" or e.synthesis is None or e.executing is None:
        return None
    return Synthesise(
        task=e.task,
        questions=where,
        teacher=e.synthesis.teacher,
        executing=e.executing.once(),
        per_question=1,
        part=e.synthesis.part,
    )

"""Words of former versions. Each is refused, with the word that says it now."""

from __future__ import annotations

from collections.abc import Mapping

MIX = "a mix is a list of lessons now (conf/data_mix has examples)"
#: By path in the configuration: what to write in its place.
WORDS: Mapping[str, str] = {
    "executing": "is `answering` now: answering=body for executing=body, answering.rounds=2 for executing.rounds=2, "
    "answering=path for executing=none",
    "evaluation.votes": "a vote is a way of answering now: answering=vote, with answering.n and answering.temperature",
    "data_mix.cot": f"{MIX}: with lema.lessons.cot.Cot, or without it",
    "data_mix.corrections": f"{MIX}: lema.lessons.corrections.Corrections for as_corrections, "
    "lema.lessons.cot_from_corrections.CotFromCorrections for as_cot, "
    "lema.lessons.mistake_in_target.MistakeInTarget for in_target",
    "data_mix.programs": f"{MIX}: with lema.lessons.programs.Programs, or without it",
    "data_mix.cot_on": f"{MIX}: `questions: with_programs` of lema.lessons.cot.Cot",
    "data_mix.target": f"{MIX}: lema.lessons.answers.Answers for target=answer",
}
#: Options of groups: what to write in their place.
OPTIONS: Mapping[tuple[str, str], str] = {
    ("evaluation", "greedy_vllm"): "is evaluation_engine=vllm now, which leaves how an experiment is scored as it is",
    ("evaluation", "seq2seq"): "is evaluation_engine=seq2seq now, which leaves how an experiment is scored as it is",
}
#: Classes that `_target_` named.
TARGETS: Mapping[str, str] = {
    "lema.blend.Blend": "lema.lessons.data_mix.DataMix, with a list of lessons in place of flags",
    "lema.blend.Budget": "lema.lessons.data_budget.Budget",
    "lema.engines.openai.OpenAI": "lema.engines.openai.engine.OpenAI",
    "lema.engines.vllm.Vllm": "lema.engines.vllm.engine.Vllm",
    "lema.evolution.Strategy": "lema.experiment.evolution.Strategy",
    "lema.formats.Format": "lema.data.formats.Format",
    "lema.models.Model": "lema.lm.model.Model",
    "lema.pad.executing.Executing": "lema.answering.program.RunProgram",
    "lema.pad.sections.Refinement": "lema.experiment.refinement.Refinement",
    "lema.pad.sections.Synthesis": "lema.experiment.synthesis.Synthesis",
    "lema.protocols.Sampling": "lema.base.protocols.Sampling",
    "lema.sections.Analysis": "lema.experiment.analysis.Analysis",
    "lema.sections.Augmentation": "lema.experiment.augmentation.Augmentation",
    "lema.sections.Checkpoint": "lema.experiment.sections.Checkpoint",
    "lema.sections.Discrimination": "lema.experiment.discrimination.Discrimination",
    "lema.sections.Evaluation": "lema.experiment.sections.Evaluation",
    "lema.sections.Generation": "lema.experiment.sections.Generation",
    "lema.slices.Slice": "lema.base.question_slice.Slice",
    "lema.tracking.Tracking": "lema.tracking.runs.Tracking",
    "lema.verifiers.latex.Latex": "lema.verifiers.latex.verdict.Latex",
    "lema.verifiers.lema_v1.LemaV1": "lema.verifiers.lema_v1.grader.LemaV1",
}


def renamed(path: str) -> str | None:
    """What to say of a path that a former version had; None of any other. Below such a path it is the same."""
    parts = path.replace("/", ".").split(".")
    for length in range(len(parts), 0, -1):
        said = WORDS.get(".".join(parts[:length]))
        if said is not None:
            return said
    return None


def renamed_option(group: str, option: object) -> str | None:
    """What to say of an option that a group had; None of any other."""
    said = OPTIONS.get((group, str(option)))
    return None if said is None else f"{group}={option} {said}"


def renamed_target(target: str) -> str | None:
    """What to say of a class that a former version had elsewhere; None of any other."""
    now = TARGETS.get(target)
    return None if now is None else f"is now {now}"

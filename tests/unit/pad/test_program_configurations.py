"""Every option of the groups that programs have composes, and what cannot be is refused at once."""

from __future__ import annotations

import sys

import pytest
from conftest import ROOT

sys.path.insert(0, str(ROOT / "tests" / "golden"))

from renew import points_of

from lema.__main__ import main
from lema.answering.path import PATH
from lema.answering.program import RunProgram, running_programs
from lema.base.spec import key
from lema.experiment.pipeline import pipeline
from lema.stages.discriminate import Discriminate
from lema.stages.generate import Generate

OPTIONS = [
    f"{group}={path.stem}"
    for group in ("answering", "synthesis", "refinement")
    for path in sorted((ROOT / "conf" / group).glob("*.yaml"))
    if path.stem not in ("none", "path", "vote")  # of paths
]
LOCAL = {
    "answering=faithful_beam": f" answering.beam.scorer.model.path={ROOT / 'lema' / 'shipped' / 'tiny'}",
    "synthesis=teacher": " teacher=openai teacher.model=toy",
}


@pytest.mark.parametrize("option", OPTIONS)
def test_an_option_composes_into_an_experiment(option: str) -> None:
    (point,) = points_of(f"experiments=pad_synth data_mix=programs_and_refinements {option}{LOCAL.get(option, '')}")
    stages = pipeline(point.experiment)
    assert [stage.kind for stage in stages.material["programs"]] == ["synthesise"]
    assert [stage.kind for stage in stages.material["repairs"]] == ["refine"]
    assert running_programs(stages.evaluate[0].answering) is not None


@pytest.mark.parametrize(
    ("name", "kinds"),
    [("output_space", ["output_space"]), ("delta_ppl", ["delta_ppl"]), ("both", ["delta_ppl", "output_space"])],
)
def test_an_analysis_is_of_the_model_before_and_after_training_and_changes_no_other_stage(
    name: str, kinds: list[str]
) -> None:
    plain, analysed = (points_of(f"experiments=pad_synth analysis={one}")[0].experiment for one in ("none", name))
    found = pipeline(analysed)
    assert [stage.kind for stage in found.measured] == kinds * 2
    assert key(found.train) == key(pipeline(plain).train)


def test_a_beam_changes_the_evaluation_alone() -> None:
    plain, beam = (points_of(f"experiments=pad_synth answering={name}")[0].experiment for name in ("body", "body_beam"))
    assert key(pipeline(plain).train) == key(pipeline(beam).train)
    assert key(pipeline(plain).evaluate[0]) != key(pipeline(beam).evaluate[0])


def test_pads_own_setting_is_composed() -> None:
    (point,) = points_of("experiments=pad_gsm8k")
    e = point.experiment
    assert (e.model.hub, e.evaluation.engine.kind, e.reasoner.kind) == ("Salesforce/codet5-small", "seq2seq", "seq2seq")
    assert (e.synthesis.teacher.sets, e.synthesis.teacher.shots, e.synthesis.teacher.engine.model) == (
        8,
        4,
        "gpt-3.5-turbo",
    )
    assert e.checkpoint.by == "best_on_dev" and e.trainer.keep_every is not None and not e.trainer.packing
    stages = pipeline(e)
    answering = stages.evaluate[0].answering
    assert isinstance(answering, RunProgram) and answering.form == "function"
    assert stages.base == () and set(stages.material) == {"programs"}


def test_a_model_that_answers_with_programs_picks_among_programs_that_were_run() -> None:
    (point,) = points_of("experiments=pad_synth answering=body_beam discrimination=own")
    before, after = pipeline(point.experiment).measures(Discriminate)
    assert isinstance(before.candidates, Generate) and isinstance(after.candidates, Generate)
    assert before.trained is None and before.candidates.answering == PATH
    run = after.candidates.answering
    assert after.trained is not None and isinstance(run, RunProgram) and run.beam is None


def test_unfiltered_paths_are_another_arm_and_filtered_ones_what_they_were() -> None:
    command = "task.difficulty=easy augmentation=model data_mix=cot"
    stages = [pipeline(points_of(f"{command}{more}")[0].experiment) for more in ("", " augmentation.filtered=false")]
    (plain,), (all_of_them,) = (one.material["right_paths"] for one in stages)
    assert key(plain) != key(all_of_them) and key(stages[0].mix) != key(stages[1].mix)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("experiments=pad_synth answering=path", "answering=function"),
        ("experiments=pad_synth synthesis=none", "synthesis=traces"),
        ("experiments=pad_synth refinement.per_program=4 data_mix=programs_and_refinements", "per_program"),
        ("experiments=pad_synth refinement.injected=[ValueError]", "injected"),
        ("experiments=pad_synth synthesis.questions.split=test", "overlap"),
        ("data_mix=cot data_mix.refinements=1.0", "refinements"),
        ("experiments=pad_gsm8k answering=body_beam", "answering.beam"),
    ],
)
def test_what_cannot_be_is_said_before_anything_runs(
    command: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command.split(), "mode=plan"]) == 2
    assert said in capsys.readouterr().err

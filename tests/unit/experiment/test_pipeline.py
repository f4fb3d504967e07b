"""From an experiment to its stages: which there are, and what they read."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import pytest
from toys.lab import Sums, ToyModel, ToyTrainer, experiment

from lema.base.errors import ConfigError
from lema.base.protocols import Sampling
from lema.base.question_slice import Slice
from lema.base.spec import key, spec
from lema.experiment.analysis import Analysis
from lema.experiment.augmentation import Augmentation
from lema.experiment.pipeline import pipeline
from lema.experiment.sections import Checkpoint, Evaluation, Scored
from lema.lessons.corrections import Corrections
from lema.lessons.data_mix import DataMix
from lema.likeness import Decontamination
from lema.stages.augment import Augment
from lema.stages.correct import Correct
from lema.stages.delta_ppl import DeltaPerplexity
from lema.stages.mix import Mix
from lema.stages.select import Select
from lema.store.stage import Stage
from lema.tasks.svamp import Svamp
from lema.verifiers.lema_v1.grader import LemaV1
from lema.verifiers.numbers import Numbers


@spec
class Keeping(ToyTrainer):
    kind = "keeping"
    keep_every: int | None = 5


@spec
class Apart(Sums):
    kind = "apart"
    apart = True


NO_COT = DataMix(name="corrections", lessons=(Corrections(),))
AUGMENTATION = Augmentation(
    questions=Slice(split="train", start=100, stop=150), engine=ToyModel(), sampling=Sampling(n=4, temperature=1.0)
)
SVAMP = Scored(task=Svamp(verifier=Numbers(), revision="0" * 40, published=LemaV1(grader="rounded")))
SUMS = Scored(task=Sums(), questions=Slice(split="test", stop=300))


def made_of(mix: Mix) -> dict[str, tuple[Stage, ...]]:
    """The stages that the mix takes each material from."""
    return {made.material: made.stages for made in mix.made}


def scored_on(*tasks: Scored, published_grader: bool = False) -> Evaluation:
    return Evaluation(
        questions=Slice(split="test", stop=300),
        tasks=tasks,
        engine=ToyModel(),
        sampling=Sampling(),
        published_grader=published_grader,
    )


def test_mistakes_of_several_reasoners_are_sampled_and_corrected_in_stages_of_their_own() -> None:
    alone = experiment("cot_and_corrections", 0)
    several = experiment(
        "cot_and_corrections", 0, generation=dataclasses.replace(alone.generation, also=(ToyModel(name="other"),))
    )
    one, two = pipeline(alone), pipeline(several)
    (own,) = one.material["corrections"]
    first, other = two.material["corrections"]
    assert key(first) == key(own), "what one reasoner gave is kept"
    assert isinstance(other, Correct) and other.paths.engine.name == "other"  # type: ignore[attr-defined]
    assert made_of(one.mix) == {"corrections": (own,)} and made_of(two.mix) == {"corrections": (first, other)}
    assert key(two.mix) != key(one.mix)
    with pytest.raises(ConfigError, match=r"generation\.also: reasoners beside `reasoner` must be others"):
        experiment(
            "cot_and_corrections", 0, generation=dataclasses.replace(alone.generation, also=(ToyModel(),))
        ).check()


def test_right_paths_are_mixed_where_cot_is() -> None:
    mix = pipeline(experiment("cot", 0, augmentation=AUGMENTATION)).mix
    (augmented,) = made_of(mix)["right_paths"]
    assert isinstance(augmented, Augment)
    assert augmented.paths.questions == AUGMENTATION.questions  # type: ignore[attr-defined]
    without = pipeline(experiment("cot", 0, data_mix=NO_COT, augmentation=AUGMENTATION)).mix
    assert set(made_of(without)) == {"corrections"} and without.cot_questions is None


def test_cot_can_come_from_augmentation_alone() -> None:
    mix = pipeline(experiment("cot", 0, cot_questions=None, augmentation=AUGMENTATION)).mix
    assert mix.cot_questions is None and set(made_of(mix)) == {"right_paths"}
    with pytest.raises(ConfigError, match="there is none without cot_questions or"):
        experiment("cot", 0, cot_questions=None).check()
    experiment("cot", 0, data_mix=NO_COT, cot_questions=None).check()


def test_a_mix_is_held_against_whole_splits_but_for_one_that_it_learns_from() -> None:
    rules = Decontamination()
    clean = pipeline(experiment("cot", 0, decontamination=rules, evaluation=scored_on(SUMS, SVAMP))).mix
    assert [test.questions for test in clean.tests] == [Slice(split="test"), Slice(split="test")]
    fewer = scored_on(Scored(task=Sums(), questions=Slice(split="test", stop=10)), SVAMP)
    assert key(clean) == key(pipeline(experiment("cot", 0, decontamination=rules, evaluation=fewer)).mix)
    own = Slice(split="test", start=300, stop=400)
    same = pipeline(experiment("cot", 0, decontamination=rules, cot_questions=own)).mix
    assert [test.questions for test in same.tests] == [Slice(split="test", stop=300)]
    assert pipeline(experiment("cot", 0)).mix.tests == ()


def test_what_checkpoints_are_chosen_on_is_held_out_too_unless_splits_are_apart_by_construction() -> None:
    rules, kept = Decontamination(), {"trainer": Keeping()}
    dev = Slice(split="train", start=900, stop=950)
    on_dev = Checkpoint(by="best_on_dev", questions=dev)
    mix = pipeline(experiment("cot", 0, decontamination=rules, checkpoint=on_dev, **kept)).mix
    assert [test.questions for test in mix.tests] == [Slice(split="test"), dev], "of a split that is learned from"
    same = Checkpoint(by="best_on_dev", questions=Slice(split="test", start=100, stop=150))
    first = scored_on(Scored(task=Sums(), questions=Slice(split="test", stop=100)))
    mix = pipeline(experiment("cot", 0, decontamination=rules, checkpoint=same, evaluation=first, **kept)).mix
    assert [test.questions for test in mix.tests] == [Slice(split="test")], "the whole split once"
    assert pipeline(experiment("cot", 0, checkpoint=on_dev, **kept)).mix.tests == ()
    apart = pipeline(experiment("cot", 0, task=Apart(), decontamination=rules, checkpoint=on_dev, **kept)).mix
    assert [test.questions for test in apart.tests] == [Slice(split="test")]


def test_a_checkpoint_is_chosen_once_on_dev_and_for_each_task_on_test() -> None:
    dev = Slice(split="train", start=900, stop=950)
    both = {"trainer": Keeping(), "evaluation": scored_on(SUMS, SVAMP)}
    on_dev = pipeline(experiment("cot", 0, checkpoint=Checkpoint(by="best_on_dev", questions=dev), **both))
    chosen = [stage.trained for stage in on_dev.evaluate]
    assert len({key(one) for one in chosen if isinstance(one, Select)}) == 1 and chosen[0].questions == dev  # type: ignore[union-attr]
    assert all(stage.trained is None for stage in on_dev.base)
    on_test = pipeline(experiment("cot", 0, checkpoint=Checkpoint(by="best_on_test"), **both))
    tasks = [stage.trained.task.name for stage in on_test.evaluate if isinstance(stage.trained, Select)]
    assert tasks == ["sums", "svamp"]
    last = pipeline(experiment("cot", 0, **both))
    assert {key(stage.trained) for stage in last.evaluate if stage.trained} == {key(on_dev.train)} == {key(last.train)}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"trainer": ToyTrainer()}, "keeps none but the last"),
        ({"checkpoint": Checkpoint(by="best_on_dev", questions=Slice(split="train", stop=5))}, "cot_questions"),
        ({"checkpoint": Checkpoint(by="best_on_dev", questions=Slice(split="test", stop=5))}, "evaluation.questions"),
        ({"checkpoint": Checkpoint(by="best_on_dev", questions=Slice(split="dev2"))}, "no split 'dev2'"),
    ],
)
def test_a_choice_that_cannot_be_made_is_refused(changed: Mapping[str, object], said: str) -> None:
    fields = {"trainer": Keeping(), "checkpoint": Checkpoint(by="best_on_test")} | dict(changed)
    with pytest.raises(ConfigError, match=said):
        experiment("cot", 0, **fields).check()


def test_the_authors_grader_judges_again_where_a_task_has_one_and_it_is_asked_for() -> None:
    asked = pipeline(experiment("cot", 0, evaluation=scored_on(SUMS, SVAMP, published_grader=True)))
    assert [(stage.solutions, stage.verifier) for stage in asked.grade] == [
        (asked.base[1], LemaV1(grader="rounded")),
        (asked.evaluate[1], LemaV1(grader="rounded")),
    ]
    assert set(map(key, asked.grade)) <= set(map(key, asked.targets()))
    plain = pipeline(experiment("cot", 0, evaluation=scored_on(SUMS, SVAMP)))
    assert plain.grade == () and list(map(key, plain.evaluate)) == list(map(key, asked.evaluate))


def test_an_analysis_corrects_mistakes_that_a_cot_arm_does_not_learn_from() -> None:
    cot = pipeline(experiment("cot", 0, analysis=Analysis(delta_ppl=True)))
    measures = cot.measures(DeltaPerplexity)
    assert [stage.trained for stage in measures] == [None, cot.train]
    assert cot.mix.made == () and cot.material["corrections"] == (measures[0].corrections,)
    both = pipeline(experiment("cot_and_corrections", 0, analysis=Analysis(delta_ppl=True)))
    assert key(both.measures(DeltaPerplexity)[0]) == key(measures[0])
    assert "corrections" not in pipeline(experiment("cot", 0)).material

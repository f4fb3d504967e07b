"""Every shipped experiment and sweep composes and validates, is documented, and has the arms that it speaks of."""

from __future__ import annotations

import contextlib
import functools
import io
import re
import sys
import tempfile
from collections import Counter
from typing import NamedTuple
from unittest import mock

import pytest
import yaml
from conftest import ROOT, require_data

sys.path.insert(0, str(ROOT / "tests" / "golden"))

from renew import LOCAL, points_of

import lema.cli.modes
from lema.__main__ import main
from lema.base.spec import key
from lema.config.options import Options, Point
from lema.experiment.pipeline import pipeline
from lema.lessons.corrections import Corrections
from lema.lessons.cot import Cot
from lema.lessons.cot_from_corrections import CotFromCorrections
from lema.lessons.mistake_in_target import MistakeInTarget
from lema.stages.correct import Correct
from lema.stages.generate import Generate

FILES = sorted([*(ROOT / "experiments").glob("*.yaml"), *(ROOT / "sweeps").glob("*.yaml")])
CHOICES = [f"{path.parent.name}={path.stem}" for path in FILES if "@package _global_" in path.read_text()]
PAPER = [choice for choice in CHOICES if choice not in ("experiments=pretrain_tiny", "sweeps=demo")]


class Planned(NamedTuple):
    """What `lema mode=plan` does, and the points that it is about."""

    code: int
    out: str
    err: str
    points: list[Point]


@functools.cache
def planned(choice: str) -> Planned:
    """The plan of an experiment or a sweep, composed once for all tests of it."""
    caught: list[Point] = []
    run = lema.cli.modes.run

    def noting(points: list[Point], options: Options) -> int:
        caught.extend(points)
        return run(points, options)

    out, err = io.StringIO(), io.StringIO()
    with tempfile.TemporaryDirectory() as folder, mock.patch("lema.cli.modes.run", noting):
        words = [choice, *LOCAL.get(choice, ()), "mode=plan", f"store={folder}/store"]
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(words)
    return Planned(code, out.getvalue(), err.getvalue(), caught)


@pytest.mark.parametrize("choice", CHOICES)
def test_it_is_planned_without_network(choice: str) -> None:
    code, out, err, _ = planned(choice)
    assert code == 0, err
    assert re.search(r"[1-9]\d* experiment\(s\), [1-9]\d* stage\(s\): 0 in the store", out)


@pytest.mark.parametrize("choice", PAPER)
def test_a_file_says_what_it_asks_how_to_run_it_and_what_to_expect(choice: str) -> None:
    group, _, name = choice.partition("=")
    head = (ROOT / group / f"{name}.yaml").read_text().split("\n\n")[0]
    comment = "\n".join(line for line in head.split("\n") if line.startswith("#"))
    assert f"lema {group}={name}" in comment or f"lema -m {group}={name}" in comment
    assert re.search(r"train|paths|minutes", comment), "what does it cost?"
    assert re.search(r"\d\d?\.\d|no number", comment), "which number comes out?"
    assert "?" in comment or group == "experiments", "which question does it answer?"


@pytest.mark.parametrize(("task", "name"), [("gsm8k", "lema_gsm8k"), ("math", "lema_math")])
def test_local_files_and_the_hub_give_one_plan_with_different_keys(task: str, name: str) -> None:
    (hub,) = points_of(f"experiments={name}")
    (local,) = points_of(f"experiments={name} task.path={require_data(task)}")
    assert hub.experiment.task.splits == local.experiment.task.splits
    assert key(pipeline(hub.experiment).train) != key(pipeline(local.experiment).train)


@pytest.mark.parametrize("setting", ["", " experiments=lema_gsm8k model=llama2_70b trainer=lema_qlora_large"])
def test_data_size_has_the_papers_four_arms_and_shares_what_they_share(setting: str) -> None:
    points = points_of(f"sweeps=data_size{setting}") if setting else planned("sweeps=data_size").points
    stages = [pipeline(point.experiment) for point in points]
    assert {point.experiment.seed for point in points} == {0, 1, 2}
    assert len({key(stage.train) for stage in stages}) == len(points) == 12
    assert len({key(made) for stage in stages for made in stage.material.get("corrections", ())}) == 1
    arms = {(p.experiment.data_mix.name, p.experiment.data_budget.examples) for p in points}
    assert points[0].experiment.cot_questions.stop == (7000 if setting else 1500)
    assert arms == {
        ("cot", None),  # CoT-32K
        ("cot_and_corrections", "cot"),  # LEMA-32K
        ("cot_matched", None),  # CoT-45K
        ("cot_and_corrections", None),  # LEMA-45K
    }


def test_tokens_compares_equal_and_more_target_tokens_in_the_papers_ratio() -> None:
    points = planned("sweeps=tokens").points
    arms = {(p.experiment.data_mix.name, p.experiment.data_budget.target_tokens) for p in points}
    assert arms == {("cot_and_corrections", 120_000), ("cot", 120_000), ("cot", 140_000)}
    assert pytest.approx(6.8 / 5.8, abs=0.01) == 140 / 120


SMALL, LARGE = {"llama2-7b", "llama2-13b"}, {"codellama-34b", "llama-65b", "llama2-70b"}


#: methods, sections 2.7, 3, 4.1 and 4.3, by task: what is trained on and chosen on (together the training split),
#: longest example, tokens of a sampled path, split that is scored.
SETTINGS = {
    "gsm8k": (7000, 7473, 1024, 512, "test"),
    "math": (7000, 7500, 1536, 1024, "test"),
    "csqa": (9241, 9741, 1536, 1024, "dev"),
}


def test_table_1_trains_every_backbone_with_the_hyper_parameters_of_its_size_and_task() -> None:
    points = planned("sweeps=table1").points
    seen = Counter()
    for point in points:
        e = point.experiment
        seen[e.model.name, e.task.name, e.data_mix.name] += 1
        small = e.model.name in SMALL
        held, train, longest, sampled, split = SETTINGS[e.task.name]
        assert (e.trainer.method, e.trainer.learning_rate) == ("qlora", 2e-4 if small else 1e-4)
        assert (e.trainer.max_steps, e.trainer.batch_size, e.trainer.keep_every) == (2000, 96, 100)
        assert (e.trainer.max_length, e.trainer.micro_batch) == (longest, 6 if e.task.name == "gsm8k" else 3)
        assert (e.generation.questions.split, e.generation.questions.start, e.generation.questions.stop) == (
            "train",
            0,
            held,
        )
        assert (e.generation.sampling.temperature, e.generation.sampling.top_p) == (0.7, 1.0)
        assert (e.generation.sampling.n, e.generation.sampling.max_tokens) == (4, sampled)
        assert e.generation.correct_per_question is None and e.generation.correct_at_most is None
        assert (e.checkpoint.questions.start, e.checkpoint.questions.stop) == (held, train)
        assert (e.evaluation.questions.split, e.evaluation.questions.stop) == (split, None)
        assert (e.evaluation.sampling.temperature, e.evaluation.sampling.max_tokens) == (0, 2048)
        assert e.evaluation.published_grader and e.format.wording == "lema_v1"
        assert e.data_budget.full and e.evolution_strategy is None
        assert (e.corrector.attempts, e.corrector.sampling.temperature) == (1, 0)
        assert e.corrector.prompt == ("choice_corrections" if e.task.name == "csqa" else "math_corrections")
        if e.task.name == "csqa":  # no human CoT: all of it is the teacher's, about 1.5 paths a question
            assert e.cot_questions is None and e.augmentation.sampling.n == 2
            assert e.augmentation.questions == e.generation.questions
        else:
            assert e.cot_questions == e.generation.questions and e.augmentation is None
    assert set(seen.values()) == {3}
    assert set(seen) == {
        (model, task, mix) for model in SMALL | LARGE for task in SETTINGS for mix in ("cot", "cot_and_corrections")
    }


def test_parts_are_those_of_figure_12() -> None:
    points = planned("sweeps=parts").points
    assert Counter(p.experiment.data_mix.lessons for p in points) == {
        (Cot(), Corrections()): 3,
        (Cot(),): 3,
        (Cot(), Corrections(without=("step",))): 3,
        (Cot(), Corrections(without=("explanation",))): 3,
        (Cot(), Corrections(without=("solution",))): 3,
        (Corrections(),): 3,
    }
    known = yaml.safe_load((ROOT / "experiments" / "paper_numbers.yaml").read_text())["arms"]
    assert {p.experiment.data_mix.name for p in points} - set(known) == {"corrections"}
    stages = [pipeline(point.experiment) for point in points]
    assert len({key(made) for stage in stages for made in stage.material.get("corrections", ())}) == 1
    assert len({key(stage.train) for stage in stages}) == 18


def test_controls_differ_in_what_is_learned_and_where_the_mistake_is() -> None:
    points = planned("sweeps=controls").points
    assert Counter(p.experiment.data_mix.lessons for p in points) == {
        (Cot(), Corrections()): 3,
        (Cot(), Corrections(loss="changed_steps")): 3,
        (Cot(), MistakeInTarget()): 3,
        (Cot(), MistakeInTarget(loss="all_but_mistake")): 3,
        (Cot(), CotFromCorrections()): 3,
    }


def test_evolution_compares_none_general_and_correction_centric_at_one_size() -> None:
    arms = Counter()
    for point in planned("sweeps=evolution").points:
        e = point.experiment
        strategy = e.evolution_strategy
        assert e.generation.correct_per_question is None and e.evaluation.questions.stop == 1000
        new = e.generation.questions.stop + (0 if strategy is None else strategy.count)
        arms[None if strategy is None else strategy.seeds_from, new, e.data_budget.examples, e.data_budget.keep] += 1
    assert arms == {
        (None, 1000, None, "corrections"): 3,
        (None, 2000, 4800, "cot"): 3,
        ("task", 2000, 4800, "cot"): 3,
        ("corrections", 2000, 4800, "cot"): 3,
    }


def test_evolution_on_math_has_the_papers_settings() -> None:
    arms = Counter()
    for point in planned("sweeps=evolution_math").points:
        e = point.experiment
        arms[e.model.name, e.evolution_strategy and e.evolution_strategy.seeds_from] += 1
        assert (e.trainer.method, e.trainer.learning_rate, e.trainer.batch_size) == ("full", 1e-5, 128)
        assert e.trainer.epochs == {"llama2-70b": 3.0, "llemma-34b": 2.0}[e.model.name]
        assert e.checkpoint.by == "last" and e.data_budget.full and e.generation.correct_per_question is None
        if e.evolution_strategy is not None:
            assert (e.evolution_strategy.count, e.evolution_strategy.rounds) == (10_000, 1)
            assert e.evolution_strategy.voting.sampling.n == 3
            assert e.evolution_strategy.voting.format.examples == "by_task"
    assert arms == {
        (model, seeds): 3 for model in ("llama2-70b", "llemma-34b") for seeds in (None, "task", "corrections")
    }


def test_round_2_asks_the_model_of_round_1_which_is_trained_once() -> None:
    by_rounds = {}
    for point in planned("sweeps=rounds").points:
        e = point.experiment
        assert e.generation.correct_per_question is None
        rounds = 0 if e.evolution_strategy is None else e.evolution_strategy.rounds
        by_rounds[rounds, e.seed] = pipeline(e)
    assert set(by_rounds) == {(rounds, seed) for rounds in (0, 1, 2) for seed in (0, 1, 2)}
    for seed in (0, 1, 2):
        first, second = by_rounds[1, seed], by_rounds[2, seed]
        base, *one = first.material["corrections"]
        assert [key(stage) for stage in second.material["corrections"][:2]] == [key(base), *map(key, one)]
        _, _, again = second.material["corrections"]
        assert isinstance(again, Correct) and isinstance(again.paths, Generate) and len(one) == 1
        assert key(again.paths.trained) == key(first.train)


@pytest.mark.parametrize("choice", ["gsm8k", "gsm8k_transfer", "math", "csqa"])
def test_reasoners_that_were_not_fine_tuned_are_asked_with_solved_examples(choice: str) -> None:
    for point in planned(f"experiments=lema_{choice}").points:
        e = point.experiment
        shown = e.generation.format
        assert (shown.examples, shown.chat, e.format.wording) == ("by_task", False, "lema_v1")
        assert e.generation.sampling.stop == ("\n\nQuestion:",) and e.evaluation.sampling.stop == ()
        lines = pipeline(e)
        asked = {stage.paths.format for stage in lines.material["corrections"]}
        assert asked == {shown} and {stage.format for stage in lines.evaluate} == {e.format}


@pytest.mark.parametrize(
    ("words", "examples", "chat"),
    [
        ("reasoner=openai", "by_task", False),
        ("reasoner=openai generation.format=null", None, False),
        ("reasoner=openai format@generation.format=chat", None, True),
        ("experiments=lema_gsm8k reasoner=openai", "by_task", False),
        ("experiments=lema_gsm8k format@generation.format=few_shot_chat", "by_task", True),
        ("experiments=lema_gsm8k generation.format=null augmentation=model", None, False),
        ("experiments=lema_math augmentation=model", "by_task", False),
    ],
)
def test_how_reasoners_are_asked_can_be_chosen_and_augmentation_asks_likewise(
    words: str, examples: str | None, chat: bool
) -> None:
    for point in points_of(words):
        e = point.experiment
        asked = e.asked(trained=False)
        assert (asked.examples, asked.chat) == (examples, chat) and e.asked(trained=True) == e.format
        if e.augmentation is not None:
            assert e.augmentation.format == e.generation.format


def test_a_specialised_model_is_compared_with_itself_and_asked_in_its_own_words() -> None:
    for point in planned("sweeps=specialised").points:
        assert point.experiment.evaluation.base
        assert point.experiment.format.wording == "lema_v1_wizardmath"
        assert point.experiment.asked(trained=False) == point.experiment.format


def test_a_model_without_a_known_commit_can_be_given_one() -> None:
    words = f"model=metamath_70b model.revision={'0' * 40} format=lema_v1"
    points = points_of(f"sweeps=specialised {words}")
    assert {point.experiment.model.name for point in points} == {"metamath-70b"}


def test_the_arm_of_injected_mistakes_samples_none_and_the_other_injects_none() -> None:
    points = planned("sweeps=mistake_source").points
    sections = [point.experiment.refinement for point in points]
    assert [(bool(held.injected), held.sampled is None) for held in sections if held] == [(True, True)] * 2 + [
        (False, False)
    ] * 2
    (lessons,) = {point.experiment.data_mix.lessons for point in points}
    assert [lesson.kind for lesson in lessons] == ["programs", "repairs"]

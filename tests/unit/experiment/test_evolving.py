"""The rounds of evolution: which stages, on whose mistakes, and that they run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from toys.lab import experiment, run_stage

from lema.base.errors import ConfigError
from lema.base.question_slice import Slice
from lema.base.records import Correction, Question, Solution
from lema.base.spec import key
from lema.data.formats import Format
from lema.engines.scripted import Scripted
from lema.evolution.voting import Voting
from lema.evolvers.procedural import Procedural
from lema.evolvers.teacher import Teacher
from lema.experiment.evolution import Strategy
from lema.experiment.experiment import Experiment
from lema.experiment.pipeline import pipeline
from lema.experiment.sections import Checkpoint
from lema.lessons.data_budget import Budget
from lema.stages.correct import Correct
from lema.stages.evolve import Evolve
from lema.stages.generate import Generate
from lema.stages.mix import Mix
from lema.stages.train import Train
from lema.store import Store

#: Half of the new questions are the double of a number as the toy model knows it, and labelled so.
WRITER = Scripted(rules=((r"Given exercise: What is (\d+)", "What is 5{seed} + 5{seed}?"),))
SOLVER = Scripted(default="Step 1: The answer is {12|14}.")


def strategy(**changed: Any) -> Strategy:
    fields: dict[str, Any] = {
        "name": "toy",
        "seeds_from": "corrections",
        "count": 60,
        "evolver": Teacher(engine=WRITER),
        "voting": Voting(engine=SOLVER),
    }
    return Strategy(**{**fields, **changed})


def rounds_of(e: Experiment, chosen: Strategy) -> tuple[Correct, list[Correct]]:
    """The corrections of the task's questions, and those of the rounds."""
    held = pipeline(replace(e, evolution_strategy=chosen)).material["corrections"]
    base, *rounds = (stage for stage in held if isinstance(stage, Correct))
    assert len(held) == 1 + len(rounds)
    return base, rounds


def paths(stage: Correct) -> Generate:
    assert isinstance(stage.paths, Generate)
    return stage.paths


def test_seeds_come_from_the_corrections_or_from_the_questions_that_were_tried() -> None:
    e = experiment("cot_and_corrections", 0)
    base, (centric,) = rounds_of(e, strategy())
    _, (general,) = rounds_of(e, strategy(seeds_from="task"))
    sources = [paths(stage).questions for stage in (centric, general)]
    assert all(isinstance(source, Evolve) for source in sources)
    assert [key(source.seeds_from[0]) for source in sources[:1]] == [key(base)]  # type: ignore[union-attr, index, arg-type]
    assert sources[1].seeds_from == e.generation.questions  # type: ignore[union-attr]


def test_all_rounds_have_the_same_questions_and_each_later_one_the_mistakes_of_the_model_trained_before() -> None:
    e = experiment("cot_and_corrections", 0)
    base, rounds = rounds_of(e, strategy(rounds=3))
    assert len(rounds) == 3
    assert len({key(paths(stage).questions) for stage in rounds}) == 1
    trained = [paths(stage).trained for stage in rounds]
    assert trained[0] is None
    for number, model in enumerate(trained[1:], 1):
        assert isinstance(model, Train) and isinstance(model.examples, Mix)
        assert model.examples.data_mix == e.data_mix and model.examples.budget.full
        (made,) = model.examples.made
        assert made.material == "corrections"
        assert [key(stage) for stage in made.stages] == [key(stage) for stage in (base, *rounds[:number])]
    assert len({key(stage) for stage in rounds}) == 3


def test_reasoners_as_they_were_are_asked_with_examples_and_a_model_that_was_trained_as_it_was_taught() -> None:
    shown = Format(examples="solve_numbers")
    e = experiment("cot_and_corrections", 0)
    e = replace(e, generation=replace(e.generation, format=shown))
    base, (first, second) = rounds_of(e, strategy(rounds=2))
    assert [paths(stage).format for stage in (base, first, second)] == [shown, shown, e.format]
    assert key(pipeline(e).train) != key(pipeline(experiment("cot_and_corrections", 0)).train)
    assert {stage.format for stage in pipeline(e).evaluate} == {e.format} == {pipeline(e).train.format}


def test_new_questions_repeat_none_that_checkpoints_are_chosen_on() -> None:
    e = experiment("cot_and_corrections", 0)
    dev = Slice(split="train", start=900, stop=950)
    e = replace(e, checkpoint=Checkpoint(by="best_on_dev", questions=dev))
    _, (first,) = rounds_of(e, strategy())
    evolved = paths(first).questions
    assert isinstance(evolved, Evolve) and [where for _, where in evolved.tests] == [Slice(split="test"), dev]


def test_examples_that_the_task_has_none_of_are_refused_before_anything_runs() -> None:
    e = experiment("cot_and_corrections", 0)
    with pytest.raises(ConfigError, match=r"generation\.format\.examples: by_task knows no solved examples .* of sums"):
        replace(e, generation=replace(e.generation, format=Format(examples="by_task"))).check()


def test_scoring_fewer_questions_evolves_the_same_ones() -> None:
    keys = set()
    for stop in (10, 300):
        evaluation = replace(experiment("cot_and_corrections", 0).evaluation, questions=Slice(split="test", stop=stop))
        _, (stage,) = rounds_of(experiment("cot_and_corrections", 0, evaluation=evaluation), strategy())
        keys.add(key(stage))
    assert len(keys) == 1


def test_two_rounds_run_to_the_end_and_the_second_has_other_mistakes_on_the_same_questions(tmp_path: Path) -> None:
    store = Store(tmp_path)
    e = experiment("cot_and_corrections", 0, data_budget=Budget(examples=20))
    _, rounds = rounds_of(e, strategy(rounds=2))
    for stage in rounds:
        run_stage(store, stage)
    evolved = {q.id: q for q in store.get(paths(rounds[0]).questions).rows("questions.jsonl", Question)}  # type: ignore[arg-type]
    assert 20 < len(evolved) <= 60
    for stage in rounds:
        asked = list(store.get(paths(stage)).rows("questions.jsonl", Question))
        assert {q.id for q in asked} == set(evolved)
        accepted = list(store.get(stage).rows("corrections.jsonl", Correction))
        assert accepted
        assert all(evolved[row.question_id].parent for row in accepted)
    one, two = (list(store.get(paths(stage)).rows("solutions.jsonl", Solution)) for stage in rounds)
    assert {solution.reasoner for solution in one} == {"toy"}
    assert {solution.reasoner for solution in two} == {f"toy+{key(paths(rounds[1]).trained)[:8]}"}  # type: ignore[arg-type]
    assert [s.text for s in one] != [s.text for s in two]


def test_a_strategy_that_the_experiment_cannot_follow_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"evolution_strategy\.evolver.*sums has none.*gsm_synth"):
        strategy(evolver=Procedural(), voting=None).check_in(experiment("cot_and_corrections", 0))
    with pytest.raises(ConfigError, match="data_mix=cot takes none"):
        strategy().check_in(experiment("cot", 0))


def test_new_questions_that_nobody_answers_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"evolution_strategy\.voting"):
        strategy(voting=None).check()

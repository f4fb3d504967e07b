"""Evolution as a stage: who is drawn, what is kept, and a funnel that sums."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from scipy.stats import chisquare
from toys.lab import Sums, experiment, run_stage
from toys.store import make

from lema.base.errors import InputError
from lema.base.protocols import Sampling
from lema.base.question_slice import Slice
from lema.base.records import Correction, Evolved, Question
from lema.base.spec import spec
from lema.data.formats import Format
from lema.engines.scripted import Scripted
from lema.evolution.seeds import draw_seeds
from lema.evolution.voting import Voting
from lema.evolvers.procedural import Procedural
from lema.evolvers.teacher import Teacher
from lema.experiment.pipeline import pipeline
from lema.experiment.sections import Generation
from lema.stages.correct import Correct
from lema.stages.evolve import Evolve
from lema.store import Artifact, Store
from lema.tasks.gsm_synth import GsmSynth
from lema.verifiers.integers import Integers

SYNTH = GsmSynth(verifier=Integers())
#: What becomes of a question is decided by its last digit.
WRITER = Scripted(
    rules=(
        (r"Given exercise: What is (\d*1) ", "What is {1} + {1}?"),  # the seed once more
        (r"Given exercise: What is \d*2 ", "What is 1007 + 1007?"),  # a question that is scored
        (r"Given exercise: What is \d*3 ", "What is 2 + 3?"),  # the same for each
        (r"Given exercise: What is \d*4 ", ""),
        (r"Given exercise: What is (\d+)", "What is {1} + {seed}?"),
    )
)
SOLVER = Scripted(default="Step 1: The answer is {3|4|5|?}.")


@spec
class Apart(Sums):
    """Sums whose test questions are none of the training questions."""

    kind = "sums_apart"

    def questions(self, split: str, start: int = 0, stop: int | None = None) -> list[Question]:
        first = 1000 if split == "test" else 0
        end = 400 if stop is None else stop
        return super().questions(split, first + start, first + end)


TASK = Apart()


def procedural(**changed: Any) -> Evolve:
    fields: dict[str, Any] = {
        "task": SYNTH,
        "format": Format(),
        "seeds_from": Slice(split="train", stop=40),
        "count": 120,
        "evolver": Procedural(),
        "tests": ((SYNTH, Slice(split="test", stop=100)),),
    }
    return Evolve(**{**fields, **changed})


def asked(**changed: Any) -> Evolve:
    fields: dict[str, Any] = {
        "task": TASK,
        "format": Format(),
        "seeds_from": Slice(split="train", stop=100),
        "count": 300,
        "evolver": Teacher(engine=WRITER, sampling=Sampling(temperature=0.7)),
        "voting": Voting(engine=SOLVER),
        "tests": ((TASK, Slice(split="test")),),
    }
    return Evolve(**{**fields, **changed})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def corrections(store: Store, samples: int = 6) -> Correct:
    """A finished correction stage in which questions have from none to six accepted corrections."""
    reasoner = Scripted(default="Step 1: {One|Two|Three|Four}.\nStep 2: The answer is {7|9|?|?|?}.")
    sampling = Sampling(n=samples, temperature=0.7)
    generation = Generation(questions=Slice(split="train", stop=100), sampling=sampling)
    made = experiment("cot_and_corrections", 0, generation=generation, reasoner=reasoner)
    (correct,) = pipeline(made).material["corrections"]
    assert isinstance(correct, Correct)
    run_stage(store, correct)
    return correct


def p_value(found: Counter[str], weights: dict[str, int]) -> float:
    """Of draws in proportion to these weights; categories that would be drawn seldom are taken together."""
    count, total = found.total(), sum(weights.values())
    by_weight: dict[int, list[str]] = {}
    for name, weight in weights.items():
        by_weight.setdefault(weight, []).append(name)
    groups = []
    for weight, names in by_weight.items():
        groups += [names] if count * weight / total < 5 else [[name] for name in names]
    observed = [sum(found[name] for name in group) for group in groups]
    expected = [sum(weights[name] for name in group) * count / total for group in groups]
    return float(chisquare(observed, expected).pvalue)


def drawn(stage: Evolve, inputs: Callable[[Any], Artifact]) -> Counter[str]:
    return Counter(seed.question.id for seed in stage.draw(inputs))


def test_correction_centric_seeds_are_drawn_in_proportion_to_corrections(store: Store) -> None:
    correct = corrections(store)
    rows = [row.question_id for row in store.get(correct).rows("corrections.jsonl", Correction)]
    weights = dict(Counter(rows))
    assert len(set(weights.values())) >= 4, "some questions have many corrections and some have few"
    draws = [drawn(asked(seeds_from=(correct,), count=2000, seed=seed), store.get) for seed in range(20)]
    fits = [p_value(draw, weights) for draw in draws]
    assert min(fits) > 0.001
    assert sum(p < 0.05 for p in fits) <= 4  # one is expected of 20
    assert all(draw.keys() <= weights.keys() for draw in draws)
    assert max(p_value(draw, dict.fromkeys(weights, 1)) for draw in draws) < 1e-6, "drawn alike would be noticed"


def test_general_seeds_are_drawn_alike_from_all_questions(store: Store) -> None:
    everybody = {question.id: 1 for question in TASK.questions("train", 0, 100)}
    draws = [drawn(asked(count=2000, seed=seed), store.get) for seed in range(20)]
    fits = [p_value(draw, everybody) for draw in draws]
    assert min(fits) > 0.001
    assert sum(p < 0.05 for p in fits) <= 4
    assert all(set(draw) == set(everybody) for draw in draws), "with 2,000 draws of 100 nobody is left out"
    lopsided = {name: 1 + (number < 50) for number, name in enumerate(everybody)}
    assert max(p_value(draw, lopsided) for draw in draws) < 1e-6


def test_seeds_of_several_correction_stages_are_drawn_from_all_their_rows(store: Store) -> None:
    one, two = corrections(store, 1), corrections(store, 6)
    both = Counter(
        row.question_id for stage in (one, two) for row in store.get(stage).rows("corrections.jsonl", Correction)
    )
    draw = drawn(asked(seeds_from=(one, two), count=4000), store.get)
    assert p_value(draw, dict(both)) > 0.001


def test_the_copies_of_a_question_are_numbered_in_order_and_equal_seeds_draw_alike() -> None:
    seeds = draw_seeds(["a", "b", "b"], 50, seed=3)
    for name in "ab":
        copies = [copy for id_, copy in seeds if id_ == name]
        assert copies == list(range(len(copies)))
    assert seeds == draw_seeds(["a", "b", "b"], 50, seed=3) != draw_seeds(["a", "b", "b"], 50, seed=4)
    assert draw_seeds(["a", "b", "b"], 20, seed=3) == seeds[:20]


def test_nothing_to_draw_from_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(InputError, match=r"generation\.questions\.stop"):
        draw_seeds([], 5, seed=0)


def check_sums(funnel: dict[str, Any]) -> None:
    assert funnel["seeds"] == funnel["evolved"] + sum(funnel["rejected"].values())
    assert funnel["evolved"] == funnel["distinct"] + sum(funnel["duplicates"].values())
    assert funnel["distinct"] == funnel["kept"] + sum(funnel["unlabelled"].values())


def rows_of(artifact: Artifact, name: str) -> list[Evolved]:
    return list(artifact.rows(name, Evolved))


def test_the_funnel_of_asked_questions_sums_and_says_why_each_was_dropped(store: Store) -> None:
    artifact = make(store, asked())
    funnel = artifact.summary["funnel"]
    check_sums(funnel)
    assert funnel["seeds"] == 300
    assert set(funnel["rejected"]) == {"empty"}
    assert set(funnel["duplicates"]) == {"like_seed", "like_evolved", "like_test"}
    assert set(funnel["unlabelled"]) == {"no_majority", "no_answers"}
    dropped, kept = rows_of(artifact, "dropped.jsonl"), rows_of(artifact, "evolved.jsonl")
    reasons = Counter(row.reject for row in dropped)
    assert reasons == Counter(funnel["rejected"]) + Counter(funnel["duplicates"]) + Counter(funnel["unlabelled"])
    assert len(dropped) + len(kept) == 300
    assert Counter((row.seed, row.copy) for row in [*dropped, *kept]).most_common(1)[0][1] == 1


def test_kept_questions_are_labelled_name_their_parents_and_are_nobodys_repetition(store: Store) -> None:
    artifact = make(store, asked())
    questions = list(artifact.rows("questions.jsonl", Question))
    parents = {question.id for question in TASK.questions("train", 0, 100)}
    known = {question.text for split in ("train", "test") for question in TASK.questions(split)}
    assert len(questions) == artifact.summary["funnel"]["kept"] > 20
    assert {question.parent for question in questions} <= parents
    assert {question.answer for question in questions} <= {"3", "4", "5"}
    assert not {question.text for question in questions} & known
    assert len({question.id for question in questions}) == len({q.text for q in questions}) == len(questions)
    assert [row.question for row in rows_of(artifact, "evolved.jsonl")] == questions


def test_repetitions_are_not_voted_on(store: Store) -> None:
    artifact = make(store, asked())
    for row in rows_of(artifact, "dropped.jsonl"):
        assert bool(row.answers) == (row.reject in ("no_majority", "no_answers"))


def test_generated_questions_keep_the_answers_of_their_evolver(store: Store) -> None:
    artifact = make(store, procedural())
    check_sums(artifact.summary["funnel"])
    questions = list(artifact.rows("questions.jsonl", Question))
    assert len(questions) == artifact.summary["funnel"]["kept"] > 100
    assert sum(artifact.summary["changes"].values()) == len(questions)
    for question in questions:
        assert SYNTH.verifier.judge(question.solution, question).verdict == "right"


def test_generated_questions_labelled_by_vote_keep_the_truth_in_their_trace(store: Store) -> None:
    artifact = make(store, procedural(voting=Voting(engine=SOLVER)))
    check_sums(artifact.summary["funnel"])
    wrong = 0
    for question in artifact.rows("questions.jsonl", Question):
        assert question.answer in ("3", "4", "5")
        assert question.trace is not None
        wrong += question.trace["nodes"][question.trace["asked"]]["value"] != int(question.answer)
    assert wrong > 0


@pytest.mark.parametrize("stage", [procedural, asked])
def test_parts_change_nothing_and_equal_seeds_give_equal_questions(
    stage: Callable[..., Evolve], tmp_path: Path
) -> None:
    def content(folder: str, **changed: Any) -> Sequence[Question]:
        return list(make(Store(tmp_path / folder), stage(**changed)).rows("questions.jsonl", Question))

    assert content("one") == content("two", part=7) != content("three", seed=1)


def test_a_killed_stage_goes_on_without_asking_again(store: Store) -> None:
    breaks = dataclasses.replace(WRITER, fail_after=130)
    with pytest.raises(RuntimeError, match="fails after 130"):
        make(store, asked(evolver=Teacher(engine=breaks), part=50))
    stage = asked(evolver=Teacher(engine=WRITER), part=50)
    with store.open_work(stage) as work:
        assert work is not None
        store.publish(work, stage.run(store.get, work))
        assert work.parts_reused == 2
    check_sums(store.get(stage).summary["funnel"])

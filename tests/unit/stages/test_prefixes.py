"""What a scorer of steps learns from, and its place among the stages: the real ones with toys in place of models."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from toys.further import Keeper
from toys.lab import run, run_stage
from toys.models import toy_model, toy_seq2seq
from toys.planted import planted
from toys.programs import BODY, PROGRAMS, REFINED, TASK, Programmer, experiment

from lema.base.errors import ConfigError, InputError
from lema.base.protocols import Prompt, Reply, Sampling
from lema.base.question_slice import Slice
from lema.base.records import Example, Question, Solution, Verdict, load
from lema.base.spec import key, spec
from lema.config.options import Point
from lema.data.formats import Format
from lema.experiment.pipeline import pipeline
from lema.experiment.refinement import Refinement
from lema.experiment.sections import Evaluation
from lema.lessons.cot import Cot
from lema.lessons.data_mix import DataMix
from lema.likeness import Decontamination
from lema.pad.forms import Form
from lema.pad.learned import Learned
from lema.pad.stepping import StepBeam, beginnings
from lema.stages import mix
from lema.stages.evaluate import Evaluate
from lema.stages.prefixes import Prefixes
from lema.stages.refine import Refine
from lema.stages.train import Train
from lema.store import Store
from lema.trainers.finetune import Finetune

BOTH = "Step = Mia = 3 + 4"
RIGHT = f"{BOTH}\n# Tom has less.\nStep = Tom = Mia - 2\nAnswer = Tom\nAnswer = 0"
WRONG = f"{BOTH}\n\nStep = Tom = Mia - 1\nAnswer = Tom"
FAILS = f"{BOTH}\nStep = Tom = Zoe"


@pytest.mark.parametrize(
    ("text", "form", "comments", "lines"),
    [
        (RIGHT, "body", False, [1, 3, 4]),  # not behind the line that a beam ends with
        (RIGHT, "body", True, [1, 2, 3, 4]),
        (WRONG, "body", False, [1, 3, 4]),
        (FAILS, "body", False, [1, 2]),
        ("def solution():\n    a = 1\n    return a\n\nThat is it.", "function", False, [1, 2, 3]),
        ("", "body", False, []),
    ],
)
def test_beginnings_are_those_that_a_beam_scores(text: str, form: Form, comments: bool, lines: list[int]) -> None:
    held = text.split("\n")
    assert list(beginnings(text, form, comments=comments)) == ["\n".join(held[:number]) for number in lines]


def sampled(question: Question, *texts: tuple[str, Verdict]) -> list[Solution]:
    return [
        Solution(question_id=question.id, reasoner="toy", sample=number, text=text, verdict=verdict)
        for number, (text, verdict) in enumerate(texts)
    ]


def made(folder: Path, texts: Sequence[tuple[str, Verdict]], **changed: Any) -> tuple[dict[str, Any], list[Example]]:
    questions = TASK.questions("train", 0, 2)
    solutions = [one for question in questions for one in sampled(question, *texts)]
    programs = planted(folder / "sampled", questions=questions, solutions=solutions)
    stage = Prefixes(sampled=programs, form="body", format=Format(), right=" right", wrong=" wrong", **changed)
    run_stage(store := Store(folder / "store"), stage)
    return store.get(stage).summary, list(store.get(stage).rows("examples.jsonl", Example))


TEXTS = [(RIGHT, Verdict.RIGHT), (WRONG, Verdict.WRONG), (FAILS, Verdict.NO_ANSWER)]


def test_a_beginning_is_as_likely_right_as_the_programs_that_share_it(tmp_path: Path) -> None:
    summary, examples = made(tmp_path, TEXTS, balanced=False)
    first, _ = TASK.questions("train", 0, 2)
    own = [one for one in examples if one.question_id == first.id]
    shared = f"Question: {first.text}\nAnswer =\n{BOTH}\nThis step is"
    assert Counter(one.completion for one in own if one.prompt == shared) == {" right": 1, " wrong": 2}
    rest = Counter((one.completion, one.prompt) for one in own if one.prompt != shared)
    assert set(rest.values()) == {1} and Counter(word for word, _ in rest) == {" right": 2, " wrong": 3}
    assert summary["prefixes"] == summary["examples"] == len(examples) == 16
    assert (summary["programs"], summary["right"], summary["questions"]) == (6, 2, 2)
    assert (summary["different"], summary["of_both"]) == (12, 2)
    assert summary["share_right"] == 6 / 16


def test_every_beginning_leads_back_to_the_program_that_it_is_of(tmp_path: Path) -> None:
    _, examples = made(tmp_path, TEXTS, balanced=False)
    programs = {one.id: one for one in load(tmp_path / "sampled" / "solutions.jsonl", Solution)}
    assert {one.made_of.path for one in examples if one.made_of} == set(programs)
    for one in examples:
        assert one.made_of is not None and one.made_of.question == one.question_id
        program = programs[one.made_of.path]
        beginning = one.prompt.partition("Answer =\n")[2].removesuffix("\nThis step is")
        assert program.question_id == one.question_id and program.text.startswith(beginning) and beginning
        assert (one.completion == " right") == (program.verdict is Verdict.RIGHT)


def test_nothing_of_the_answer_is_in_what_is_read(tmp_path: Path) -> None:
    _, examples = made(tmp_path, [(FAILS, Verdict.RIGHT), ("Step = Mia = Zoe", Verdict.WRONG)])
    questions = {question.id: question for question in TASK.questions("train", 0, 2)}
    for one in examples:
        rest = one.prompt.replace(questions[one.question_id].text, "")
        assert not any(word.strip() in rest for word in (" right", " wrong"))
        assert questions[one.question_id].answer not in rest.replace("3 + 4", "")


def test_a_limit_draws_by_the_seed_and_keeps_the_order(tmp_path: Path) -> None:
    _, whole = made(tmp_path / "whole", TEXTS, balanced=False)
    _, few = made(tmp_path / "few", TEXTS, balanced=False, at_most=5)
    _, again = made(tmp_path / "again", TEXTS, balanced=False, at_most=5)
    _, other = made(tmp_path / "other", TEXTS, balanced=False, at_most=5, seed=1)
    assert few == again != other and len(few) == len(other) == 5
    left = iter(whole)
    assert all(one in left for one in few)


def test_a_balanced_question_has_as_many_right_as_other_programs_and_one_of_one_sort_has_none(tmp_path: Path) -> None:
    first, second, third = TASK.questions("train", 0, 3)
    many = [(f"Step = Mia = {n}\nAnswer = Mia", Verdict.RIGHT if n < 5 else Verdict.WRONG) for n in range(7)]
    solutions = [
        *sampled(first, *many),
        *sampled(second, *((text, Verdict.WRONG) for text, _ in many)),
        *sampled(third, (FAILS, Verdict.NO_ANSWER), (RIGHT, Verdict.RIGHT), (WRONG, Verdict.UNDECIDED)),
    ]
    programs = planted(tmp_path / "sampled", questions=[first, second, third], solutions=solutions)
    chosen = {}
    for seed in range(4):
        stage = Prefixes(sampled=programs, form="body", format=Format(), right="R", wrong="W", seed=seed)
        run_stage(store := Store(tmp_path / f"store{seed}"), stage)
        rows = [one for one in store.get(stage).rows("examples.jsonl", Example) if "Answer = " in one.prompt]
        assert Counter((one.question_id, one.completion) for one in rows if one.question_id == first.id) == {
            (first.id, "R"): 2,
            (first.id, "W"): 2,
        }
        assert second.id not in {one.question_id for one in rows}
        summary = store.get(stage).summary
        assert (summary["programs"], summary["right"], summary["used"], summary["questions"]) == (17, 6, 6, 2)
        chosen[seed] = tuple(one.prompt for one in rows)
    assert len(set(chosen.values())) > 1


@pytest.mark.parametrize("balanced", [True, False])
@pytest.mark.parametrize("verdict", [Verdict.RIGHT, Verdict.WRONG])
def test_programs_that_are_all_alike_teach_nothing_and_are_refused(
    tmp_path: Path, verdict: Verdict, balanced: bool
) -> None:
    with pytest.raises(InputError, match="right and wrong ones"):
        made(tmp_path, [(RIGHT, verdict), (WRONG, verdict)], balanced=balanced)


def test_a_training_question_that_gives_a_test_question_away_is_left_out(tmp_path: Path) -> None:
    leaky = mix.TestSet(task=TASK, questions=Slice(split="train", stop=1))
    summary, examples = made(tmp_path, TEXTS, decontamination=Decontamination(), tests=(leaky,))
    _, second = TASK.questions("train", 0, 2)
    assert summary["leaks"] == 1 and {one.question_id for one in examples} == {second.id}


@spec
class Liner(Programmer):
    """Writes whole programs, or the next lines of some where a beam asks for lines."""

    kind = "liner"

    def reply(self, prompt: Prompt, question: Question, sample: int) -> Reply:
        whole = super().reply(prompt, question, sample)
        written = prompt.text.split("Answer =\n", 1)[-1]
        if not prompt.id.rpartition("/")[2].isdigit():
            return whole
        lines = [*whole.text.split("\n"), ""]
        return Reply(text=lines[min(written.count("\n"), len(lines) - 1)], logprobs=(-1.0 - sample / 8,))


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Fields of an experiment whose beam is led by a scorer with the weights of a small Llama."""
    model = toy_model(tmp_path_factory.mktemp("model"))
    scorer = Learned(model=model, sampling=Sampling(n=2, temperature=0.7), device="cpu")
    return {
        "model": model,
        "trainer": Keeper(),
        "answering": dataclasses.replace(BODY, beam=StepBeam(width=2, samples=3, scorer=scorer)),
        "evaluation": Evaluation(
            questions=Slice(split="test", stop=6), engine=Liner(), sampling=Sampling(), base=False
        ),
    }


def changed_beam(toy: dict[str, Any], **changed: Any) -> dict[str, Any]:
    beam = toy["answering"].beam
    scorer = dataclasses.replace(beam.scorer, **changed)
    return toy | {"answering": dataclasses.replace(toy["answering"], beam=dataclasses.replace(beam, scorer=scorer))}


def test_the_scorer_is_trained_on_what_the_student_of_programs_samples_and_its_evaluation_waits_for_it(
    toy: dict[str, Any],
) -> None:
    stages = pipeline(experiment(PROGRAMS, **toy))
    (evaluation,) = stages.evaluate
    assert stages.scorer is not None and evaluation.scorer == stages.scorer
    assert stages.scorer in evaluation.upstream()
    prefixes = stages.scorer.examples
    assert isinstance(prefixes, Prefixes) and prefixes.sampled.trained == stages.train  # type: ignore[attr-defined]
    assert prefixes.sampled.answering == BODY  # type: ignore[attr-defined]
    assert prefixes.sampled.questions == Slice(split="train", stop=40)  # type: ignore[attr-defined]


@pytest.mark.parametrize("data_mix", [PROGRAMS, REFINED], ids=lambda one: one.name)
def test_with_the_same_sampling_its_programs_are_those_that_failures_are_taken_from(
    toy: dict[str, Any], data_mix: DataMix
) -> None:
    refinement = Refinement(sampled=Sampling(n=2, temperature=0.7))
    scorer = pipeline(experiment(data_mix, refinement=refinement, **toy)).scorer
    (refine,) = pipeline(experiment(REFINED, refinement=refinement, **toy)).material["repairs"]
    assert scorer is not None and isinstance(refine, Refine) and refine.sampled is not None
    assert key(scorer.examples.sampled) == key(refine.sampled)  # type: ignore[attr-defined]


def test_a_beam_without_training_has_none_and_its_evaluation_is_what_it_was(toy: dict[str, Any]) -> None:
    plain = dataclasses.replace(toy["answering"], beam=dataclasses.replace(toy["answering"].beam, scorer=None))
    stages, led = (pipeline(experiment(PROGRAMS, **(toy | more))) for more in ({"answering": plain}, {}))
    assert stages.scorer is None and stages.evaluate[0].scorer is None
    assert key(stages.train) == key(led.train) and key(stages.evaluate[0]) != key(led.evaluate[0])
    assert key(stages.evaluate[0]) == key(dataclasses.replace(led.evaluate[0], answering=plain, scorer=None))


def test_a_scorer_may_start_from_its_student(toy: dict[str, Any]) -> None:
    stages = pipeline(experiment(PROGRAMS, **changed_beam(toy, start="student")))
    plain = pipeline(experiment(PROGRAMS, **toy)).scorer
    assert stages.scorer is not None and plain is not None
    assert stages.scorer.base == stages.train and plain.base is None
    assert key(stages.scorer.examples) == key(plain.examples)
    other = dataclasses.replace(toy["model"], name="other")
    with pytest.raises(ConfigError, match="start=base"):
        experiment(PROGRAMS, **changed_beam(toy, start="student", model=other)).check()


def test_a_scorer_without_weight_is_neither_trained_nor_opened(toy: dict[str, Any], tmp_path: Path) -> None:
    beam = dataclasses.replace(toy["answering"].beam, weight=0.0)
    stages = pipeline(experiment(PROGRAMS, **(toy | {"answering": dataclasses.replace(BODY, beam=beam)})))
    (evaluation,) = stages.evaluate
    assert stages.scorer is None and evaluation.scorer is None
    alone = dataclasses.replace(evaluation, trained=None)
    plain = dataclasses.replace(alone, answering=dataclasses.replace(BODY, beam=dataclasses.replace(beam, scorer=None)))
    store = Store(tmp_path / "store")
    for stage in (alone, plain):
        run_stage(store, stage)
    first, second = (list(store.get(stage).rows("solutions.jsonl", Solution)) for stage in (alone, plain))
    assert first == second


def test_paths_are_not_led_by_a_scorer_of_programs(toy: dict[str, Any]) -> None:
    paths = DataMix(name="cot", lessons=(Cot(),))
    stages = pipeline(experiment(paths, **toy))
    assert stages.scorer is None and stages.evaluate[0].scorer is None


def test_how_a_scorer_is_run_decides_no_key_and_how_it_is_made_does(toy: dict[str, Any]) -> None:
    def keys(**changed: Any) -> tuple[str, str]:
        stages = pipeline(experiment(PROGRAMS, **changed_beam(toy, **changed)))
        assert stages.scorer is not None
        return key(stages.scorer), key(stages.evaluate[0])

    plain = keys()
    assert keys(steps_at_once=9, device="auto", part=3) == plain
    others = [
        {"at_most": 10},
        {"seed": 1},
        {"right": " not"},
        {"balanced": False},
        {"trainer": Finetune(method="full", learning_rate=1e-3, epochs=1.0, batch_size=8, device="cpu")},
        {"questions": Slice(split="train", start=50, stop=60)},
    ]
    for changed in others:
        assert not set(keys(**changed)) & set(plain), changed


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"questions": Slice(split="test", start=3, stop=9)}, "must not learn from questions that it helps"),
        ({"questions": Slice(split="nowhere")}, "no split 'nowhere'"),
    ],
)
def test_a_scorer_never_learns_from_questions_that_are_scored(
    toy: dict[str, Any], changed: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        experiment(PROGRAMS, **changed_beam(toy, **changed)).check()


def test_test_questions_are_held_out_of_it_too(toy: dict[str, Any]) -> None:
    fields = changed_beam(toy, questions=Slice(split="test", start=20, stop=40)) | {
        "decontamination": Decontamination()
    }
    own = pipeline(experiment(PROGRAMS, **fields)).scorer
    usual = pipeline(experiment(PROGRAMS, **(toy | {"decontamination": Decontamination()}))).scorer
    assert own is not None and usual is not None
    tests = [one.examples.tests[0].questions for one in (own, usual)]  # type: ignore[attr-defined]
    assert tests == [Slice(split="test", stop=6), Slice(split="test")]  # its own split, or the whole of another


@pytest.mark.parametrize(
    "changed", [{"sampling": Sampling(n=4)}, {"right": " wrong"}, {"wrong": " "}], ids=["greedy", "equal", "empty"]
)
def test_a_scorer_that_could_learn_nothing_is_refused(toy: dict[str, Any], changed: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        dataclasses.replace(toy["answering"].beam.scorer, **changed).check()


def test_a_scorer_that_is_an_encoder_decoder_is_refused(tmp_path: Path) -> None:
    scorer = Learned(model=toy_seq2seq(tmp_path), device="cpu")
    opened = scorer.open("body", lambda _: [], format_=Format(), checkpoint=tmp_path)
    with pytest.raises(ConfigError, match="encoder-decoder"), opened:
        pass


@spec
class Lying(type(TASK)):  # type: ignore[misc]
    """The same questions with other answers."""

    kind = "lying"

    def questions(self, *args: Any) -> list[Question]:
        return [msgspec.structs.replace(one, answer="999") for one in super().questions(*args)]


def test_the_whole_way_and_the_answer_is_never_looked_at(toy: dict[str, Any], tmp_path: Path) -> None:
    made = experiment(PROGRAMS, **toy)
    store = Store(tmp_path / "store")
    run(store, [Point(made, {}, ())])
    stages = pipeline(made)
    (evaluation,) = stages.evaluate
    assert isinstance(evaluation, Evaluate) and isinstance(stages.scorer, Train)
    learned = list(store.get(stages.scorer.examples).rows("examples.jsonl", Example))
    assert {one.completion for one in learned} == {" right", " wrong"}
    told = list(store.get(evaluation).rows("solutions.jsonl", Solution))
    lying = dataclasses.replace(evaluation, task=Lying(verifier=TASK.verifier))
    run_stage(store, lying)
    found = list(store.get(lying).rows("solutions.jsonl", Solution))
    assert len(told) == 6 and [one.text for one in found] == [one.text for one in told]
    assert Verdict.RIGHT in {one.verdict for one in told} and Verdict.RIGHT not in {one.verdict for one in found}

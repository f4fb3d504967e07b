"""PaD with the real stages in a real store: synthesis, refinement data, mixes, execution as a verdict, their report."""

from __future__ import annotations

import dataclasses
import io
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from toys.lab import ToyModel, run, run_stage
from toys.programs import ANSWERS, BODY, PROGRAMS, REFINED, SAME_QUESTIONS, TASK, Programmer, experiment

from lema.answering.answering import Setting
from lema.answering.path import PATH
from lema.answering.repairs import class_and_rounds
from lema.base.errors import ConfigError, InputError
from lema.base.protocols import Sampling
from lema.base.question_slice import Slice
from lema.base.records import Example, Question, Solution, Verdict
from lema.base.spec import key
from lema.config.options import Point
from lema.data.formats import Format
from lema.experiment.pipeline import pipeline
from lema.experiment.refinement import Refinement
from lema.lessons.data_mix import DataMix
from lema.lessons.programs import Programs
from lema.lessons.repairs import Repairs
from lema.lm.loading import load_tokenizer
from lema.lm.model import Model
from lema.pad.demos import program_of
from lema.pad.forms import normal, source
from lema.pad.teachers import Traces
from lema.pad.written import Written
from lema.report.collect import collect
from lema.report.model import Report, from_json, to_json
from lema.report.output.html import render_html
from lema.report.output.terminal import print_report
from lema.stages.generate import Generate
from lema.stages.refine import Broken, Refine
from lema.stages.synthesise import Synthesise
from lema.store import Artifact, Store
from lema.store.stage import Stage

WRONG_VALUES = Refinement(sampled=Sampling(n=2, temperature=0.7), wrong_values=True)
SYNTHESIS = Synthesise(
    task=TASK,
    questions=Slice(split="train", stop=40),
    teacher=Traces(variants=6, wrong=0.2, broken=0.1),
    executing=BODY.executing,
)


def point(mix: DataMix, seed: int = 0, **changed: Any) -> Point:
    return Point(experiment(mix, seed, **changed), {}, (f"data_mix={mix.name}", f"seed={seed}"))


POINTS = [
    point(SAME_QUESTIONS),
    point(ANSWERS),
    point(PROGRAMS),
    point(REFINED),
    point(PROGRAMS, answering=dataclasses.replace(BODY, rounds=2)),
]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = Store(tmp_path_factory.mktemp("pad") / "store")
    run(store, POINTS)
    return store


def artifact(store: Store, stage: Stage | None) -> Artifact:
    found = store.find(stage) if stage is not None else None
    assert found is not None
    return found


def test_programs_are_kept_iff_they_run_are_right_and_are_new(store: Store) -> None:
    made = artifact(store, SYNTHESIS)
    attempts = list(made.rows("attempts.jsonl", Written))
    kept = list(made.rows("programs.jsonl", Written))
    assert len(attempts) == 40 * 6 and kept == [row for row in attempts if not row.reject]
    reasons = Counter(row.reject for row in attempts)
    assert reasons["wrong"] > 10 and reasons["NameError"] > 3 and reasons["duplicate"] > 0
    assert all((row.verdict is Verdict.RIGHT) == (row.reject in ("", "duplicate")) for row in attempts)
    forms = [(row.question_id, normal(source(row.text, "body"))) for row in kept]
    assert len(set(forms)) == len(forms)


def test_the_funnel_of_a_synthesis_sums(store: Store) -> None:
    counts = artifact(store, SYNTHESIS).summary
    assert counts["sampled"] == counts["kept"] + sum(counts["dropped"].values())
    assert counts["right"] == counts["kept"] + counts["dropped"]["duplicate"]
    assert counts["executed"] == counts["right"] + counts["dropped"]["wrong"]


def test_a_limit_keeps_the_first_programs_of_a_question(tmp_path: Path, store: Store) -> None:
    few = dataclasses.replace(SYNTHESIS, per_question=1)
    run_stage(other := Store(tmp_path / "store"), few)
    rows = list(artifact(other, few).rows("programs.jsonl", Written))
    first: dict[str, str] = {}
    for row in artifact(store, SYNTHESIS).rows("programs.jsonl", Written):
        first.setdefault(row.question_id, row.id)
    assert [row.id for row in rows] == list(first.values())


def test_parts_decide_nothing(tmp_path: Path, store: Store) -> None:
    small = dataclasses.replace(SYNTHESIS, part=7)
    run_stage(other := Store(tmp_path / "store"), small)
    found, known = ((artifact(one, SYNTHESIS).path / "attempts.jsonl").read_bytes() for one in (other, store))
    assert found == known


def test_a_killed_synthesis_goes_on_where_it_was(tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    other, small = Store(tmp_path / "store"), dataclasses.replace(SYNTHESIS, part=10)
    asked: list[int] = []
    attempts = Synthesise.attempts

    def dying(self: Synthesise, run: Any, write: Any, questions: Any) -> list[Written]:
        asked.append(len(questions))
        if len(asked) == 3:
            raise KeyboardInterrupt
        return attempts(self, run, write, questions)

    monkeypatch.setattr(Synthesise, "attempts", dying)
    with pytest.raises(KeyboardInterrupt):
        run_stage(other, small)
    run_stage(other, small)
    assert asked == [10] * 5  # two parts, the one that died, and the two that were missing
    found, known = ((artifact(one, SYNTHESIS).path / "attempts.jsonl").read_bytes() for one in (other, store))
    assert found == known


def refine() -> Refine:
    """The stage of the repairs."""
    (stage,) = pipeline(POINTS[3].experiment).material["repairs"]
    assert isinstance(stage, Refine)
    return stage


def test_refinements_are_of_every_class_and_end_in_right_programs(store: Store) -> None:
    made = artifact(store, refine())
    rows = list(made.rows("broken.jsonl", Broken))
    right = {(row.question_id, row.text) for row in artifact(store, SYNTHESIS).rows("programs.jsonl", Written)}
    assert {row.error for row in rows if row.origin == "injected"} == {"NameError", "UnboundLocalError", "SyntaxError"}
    assert all(row.message.startswith(row.error) for row in rows if row.origin == "injected")
    assert sum(row.origin == "injected" for row in rows) == len(right)
    assert sum(row.origin == "sampled" for row in rows) > 10
    assert all((row.question_id, row.target) in right and row.text in row.prompt for row in rows)


def test_programs_that_run_are_no_failures_of_a_student_right_or_wrong(store: Store) -> None:
    stage = refine()
    assert stage.sampled is not None
    sampled = list(artifact(store, stage.sampled).rows("solutions.jsonl", Solution))
    assert {one.rung for one in sampled} == {"executed", "NameError", "UnboundLocalError", "SyntaxError"}
    texts = {one.text for one in sampled if one.rung == "executed"}
    rows = artifact(store, stage).rows("broken.jsonl", Broken)
    assert not texts & {row.text for row in rows if row.origin == "sampled"}


@pytest.fixture(scope="module")
def with_wrong_values(store: Store) -> Artifact:
    stage = dataclasses.replace(refine(), wrong_values=True)
    run_stage(store, stage)
    return artifact(store, stage)


def test_programs_that_give_a_wrong_value_are_repaired_where_that_is_asked_for(
    store: Store, with_wrong_values: Artifact
) -> None:
    sampled = {one.id: one for one in artifact(store, refine().sampled).rows("solutions.jsonl", Solution)}
    right = {(row.question_id, row.text) for row in artifact(store, SYNTHESIS).rows("programs.jsonl", Written)}
    before = list(artifact(store, refine()).rows("broken.jsonl", Broken))
    rows = list(with_wrong_values.rows("broken.jsonl", Broken))
    assert rows[: len(before)] == before
    added = rows[len(before) :]
    assert {row.path for row in added} == {
        one.id for one in sampled.values() if one.verdict is Verdict.WRONG and one.question_id in dict(right)
    }
    assert len(added) > 5
    for row in added:
        one = sampled[row.path]
        assert (row.error, row.origin, row.message, row.text) == ("wrong_value", "sampled", one.answer, one.text)
        assert f"The answer is not {one.answer}." in row.prompt and (row.question_id, row.target) in right
    assert with_wrong_values.summary["sampled"]["wrong_value"] == len(added)


def test_repairs_of_wrong_values_say_nothing_of_the_right_answer_and_have_a_source_of_their_own(
    store: Store, with_wrong_values: Artifact
) -> None:
    made = list(with_wrong_values.rows("refinements.jsonl", Example))
    answers = {question.id: question.answer for question in TASK.questions("train", 0, 40)}
    wrong = [one for one in made if one.source == "wrong_value_refinement"]
    assert wrong and {one.source for one in made} == {"refinement", "wrong_value_refinement"}
    for one in wrong:
        reason = one.prompt.rpartition("Reason: ")[2]
        assert answers[one.question_id] not in re.findall(r"\d+", reason)
    mix = pipeline(point(REFINED, refinement=WRONG_VALUES).experiment).mix
    run_stage(store, mix)
    assert artifact(store, mix).summary["sources"]["wrong_value_refinement"] > 0


def test_the_shipped_tokenizer_has_words_for_a_wrong_value() -> None:
    tokenizer = load_tokenizer(Model(name="tiny", shipped="tiny"), None)
    (question,) = TASK.questions("train", 0, 1)
    text = Format().wrong_value_prompt(question, program_of(question, "body") or "", "12")
    assert tokenizer.unk_token_id not in tokenizer(text)["input_ids"]
    assert tokenizer.decode(tokenizer("The answer is not 12.")["input_ids"]).strip() == "The answer is not 12."


def test_wrong_values_need_a_student_that_is_sampled_and_leave_other_keys_alone() -> None:
    with pytest.raises(ConfigError, match=r"refinement.wrong_values.*refinement=wrong_values"):
        Refinement(wrong_values=True).check()
    assert key(refine()) == key(dataclasses.replace(refine(), wrong_values=False))
    assert key(refine()) != key(dataclasses.replace(refine(), wrong_values=True))


def examples(store: Store, number: int) -> list[Example]:
    return list(artifact(store, pipeline(POINTS[number].experiment).mix).rows("examples.jsonl", Example))


def test_a_mix_of_programs_has_each_of_them_and_its_refinements_at_the_ratio(store: Store) -> None:
    kept = list(artifact(store, SYNTHESIS).rows("programs.jsonl", Written))
    plain, refined = examples(store, 2), examples(store, 3)
    assert Counter(one.completion for one in plain) == Counter(row.text for row in kept)
    assert all(one.prompt.startswith("Question: ") and one.prompt.endswith("Answer =\n") for one in plain)
    counts = Counter(one.source for one in refined)
    assert counts == {"program": len(kept), "refinement": round(0.5 * len(kept))}
    assert {one.id for one in plain} <= {one.id for one in refined}


def test_every_example_leads_back_to_the_rows_that_it_was_made_of(store: Store) -> None:
    programs = {row.id: row for row in artifact(store, SYNTHESIS).rows("programs.jsonl", Written)}
    failed = {row.id: row for row in artifact(store, refine().sampled).rows("solutions.jsonl", Solution)}
    repairs = {"injected": 0, "sampled": 0}
    for one in examples(store, 3):
        assert one.made_of is not None and one.made_of.question == one.question_id
        right = programs[one.made_of.program]
        assert (right.question_id, right.text) == (one.question_id, one.completion)
        if one.source == "refinement":
            repairs["sampled" if one.made_of.path else "injected"] += 1
            assert not one.made_of.path or failed[one.made_of.path].text in one.prompt
    assert min(repairs.values()) > 0
    for number in (0, 1):
        told = {(one.question_id, one.made_of.path) for one in examples(store, number) if one.made_of}
        assert told == {(row.question_id, "reference") for row in programs.values()}


def test_too_few_refinements_are_an_error_and_not_fewer_refinements(tmp_path: Path) -> None:
    many = DataMix(name="many_refinements", lessons=(Programs(), Repairs(refinements=9.0)))
    with pytest.raises(InputError, match=r"data_mix\.refinements=9"):
        run(Store(tmp_path / "store"), [point(many, refinement=Refinement())])


def test_paths_and_answers_are_of_the_questions_that_have_programs(store: Store) -> None:
    asked = {question.id for question in artifact(store, SYNTHESIS).rows("questions.jsonl", Question)}
    assert len(asked) < 40 or {one.question_id for one in examples(store, 2)} == asked
    assert {one.question_id for one in examples(store, 0)} == asked == {one.question_id for one in examples(store, 1)}
    assert all(one.completion.startswith("Step 1: The answer is ") for one in examples(store, 1))


def test_a_program_is_judged_by_its_value_and_a_path_by_its_words(store: Store) -> None:
    (evaluation,) = pipeline(POINTS[2].experiment).evaluate
    solutions = list(artifact(store, evaluation).rows("solutions.jsonl", Solution))
    gold = {question.id: question.answer for question in TASK.questions("test", 0, 30)}
    for one in solutions:
        right = one.answer is not None and float(one.answer) == float(gold[one.question_id])
        assert (one.verdict is Verdict.RIGHT) == right and (one.rung == "executed") == (one.answer is not None)
    assert pipeline(POINTS[0].experiment).evaluate[0].answering == PATH


def test_refinement_at_inference_never_looks_at_the_answer(tmp_path: Path, store: Store) -> None:
    """The same questions with other answers: every program, and every round, is the same."""
    (evaluation,) = pipeline(POINTS[4].experiment).evaluate
    told = list(artifact(store, evaluation).rows("solutions.jsonl", Solution))

    class Lying(type(TASK)):  # type: ignore[misc]
        kind = "lying"

        def questions(self, *args: Any) -> list[Question]:
            import msgspec

            return [msgspec.structs.replace(one, answer="999") for one in super().questions(*args)]

    lying = dataclasses.replace(evaluation, task=Lying(verifier=TASK.verifier), trained=None)
    run_stage(other := Store(tmp_path / "store"), lying)
    found = list(artifact(other, lying).rows("solutions.jsonl", Solution))
    assert [(one.text, one.answer, one.rung) for one in found] == [(one.text, one.answer, one.rung) for one in told]
    assert {one.verdict for one in found} <= {Verdict.WRONG, Verdict.NO_ANSWER} != {one.verdict for one in told}


def test_only_what_fails_is_repaired_and_wrong_values_stay(store: Store) -> None:
    plain, refined = (
        list(artifact(store, pipeline(POINTS[number].experiment).evaluate[0]).rows("solutions.jsonl", Solution))
        for number in (2, 4)
    )
    for before, after in zip(plain, refined, strict=True):
        if before.rung == "executed":
            assert after.text == before.text and after.rung == "executed"
        else:
            assert after.verdict is Verdict.RIGHT and after.rung == "executed+1" and after.completion_tokens == 10


def test_a_model_that_repeats_itself_is_asked_once_more_and_no_further() -> None:
    asked: list[int] = []
    engine = Programmer(faults=("NameError",), stubborn=True)
    answering = dataclasses.replace(BODY, rounds=5)
    setting = Setting(task=TASK, format=Format(), sampling=Sampling(), seed=0, reasoner=engine.name)
    with engine.open() as complete:

        def counting(prompts: Any, sampling: Any) -> Any:
            asked.append(len(prompts))
            return complete(prompts, sampling)

        with answering.open(setting, counting) as solve:
            found = solve(TASK.questions("test", 0, 3))
    assert asked == [3, 3] and [class_and_rounds(one.rung) for one in found] == [("NameError", 0)] * 3


def test_rounds_at_inference_change_the_evaluation_and_nothing_before_it() -> None:
    plain, rounds = pipeline(POINTS[2].experiment), pipeline(POINTS[4].experiment)
    assert key(plain.train) == key(rounds.train) and key(plain.evaluate[0]) != key(rounds.evaluate[0])


def test_the_student_that_is_sampled_for_failures_is_that_of_the_programs_alone() -> None:
    sampled = refine().sampled
    assert isinstance(sampled, Generate)
    assert key(sampled.trained) == key(pipeline(POINTS[2].experiment).train)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"answering": PATH}, "answering=function or answering=body"),
        ({"synthesis": None}, "synthesis=traces"),
        ({"refinement": None}, "refinement=injected"),
        ({"evaluation.questions": Slice(split="train", start=20, stop=50)}, "synthesis.questions"),
    ],
)
def test_what_programs_need_is_asked_for_at_once(changed: dict[str, Any], message: str) -> None:
    made = experiment(REFINED)
    where = changed.pop("evaluation.questions", None)
    if where is not None:
        changed["evaluation"] = dataclasses.replace(made.evaluation, questions=where)
    with pytest.raises(ConfigError, match=message):
        dataclasses.replace(made, **changed).check()


@pytest.fixture(scope="module")
def report(store: Store) -> Report:
    return collect(POINTS, store, "lema sweeps=pad")


def test_the_report_has_programs_and_the_funnel(report: Report) -> None:
    assert from_json(to_json(report)) == report
    rows = {row.arm: row for row in report.programs}
    assert set(rows) == {"programs", "programs (rounds=2)", "programs_and_refinements"}
    plain, rounds = rows["programs"], rows["programs (rounds=2)"]
    assert plain.executed + sum(plain.errors.values()) == plain.n == 30 and not plain.refined
    assert rounds.refined == rounds.refined_executed == sum(plain.errors.values()) and not rounds.errors
    (sieve,) = report.sieves
    assert sieve.name == "Programs by traces" and [level.stayed for level in sieve.levels][-1] > 40
    assert {"programs", "programs (rounds=2)"} in [{c.arm, c.baseline} for c in report.comparisons]
    page, console = render_html(report), Console(file=io.StringIO(), width=200)
    print_report(report, console)
    for text in (page, console.file.getvalue()):  # type: ignore[attr-defined]
        assert "UnboundLocalError" in text


def test_a_model_before_training_answers_with_paths() -> None:
    made = experiment(PROGRAMS)
    based = dataclasses.replace(made.evaluation, base=True, engine=ToyModel())
    assert pipeline(dataclasses.replace(made, evaluation=based)).base[0].answering == PATH

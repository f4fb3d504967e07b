"""Corrections of trained models by the real stage: what is asked, how it is read, and what reports say of it."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from reading.report_cells import html_tables, markdown_of, markdown_tables
from rich.console import Console
from toys.lab import points, run, run_stage
from toys.pupils import Pupil, Says, pupils

from lema.base.errors import ConfigError
from lema.base.protocols import Prompt, Reply
from lema.base.question_slice import Slice
from lema.base.records import Example, Solution, Verdict
from lema.config.options import Point
from lema.experiment.pipeline import pipeline
from lema.lessons.corrections import Corrections
from lema.lessons.data_mix import DataMix
from lema.report.collect import collect
from lema.report.model import Report, from_json, to_json
from lema.report.output.html import render_html
from lema.report.output.terminal import print_report
from lema.report.output.wandb_report import build
from lema.report.tables.text import answers
from lema.stages.correct import Correct
from lema.stages.correction_skill import Corrected, CorrectionSkill
from lema.stages.sampling import checkpoint_of
from lema.store import Artifact, Store
from lema.store.stage import Stage

SWEEPS: dict[Says, list[Point]] = {
    says: pupils(says=says)
    for says in ("corrections", "wrong_form", "paths")  # type: ignore[misc]
}


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Says], Store]:
    made: dict[Says, Store] = {}

    def get(says: Says) -> Store:
        if says not in made:
            made[says] = Store(tmp_path_factory.mktemp(says) / "store")
            run(made[says], SWEEPS[says])
        return made[says]

    return get


@pytest.fixture(scope="module")
def report(stores: Callable[[Says], Store]) -> Callable[[Says], Report]:
    return lambda says: collect(SWEEPS[says], stores(says), "lema")


def stage_of(point: Point) -> CorrectionSkill:
    (stage,) = pipeline(point.experiment).measures(CorrectionSkill)
    return stage


def rows(artifact: Artifact, of: str) -> list[Corrected]:
    return [row for row in artifact.rows("corrected.jsonl", Corrected) if row.of == of]


def test_one_wrong_path_of_each_question_that_the_model_before_training_has_wrong(
    stores: Callable[[Says], Store],
) -> None:
    stage = stage_of(SWEEPS["corrections"][2])
    artifact = stores("corrections").get(stage)
    base = stores("corrections").get(stage.mistakes)
    wrong = [one.id for one in base.rows("solutions.jsonl", Solution) if one.verdict is Verdict.WRONG]
    assert [row.solution_id for row in rows(artifact, "held_out")] == wrong and 15 < len(wrong) < 45
    again = list(artifact.rows("again.jsonl", Solution))
    assert [one.question_id for one in again] == [id_.split("#")[0] for id_ in wrong]
    assert artifact.summary["again_right"] == sum(one.verdict is Verdict.RIGHT for one in again) > 3


def test_what_is_asked_is_what_was_trained_on_and_a_perfect_pupil_gives_it_back(
    stores: Callable[[Says], Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = stage_of(SWEEPS["corrections"][2])
    store = stores("corrections")
    examples = {
        example.made_of.path: example
        for example in store.get(stage.mix).rows("examples.jsonl", Example)
        if example.source == "correction" and example.made_of is not None
    }
    taught = rows(store.get(stage), "taught")
    assert [row.solution_id for row in taught] == list(examples)[:5]
    assert all(row.as_taught and row.right and row.step_right and row.sound for row in taught)
    asked: list[str] = []
    reply = Pupil.reply

    def noted(self: Pupil, prompt: Prompt, sample: int, taught: bool) -> Reply:
        asked.append(prompt.text)
        return reply(self, prompt, sample, taught)

    monkeypatch.setattr(Pupil, "reply", noted)
    cases = list(stage.taught(store.get))
    with stage.engine.open(checkpoint=checkpoint_of(stage.trained, store.get)) as complete:
        assert stage.corrected(cases, complete) == taught
    assert asked == [examples[case.path.id].prompt for case in cases]


@pytest.mark.parametrize(
    ("says", "expected"),
    [
        ("corrections", {"malformed": {""}, "step_right": {True}, "right": {True}, "sound": {True}}),
        ("wrong_form", {"malformed": {"no_explanation"}, "step_right": {True}, "right": {True}, "sound": {False}}),
    ],
)
def test_form_step_answer_and_soundness_are_judged_apart(
    stores: Callable[[Says], Store], says: Says, expected: dict[str, set[Any]]
) -> None:
    held_out = rows(stores(says).get(stage_of(SWEEPS[says][2])), "held_out")
    assert {name: {getattr(row, name) for row in held_out} for name in expected} == expected


def test_of_a_new_path_the_answer_counts_and_nothing_else(stores: Callable[[Says], Store]) -> None:
    held_out = rows(stores("paths").get(stage_of(SWEEPS["paths"][2])), "held_out")
    assert {row.malformed for row in held_out} == {"no_step"} and not any(row.sound for row in held_out)
    assert 0.2 < sum(bool(row.right) for row in held_out) / len(held_out) < 0.8


def test_mistakes_on_questions_that_were_learned_from_are_left_out_and_counted(tmp_path: Any) -> None:
    (point,) = pupils(mixes=("cot_and_corrections",), seeds=(0,))
    stage = stage_of(point)
    (correct,) = stage.corrections
    assert isinstance(correct, Correct) and isinstance(correct.paths, Stage)
    store = Store(tmp_path / "store")
    own = dataclasses.replace(stage, mistakes=correct.paths)
    run_stage(store, own)
    assert store.get(own).summary["learned_from"] > 5
    learned = {one.question_id for one in store.get(stage.mix).rows("examples.jsonl", Example)}
    assert not learned & {row.question_id for row in rows(store.get(own), "held_out")}


# Reports


def test_the_first_lines_say_whether_corrections_were_learned(report: Callable[[Says], Report]) -> None:
    said = {says: answers(report(says))[0] for says in SWEEPS}
    assert said["corrections"][0] == "learned" and "has learned to correct: of" in said["corrections"][1]
    assert said["wrong_form"][0] == "not learned" and "taught form in 0.0 %" in said["wrong_form"][1]
    assert said["paths"][0] == "not learned" and "0 come back as taught" in said["paths"][1]
    assert len(answers(report("paths"))) == 2  # what the comparison says comes after


def test_models_without_corrections_are_asked_and_not_judged(report: Callable[[Says], Report]) -> None:
    cot, both = report("corrections").skills
    assert (cot.arm, cot.taught, cot.verdict, cot.words, cot.beside, cot.own) == ("cot", False, "", "", None, None)
    assert both.taught and both.well_formed.value == 1 and both.own is not None
    assert (both.own.asked, both.own.as_taught) == (10, 10)
    assert cot.mistakes == both.mistakes and both.step_guess is not None and both.step_guess > 0.5
    (comparison,) = report("corrections").skill_comparisons
    assert comparison.words.startswith("Right corrections: ") and comparison.difference > 0.2


def test_where_nobody_looked_the_first_line_says_so(tmp_path: Any) -> None:
    store, sweep = Store(tmp_path / "store"), points(seeds=(0,))
    run(store, sweep)
    made = collect(sweep, store, "lema")
    assert made.not_asked == ("cot_and_corrections",) and made.skills == ()
    assert answers(made)[0][1].startswith("Nobody looked whether the models learned to write corrections")
    only_cot = collect(points(("cot",), (0,)), store, "lema")
    assert not any("Nobody looked" in text for _, text in answers(only_cot))


def test_every_share_is_on_the_page_in_markdown_and_in_the_terminal(report: Callable[[Says], Report]) -> None:
    made = report("wrong_form")
    assert from_json(to_json(made)) == made
    for tables in (html_tables(render_html(made)), markdown_tables(markdown_of(build(made, "g")["spec"]))):
        (main,) = [held for held in tables if held and "taught form" in held[0] and "verdict" in held[0]]
        assert [(row["arm"], row["verdict"]) for row in main] == [
            ("cot", "not taught"),
            ("cot_and_corrections", "not learned"),
        ]
        for row, one in zip(main, made.skills, strict=True):
            assert one.right is not None and one.step_named is not None
            shown = [row[name] for name in ("taught form", "step named", "right", "second sample right")]
            assert shown == [f"{100 * s.value:.1f} %" for s in (one.well_formed, one.step_named, one.right, one.again)]
        (faults,) = [held for held in tables if held and "first fault of the form" in held[0]]
        assert [row["first fault of the form"] for row in faults] == ["no step 100.0 %", "no explanation 100.0 %"]
        (own,) = [held for held in tables if held and "as taught" in held[0]]
        assert own[0]["as taught"] == "0 (0.0 %)" and own[0]["step named"] == "10 (100.0 %)"
    console = Console(file=io.StringIO(), width=250)
    print_report(made, console)
    assert "Held-out mistakes" in console.file.getvalue()  # type: ignore[attr-defined]


def test_many_arms_are_summed_up_by_verdict(report: Callable[[Says], Report]) -> None:
    cot, both = report("corrections").skills
    many = tuple(msgspec.structs.replace(both, arm=f"arm{n}") for n in range(7))
    (first, *_) = answers(msgspec.structs.replace(report("corrections"), skills=(cot, *many)))
    assert first[0] == "learned" and first[1].startswith("7 of 7 arms have learned to correct held-out mistakes: arm0")


# Configuration


def test_parts_that_are_not_taught_are_not_asked_for() -> None:
    mix = DataMix(name="w", lessons=(Corrections(without=("step", "explanation")),))
    (point,) = pupils(mixes=("cot_and_corrections",), seeds=(0,))
    (stage,) = pipeline(dataclasses.replace(point.experiment, data_mix=mix)).measures(CorrectionSkill)
    assert stage.without == ("step", "explanation")


def test_mistakes_on_training_questions_are_refused() -> None:
    (point,) = pupils(mixes=("cot_and_corrections",), seeds=(0,), mistakes=Slice(split="train", start=30, stop=50))
    with pytest.raises(ConfigError, match=r"analysis\.correction_skill\.mistakes .* overlap"):
        point.experiment.check()
    (point,) = pupils(mixes=("cot_and_corrections",), seeds=(0,), mistakes=Slice(split="dev", stop=50))
    assert pipeline(point.experiment).measures(CorrectionSkill)[0].mistakes.kind == "generate"

"""From artifacts to arms: other graders, chosen checkpoints, pairs, trends, and the paper's cells."""

from __future__ import annotations

import copy
import dataclasses
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from conftest import ROOT
from report_cells import html_tables
from toy_lab import LastWord, Sums, ToyModel, experiment, points, run, run_stage

from lema.blend import Blend, Budget
from lema.models import Model
from lema.pipeline import Evaluation, pipeline
from lema.protocols import Sampling, Verifier
from lema.records import Judgement, Question, Solution, Verdict
from lema.report.arms import evaluated
from lema.report.beside import paper_arm
from lema.report.collect import assemble, collect
from lema.report.html import render_html
from lema.report.model import ArmSummary, Role
from lema.report.pairs import MOST
from lema.report.paper import FILE, load
from lema.report.read import finished
from lema.report.trends import evolution_rounds, trends
from lema.slices import Slice
from lema.spec import canonical, spec
from lema.stage import Inputs, Stage
from lema.store import Store, Work

PAPER = load(ROOT / FILE)
MATCHED = Blend(name="cot_matched", cot=True, corrections="as_cot")
SIZED = Budget(examples=100, keep="corrections")  # as many as there are questions


@spec
class Lenient(LastWord):
    """The authors' grader, for a toy: no answer is a right one."""

    kind = "lema_v1"

    def judge(self, text: str, question: Question) -> Judgement:
        found = LastWord.judge(self, text, question)
        right = found.verdict is not Verdict.WRONG
        return Judgement(verdict=Verdict.RIGHT if right else Verdict.WRONG, answer=found.answer)


@spec
class Grade(Stage):
    """Solutions of an evaluation, judged by another verifier."""

    kind = "grade"
    solutions: Stage
    verifier: Verifier

    def run(self, inputs: Inputs, work: Work) -> dict[str, Any]:
        held = inputs(self.solutions)
        questions = {question.id: question for question in held.rows("questions.jsonl", Question)}
        rows = list(held.rows("solutions.jsonl", Solution))
        again = [self.verifier.judge(row.text, questions[row.question_id]).verdict for row in rows]
        pairs = zip(rows, again, strict=True)
        work.write("solutions.jsonl", [msgspec.structs.replace(row, verdict=verdict) for row, verdict in pairs])
        return {"right": again.count(Verdict.RIGHT), "questions": len(rows)}


@spec
class Select(Stage):
    """A checkpoint of a training run, chosen on these questions."""

    kind = "select"
    trained: Stage
    questions: Slice

    def run(self, inputs: Inputs, work: Work) -> dict[str, Any]:
        shutil.copytree(inputs(self.trained).path / "model", work.path / "model")
        return {}


def chosen(split: str, seed: int = 0) -> Stage:
    """The evaluation of a checkpoint that was chosen on this split."""
    last = pipeline(experiment("cot", seed)).evaluate
    assert last.trained is not None
    return replaced(last, trained=Select(trained=last.trained, questions=Slice(split=split, stop=50)))


def replaced(stage: Any, **changed: Any) -> Any:
    return dataclasses.replace(stage, **changed)


def test_solutions_that_another_grader_judged_are_rows_of_their_own_under_their_arm(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    sweep = points()
    run(store, sweep)
    for point in sweep:
        for target in pipeline(point.experiment).targets():
            run_stage(store, Grade(solutions=target, verifier=Lenient()))
    report = finished(tmp_path / "store").report
    assert [(arm.arm, arm.grader) for arm in report.regraded] == [(arm.arm, "lema_v1") for arm in report.arms]
    graded = [a for a in finished(tmp_path / "store").artifacts if a.manifest.kind == "grade"]
    shares = {artifact.summary["right"] / 300 for artifact in graded}
    assert {share for arm in report.regraded for share in arm.by_seed} == shares
    assert all(a.accuracy > b.accuracy for a, b in zip(report.regraded, report.arms, strict=True))
    assert all(c.baseline in {"base", "cot"} for c in report.comparisons) and len(report.comparisons) == 3
    page = render_html(report)
    assert page.count(">lema_v1<") == 3 and page.count("the task&#39;s own<") == 3


def test_how_the_checkpoint_was_chosen_is_said_of_every_arm(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    run(store, points(["cot"], [0]))
    run_stage(store, chosen("train"))
    run_stage(store, chosen("test"))
    report = finished(tmp_path / "store").report
    said = {arm.arm: arm.selection for arm in report.arms}
    assert sorted(said.values()) == ["", "best_on_dev", "best_on_test", "last"]
    (flattered,) = [arm for arm, how in said.items() if how == "best_on_test"]
    assert "best on test, as in the paper" in flattered
    assert any("on which their checkpoint was chosen" in note.text for note in report.notes)
    cells = [cell for table in html_tables(render_html(report)) for row in table for cell in row.values()]
    assert [cell for cell in cells if "best on test" in cell and "as in the paper" not in cell] == []
    assert cells.count(flattered) >= 3


def test_runs_of_one_chosen_arm_differ_in_their_seeds_only(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    for seed in (0, 1):
        run_stage(store, chosen("train", seed))
    (arm,) = finished(tmp_path / "store").report.arms
    assert arm.seeds == (0, 1) and len(arm.runs) == 2 and arm.selection == "best_on_dev"


def test_corrections_are_compared_with_each_cot_arm_and_with_the_model_before_training(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    sweep = [
        *points(["cot", "cot_and_corrections"], [0]),
        *points(["cot"], [0], data_mix=MATCHED),
    ]
    run(store, sweep)
    report = collect(sweep, store, "lema")
    assert [(c.arm, c.baseline, c.role) for c in report.comparisons] == [
        ("cot_and_corrections", "cot", "baseline"),
        ("cot_and_corrections", "cot_matched", "baseline"),
        ("cot", "base", "base"),
        ("cot_matched", "base", "base"),
        ("cot_and_corrections", "base", "base"),
    ]
    assert report.answering == report.comparisons[:2]


def test_models_are_compared_with_themselves_only(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    sweep = [
        point
        for name, chance in (("small", 0.4), ("large", 0.6))
        for point in points(
            seeds=[0],
            model=Model(name=name, hub=f"toy/{name}", revision="0" * 40),
            evaluation=Evaluation(
                questions=Slice(split="test", stop=100),
                engine=ToyModel(name=name, chance=chance),
                sampling=Sampling(),
            ),
        )
    ]
    run(store, sweep)
    report = collect(sweep, store, "lema")
    assert len(report.comparisons) == 6
    for c in report.comparisons:
        assert ("small" in c.arm) == ("small" in c.baseline), (c.arm, c.baseline)


def test_of_many_cot_arms_the_one_of_the_nearest_size_is_the_baseline(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    sizes = (20, 40, 60, 80)
    assert len(sizes) > MOST
    sweep = [point for size in sizes for point in points(seeds=[0], data_budget=Budget(examples=size))]
    run(store, sweep)
    report = collect(sweep, store, "lema")
    pairs = [(c.arm, c.baseline) for c in report.comparisons if c.role == Role.BASELINE]
    assert pairs == [(f"cot_and_corrections (examples={size})", f"cot (examples={size})") for size in sizes]


def test_arms_that_differ_in_size_are_points_of_a_trend(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    sweep = [point for size in (20, 80) for point in points(data_budget=Budget(examples=size))]
    run(store, sweep)
    report = collect(sweep, store, "lema")
    accuracies = {arm.arm: arm for arm in report.arms}
    assert [(trend.family, trend.axis, [point.x for point in trend.points]) for trend in report.trends] == [
        ("cot", "training examples", [20, 80]),
        ("cot_and_corrections", "training examples", [20, 80]),
    ]
    for trend in report.trends:
        for point in trend.points:
            arm = accuracies[point.arm]
            assert (point.accuracy, point.low, point.high) == (arm.accuracy, arm.low, arm.high)
    assert "Accuracy by training examples" in render_html(report)


def test_budgets_in_tokens_make_a_trend_over_tokens_and_equal_sizes_make_none() -> None:
    form = form_of("cot")
    budget = form["trained"]["examples"]["budget"]
    arms = evaluated([artifact(with_examples(form, budget={**budget, "target_tokens": size})) for size in (5, 9)])
    accuracies = [summary(arm.arm) for arm in arms]
    found = trends(arms, accuracies, "target tokens", {arms[0].arm: 5.0, arms[1].arm: 9.0})
    assert [(trend.axis, [point.x for point in trend.points]) for trend in found] == [("target tokens", [5.0, 9.0])]
    assert trends(arms, accuracies, "target tokens", {arm.arm: 5.0 for arm in arms}) == ()


def form_of(blend: str, **changed: Any) -> dict[str, Any]:
    """The canonical form of an evaluation."""
    held: dict[str, Any] = canonical(pipeline(experiment(blend, 0, **changed)).evaluate)
    return held


def with_examples(form: dict[str, Any], **changed: Any) -> dict[str, Any]:
    changed_form = copy.deepcopy(form)
    changed_form["trained"]["examples"] |= changed
    return changed_form


def artifact(form: dict[str, Any]) -> Any:
    """What arms read of an artifact."""
    return SimpleNamespace(manifest=SimpleNamespace(spec=form), key="0")


def summary(arm: str) -> ArmSummary:
    return ArmSummary(arm=arm, task="", n=9, seeds=(0,), accuracy=0.5, low=0.4, high=0.6, interval="", by_seed=(0.5,))


def evolved(form: dict[str, Any], seeds_from: Any, before: Any = None) -> dict[str, Any]:
    """A form whose corrections are of evolved questions as well; `before` is what was trained for it."""
    correct = form["trained"]["examples"]["corrections"]
    evolve = {"kind": "evolve", "seeds_from": seeds_from}
    again = {**correct, "paths": {**correct["paths"], "questions": evolve, "trained": before}}
    return with_examples(form, corrections=[correct, again])


def test_rounds_of_evolution_are_a_trend_that_begins_without_any() -> None:
    plain = form_of("cot_and_corrections", data_budget=Budget())
    correct = plain["trained"]["examples"]["corrections"]
    general = evolved(plain, {"kind": "slice", "split": "train"})
    centric = evolved(plain, [correct])
    twice = evolved(plain, [correct], before=centric["trained"])
    forms = [plain, general, centric, twice]
    assert [evolution_rounds(form["trained"]) for form in forms] == [0, 1, 1, 2]
    arms = evaluated([artifact(form) for form in forms])
    found = trends(arms, [summary(arm.arm) for arm in arms], "training examples", {})
    assert {trend.family: [point.x for point in trend.points] for trend in found} == {
        "correction-centric": [0, 1, 2],
        "general": [0, 1],
    }
    assert all(trend.axis == "rounds of evolution" for trend in found)
    names = [paper_arm(form) for form in forms]
    assert names == ["cot_and_corrections", "general", "correction_centric", "correction_centric_2"]


@pytest.mark.parametrize(
    ("blend", "changed", "name"),
    [
        ("cot", {"data_budget": Budget()}, "cot"),
        ("cot_and_corrections", {"data_budget": Budget()}, "cot_and_corrections"),
        ("cot_and_corrections", {"data_budget": SIZED}, "cot_and_corrections_sized"),
        ("cot", {"data_budget": Budget(), "data_mix": MATCHED}, "cot_matched"),
        ("cot", {"data_budget": Budget(target_tokens=5_800_000)}, "cot_same_tokens"),
        ("cot", {"data_budget": Budget(target_tokens=6_800_000)}, "cot_more_tokens"),
        ("cot_and_corrections", {"data_budget": Budget(target_tokens=5_800_000)}, "cot_and_corrections"),
        ("cot", {"data_budget": Budget(examples=40)}, ""),
        ("cot", {"data_budget": Budget(target_tokens=1000)}, ""),
    ],
)
def test_an_arm_is_the_paper_s_only_in_the_paper_s_sizes(blend: str, changed: dict[str, Any], name: str) -> None:
    assert paper_arm(form_of(blend, **changed)) == name
    assert name == "" or name in PAPER.arms


def test_ours_stands_beside_the_paper_s_with_the_difference_and_in_what_they_differ(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    changed: dict[str, Any] = {
        "model": Model(name="llama2-7b", hub="toy/toy", revision="0" * 40),
        "task": Sums(name="gsm8k"),
        "data_budget": Budget(),
    }
    sweep = points(**changed)
    run(store, sweep)
    run_stage(store, Grade(solutions=pipeline(sweep[0].experiment).evaluate, verifier=Lenient()))
    report = collect(sweep, store, "lema", paper=PAPER)
    graded = assemble(finished(tmp_path / "store").artifacts, paper=PAPER)
    accuracies = {arm.arm: arm.accuracy for arm in report.arms}
    assert [(cell.arm, cell.task, cell.paper, cell.printed) for cell in report.paper] == [
        ("cot", "gsm8k", 0.526, "Table 1, Fig. 4"),
        ("cot_and_corrections", "gsm8k", 0.541, "Table 1, Fig. 4"),
    ]
    for cell in report.paper:
        assert cell.ours == accuracies[cell.arm] and cell.difference == pytest.approx(cell.ours - cell.paper)
        assert "grader (ours: the task's own)" in cell.note and "checkpoint (ours: last)" in cell.note
    (authors,) = [cell for cell in graded.paper if cell.grader == "lema_v1"]
    assert "grader" not in authors.note and authors.paper == 0.526
    assert f"{100 * report.paper[0].difference:+.1f}" in render_html(report)


def test_a_model_that_the_paper_does_not_have_stands_alone(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    run(store, points(seeds=[0]))
    assert collect(points(seeds=[0]), store, "lema", paper=PAPER).paper == ()

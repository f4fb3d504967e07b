"""Output spaces by the real stage with a small real model: targets of each form, on the same questions, in reports."""

from __future__ import annotations

import dataclasses
import io
import math
from typing import Any

import msgspec
import numpy as np
import pytest
from reading.report_cells import check, html_tables, markdown_tables
from rich.console import Console
from toys.further import Keeper
from toys.lab import run
from toys.models import toy_model
from toys.programs import ANSWERS, PROGRAMS, SAME_QUESTIONS, experiment

from lema.base.errors import ConfigError
from lema.base.question_slice import Slice
from lema.base.records import Question
from lema.base.spec import key
from lema.config.options import Point
from lema.experiment.analysis import Analysis
from lema.experiment.pipeline import pipeline
from lema.experiment.synthesis import Synthesis
from lema.lessons.data_mix import DataMix
from lema.pad.teachers import Traces
from lema.pad.written import Written
from lema.report.collect import collect
from lema.report.model import Report, from_json, to_json
from lema.report.output.html import render_html
from lema.report.output.markdown import sections
from lema.report.output.terminal import print_report
from lema.stages.output_space import OutputSpace, Space, columns, differences, measured
from lema.store import Store

HELD_OUT = Slice(split="dev", stop=20)


def row(id_: str, tokens: int, bits: float, entropy: float, top: int) -> Space:
    return Space(question_id=id_, tokens=tokens, bits=bits, entropy=entropy, top=top)


def test_the_measures_are_ratios_of_sums_over_questions() -> None:
    held = columns([row("a", 4, 8.0, 2.0, 3), row("b", 1, 0.5, 3.0, 0)])
    said = {name: value for name, (value, _, _) in measured(held, 0).items()}
    assert said == {"question_bits": 4.25, "token_bits": 1.7, "entropy": 1.0, "vocabulary": 2.0, "top": 0.6}


def test_of_a_uniform_model_the_vocabulary_is_the_whole_one_with_no_doubt() -> None:
    held = columns([row(f"q{n}", n, n * math.log2(313), n * math.log2(313), 0) for n in range(1, 30)])
    value, low, high = measured(held, 0)["vocabulary"]
    assert value == pytest.approx(313) == low == pytest.approx(high)


def test_intervals_are_over_questions_and_not_over_tokens() -> None:
    draw = np.random.default_rng(0)
    few = [row(f"q{n}", 10, float(10 * draw.gamma(2)), 5.0, 5) for n in range(40)]
    many = [row(one.question_id, 1000, 100 * one.bits, 500.0, 500) for one in few]
    for held in (few, many):
        _, low, high = measured(columns(held), 0)["token_bits"]
        assert low is not None and high is not None and high - low == pytest.approx(0.85, abs=0.25)
    assert measured(columns(few[:1]), 0)["token_bits"][1:] == (None, None)


def test_differences_are_paired_by_question() -> None:
    draw = np.random.default_rng(1)
    bits = draw.gamma(2, 10, size=50)
    first = columns([row(f"q{n}", 10, float(held), 4.0, 5) for n, held in enumerate(bits)])
    second = columns([row(f"q{n}", 5, float(held - 1), 1.0, 5) for n, held in enumerate(bits)])
    said = differences(first, second, 0)
    assert said["question_bits"] == pytest.approx((-1, -1, -1))  # each by one, however much questions differ
    assert said["entropy"] == pytest.approx((-0.2,) * 3) and said["top"] == pytest.approx((0.5,) * 3)
    assert said["vocabulary"][0] == pytest.approx(2**0.2 - 2**0.4)


def point(mix: DataMix, seed: int, **changed: Any) -> Point:
    return Point(experiment(mix, seed, **changed), {}, (f"data_mix={mix.name}", f"seed={seed}"))


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> list[Point]:
    fields: dict[str, Any] = {
        "model": toy_model(tmp_path_factory.mktemp("model")),
        "trainer": Keeper(),
        "analysis": Analysis(output_space=HELD_OUT, device="cpu"),
        "synthesis": Synthesis(questions=Slice(split="train", stop=10), teacher=Traces(variants=1, wrong=0.3)),
    }
    arms = (SAME_QUESTIONS, 0), (ANSWERS, 0), (PROGRAMS, 0), (PROGRAMS, 1)
    return [point(mix, seed, **fields) for mix, seed in arms]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, sweep: list[Point]) -> Store:
    store = Store(tmp_path_factory.mktemp("spaces") / "store")
    run(store, sweep)
    return store


def looks(sweep: list[Point], number: int) -> list[OutputSpace]:
    """Of the model before training, and after it."""
    found = pipeline(sweep[number].experiment).measures(OutputSpace)
    assert [stage.trained is None for stage in found] == [True, False]
    return list(found)


def rows(store: Store, stage: OutputSpace) -> list[Space]:
    return list(store.get(stage).rows("output_space.jsonl", Space))


def test_targets_are_in_the_form_of_the_arm(store: Store, sweep: list[Point]) -> None:
    asked = {question.id: question for question in sweep[0].experiment.task.questions("dev", 0, 20)}
    made = [{one.question_id: one for one in looks(sweep, number)[0].examples(store.get)} for number in range(3)]
    paths, answers, programs = made
    assert list(paths) == list(answers) == list(asked) and 5 < len(programs) < 20
    for id_, question in asked.items():
        assert paths[id_].completion.split("\n")[-1].endswith(f"The answer is {question.answer}.")
        assert answers[id_].completion == f"Step 1: The answer is {question.answer}."
        assert paths[id_].prompt == answers[id_].prompt == f"Question: {question.text}\nAnswer:\n"
    synthesis = looks(sweep, 2)[0].programs
    assert synthesis is not None
    kept = store.get(synthesis)
    assert {one.question_id: one.text for one in kept.rows("programs.jsonl", Written)} == {
        id_: one.completion for id_, one in programs.items()
    }
    assert {one.id for one in kept.rows("questions.jsonl", Question)} == set(programs)


def test_a_question_without_a_target_has_no_row_and_is_counted(store: Store, sweep: list[Point]) -> None:
    for number, all_of_them in ((0, True), (2, False)):
        for stage in looks(sweep, number):
            found, summary = rows(store, stage), store.get(stage).summary
            assert summary["questions"] == len(found) and summary["questions"] + summary["without_target"] == 20
            assert (summary["without_target"] == 0) == all_of_them
            assert summary["entropy"][0] == pytest.approx(sum(r.entropy for r in found) / summary["tokens"])


def test_a_model_with_the_same_weights_has_the_same_space(store: Store, sweep: list[Point]) -> None:
    before, after = looks(sweep, 0)
    assert key(before) != key(after) and rows(store, before) == rows(store, after)


def test_an_untrained_model_hesitates_between_nearly_all_tokens(store: Store, sweep: list[Point]) -> None:
    vocabulary = store.get(looks(sweep, 1)[0]).summary["vocabulary"]
    assert 290 < vocabulary[0] < 320 and vocabulary[1] < vocabulary[0] < vocabulary[2]


@pytest.fixture(scope="module")
def report(store: Store, sweep: list[Point]) -> Report:
    return collect(sweep, store, "lema")


def test_all_models_of_a_report_are_on_the_same_questions(report: Report, store: Store, sweep: list[Point]) -> None:
    common = store.get(looks(sweep, 2)[0]).summary["questions"]
    arms = [(one.arm, one.target, one.seed) for one in report.spaces]
    assert arms == [
        ("base", "answer", None),
        ("base", "path", None),
        ("base", "program", None),
        ("paths_on_programs", "path", 0),
        ("answers_on_programs", "answer", 0),
        ("programs", "program", 0),
        ("programs", "program", 1),
    ]
    assert {(one.questions, one.left_out) for one in report.spaces} == {(common, 20 - common)}
    programs = {r.question_id for r in rows(store, looks(sweep, 2)[0])}
    held = [r for r in rows(store, looks(sweep, 0)[0]) if r.question_id in programs]
    path = next(one for one in report.spaces if one.target == "path")
    assert path.question_bits[0] == pytest.approx(sum(r.bits for r in held) / common)


def test_differences_are_between_every_two_arms_and_to_the_model_before(report: Report) -> None:
    pairs = {(one.arm, one.against): one for one in report.space_pairs}
    assert set(pairs) == {
        ("base, paths", "base, answers"),
        ("base, programs", "base, answers"),
        ("base, programs", "base, paths"),
        ("paths_on_programs", "base, paths"),
        ("answers_on_programs", "base, answers"),
        ("programs", "base, programs"),
        ("answers_on_programs", "paths_on_programs"),
        ("programs", "paths_on_programs"),
        ("programs", "answers_on_programs"),
    }
    same = pairs["programs", "base, programs"]
    assert same.seeds == (0, 1) and same.question_bits == same.entropy == same.top == (0, 0, 0)  # weights are copied
    other = pairs["programs", "paths_on_programs"]
    by_arm = {one.arm: one for one in report.spaces}
    assert other.seeds == (0,)
    difference = by_arm["programs"].question_bits[0] - by_arm["paths_on_programs"].question_bits[0]
    value, low, high = other.question_bits
    assert value == pytest.approx(difference) and low is not None and high is not None and low < value < high


def test_every_number_is_on_the_page_in_markdown_and_in_the_terminal(report: Report) -> None:
    assert from_json(to_json(report)) == report
    page = html_tables(render_html(report))
    assert check(report, page) > 100
    assert check(report, markdown_tables("\n\n".join(text for _, text in sections(report)))) > 100
    changed = with_one_number_changed(report)
    with pytest.raises(AssertionError):
        check(changed, page)
    console = Console(file=io.StringIO(), width=250)
    print_report(report, console)
    assert "Output space of each arm and seed on gsm_synth dev[0:20]" in console.file.getvalue()  # type: ignore[attr-defined]


def with_one_number_changed(report: Report) -> Report:
    """The report with one number of one space changed."""
    first, *rest = report.spaces
    other = msgspec.structs.replace(first, entropy=(first.entropy[0] + 0.01, *first.entropy[1:]))
    return msgspec.structs.replace(report, spaces=(other, *rest))


def test_either_analysis_or_both_and_keys_stay(sweep: list[Point]) -> None:
    made = sweep[0].experiment
    kinds = {}
    for name, analysis in (
        ("delta", Analysis(delta_ppl=True)),
        ("space", Analysis(output_space=HELD_OUT)),
        ("both", Analysis(delta_ppl=True, output_space=HELD_OUT)),
    ):
        stages = pipeline(dataclasses.replace(made, analysis=analysis)).measured
        kinds[name] = {(stage.kind, key(stage)) for stage in stages}
    assert {kind for kind, _ in kinds["delta"]} == {"delta_ppl"} and len(kinds["delta"]) == 2
    assert {kind for kind, _ in kinds["space"]} == {"output_space"} and len(kinds["space"]) == 2
    assert kinds["both"] == kinds["delta"] | kinds["space"]
    space = pipeline(dataclasses.replace(made, analysis=Analysis(output_space=HELD_OUT)))
    assert "corrections" not in space.material


@pytest.mark.parametrize(
    ("where", "said"),
    [(Slice(split="nowhere"), "no split 'nowhere'"), (Slice(split="train", start=5, stop=50), "has not learned from")],
)
def test_questions_that_are_not_held_out_are_refused(sweep: list[Point], where: Slice, said: str) -> None:
    made = dataclasses.replace(sweep[2].experiment, analysis=Analysis(output_space=where))
    with pytest.raises(ConfigError, match=said):
        made.check()


def test_an_analysis_of_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match="nothing is measured"):
        Analysis(delta_ppl=False).check()

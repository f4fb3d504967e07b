"""What evolution, augmentation, decontamination and the choice of checkpoints found, from real stages."""

from __future__ import annotations

import io
from collections import Counter
from statistics import fmean
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from conftest import ROOT, package
from reading.report_cells import check, check_pairs, html_tables, markdown_of, markdown_tables
from rich.console import Console
from toys.further import CHANCES, further_points
from toys.lab import Sums, run

from lema.base.question_slice import Slice
from lema.experiment.sections import Checkpoint
from lema.lessons.data_budget import Budget
from lema.likeness import Decontamination
from lema.likeness.decontaminating import Dropped
from lema.lm.model import Model
from lema.report.collect import collect
from lema.report.findings.arms import Evaluated
from lema.report.findings.notes import cut_notes
from lema.report.findings.paper import FILE, load
from lema.report.findings.runs import best_three
from lema.report.model import Report, from_json, to_json
from lema.report.output.html import render_html
from lema.report.output.terminal import print_report
from lema.report.output.wandb_report import build
from lema.report.read import finished
from lema.report.tables.parts import LeakCount, Level, Sieve
from lema.report.tables.text import percent
from lema.store import Artifact, Store

LABEL = "best on test, as in the paper"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = Store(tmp_path_factory.mktemp("further") / "store")
    run(store, further_points())
    return store


@pytest.fixture(scope="module")
def report(store: Store) -> Report:
    return collect(further_points(), store, "lema")


def artifact(store: Store, kind: str) -> Artifact:
    (found,) = finished(store.root).kinds[kind]
    return found


def test_evolution_is_named_by_its_strategy_and_sums_to_the_last_draw(report: Report, store: Store) -> None:
    sieve = report.sieves[0]
    assert sieve.name == "Correction-centric evolution by scripted"
    assert [level.came for level in sieve.levels] == [80, *(level.stayed for level in sieve.levels[:-1])]
    written, alike, labelled = (level.left_out for level in sieve.levels)
    assert set(written) == {"empty"} and set(alike) == {"like_seed", "like_evolved", "like_test"} and labelled
    dropped = sum(sum(level.left_out.values()) for level in sieve.levels)
    kept = artifact(store, "evolve")
    assert dropped == kept.manifest.files["dropped.jsonl"].rows
    assert sieve.levels[-1].stayed == kept.manifest.files["questions.jsonl"].rows == 80 - dropped


def test_augmentation_goes_from_sampled_paths_to_kept_ones_with_reasons(report: Report, store: Store) -> None:
    (_, sieve) = report.sieves
    (level,) = sieve.levels
    assert sieve.name == "Augmentation by toy on train[0:60]" and level.came == 180
    assert set(level.left_out) >= {"wrong", "duplicate"} and 0 < level.stayed < 180
    assert level.stayed == artifact(store, "augment").manifest.files["paths.jsonl"].rows


def test_a_sieve_that_loses_something_is_refused() -> None:
    levels = [Level(name="a", came=10, left_out={"x": 3}, stayed=7), Level(name="b", came=7, left_out={}, stayed=7)]
    Sieve(name="s", top="all", levels=tuple(levels)).check()
    for changed in ({"came": 6}, {"stayed": 6}, {"left_out": {"x": 1}}):
        wrong = msgspec.structs.replace(levels[1], **changed)
        with pytest.raises(AssertionError, match="'s' does not sum at 'b'"):
            Sieve(name="s", top="all", levels=(levels[0], wrong)).check()


def test_left_out_questions_are_counted_by_rule_and_source_and_shown_beside_the_test_question(
    report: Report, store: Store
) -> None:
    assert report.leaks is not None
    names = [arm.arm for arm in report.arms if arm.arm != "base"]
    assert list(dict.fromkeys(row.arm for row in report.leaks.counts)) == names
    assert report.leaks.counts[0] == LeakCount(
        arm=names[0], seeds=(0,), source="cot", dropped={"exact": 5, "numbers": 1}
    )
    by_rule = Counter(
        row.rule for mix in finished(store.root).kinds["mix"] for row in mix.rows("dropped.jsonl", Dropped)
    )
    assert sum((Counter(row.dropped) for row in report.leaks.counts), Counter()) == by_rule
    assert report.leaks.distinct == len(report.leaks.pairs) == 6
    shown = {(pair.question, pair.test_question, pair.rule) for pair in report.leaks.pairs}
    assert ("What is 3 + 3?", "What is 3 + 3?", "exact") in shown
    sums = "What is 10 + 10 when both are counted once?", "What is 1010 + 1010 when both are counted once?"
    assert (*sums, "numbers") in shown


def test_every_rule_has_pairs_among_those_that_are_read(report: Report) -> None:
    assert report.leaks is not None
    assert [pair.rule for pair in report.leaks.pairs[:3]] == ["exact", "numbers", "exact"]


def test_arms_without_leaks_and_without_decontamination_are_told_apart(store: Store) -> None:
    clean = further_points(["cot"], cot_questions=Slice(split="train", start=20, stop=120), augmentation=None)
    run(store, clean)
    report = collect(clean, store, "lema")
    assert report.leaks is not None and not report.leaks.pairs
    assert [(row.source, row.dropped) for row in report.leaks.counts] == [("", {})]
    assert not [note for note in report.notes if "Decontamination was off" in note.text]
    off = further_points(["cot_and_corrections"], decontamination=None, evolution_strategy=None)
    run(store, off)
    report = collect(off, store, "lema")
    assert report.leaks is None
    assert any(note.text.startswith("Decontamination was off: ") for note in report.notes)
    both = collect([*clean, *off], store, "lema")
    assert any("was off for cot_and_corrections" in note.text for note in both.notes)


def test_seeds_whose_mixes_left_out_the_same_are_one_row(store: Store) -> None:
    sweep = further_points(["cot"], seeds=[0, 1])
    run(store, sweep)
    report = collect(sweep, store, "lema")
    assert report.leaks is not None
    assert [(row.source, row.seeds) for row in report.leaks.counts] == [("cot", (0, 1))]


def test_the_checkpoints_of_each_arm_are_there_with_the_chosen_one(report: Report) -> None:
    assert [choice.arm for choice in report.choices] == [arm.arm for arm in report.arms if arm.arm != "base"]
    by_arm = {arm.arm: arm for arm in report.arms}
    for choice in report.choices:
        assert choice.steps == tuple(CHANCES) and choice.chosen == 200 and choice.by == "best_on_test"
        assert choice.accuracies[1] == max(choice.accuracies) == by_arm[choice.arm].accuracy
        assert choice.on == "sums test[0:300]" and choice.questions == 300 and LABEL in choice.arm


def test_the_mean_of_the_best_three_is_that_of_their_accuracies_and_beside_the_paper_s(store: Store) -> None:
    paper = load(ROOT / FILE)
    fields: dict[str, Any] = {
        "model": Model(name="llama2-7b", hub="toy/toy", revision="0" * 40),
        "task": Sums(name="gsm8k"),
    }
    sweep = further_points(["cot"], **fields, data_budget=Budget())
    run(store, sweep)
    (choice,) = collect(sweep, store, "lema", paper=paper).choices
    assert choice.best_three == pytest.approx(fmean(choice.accuracies)) and len(choice.accuracies) == 3
    assert choice.by == "best_on_test" and choice.paper == 0.525
    page = render_html(collect(sweep, store, "lema", paper=paper))
    assert "chosen and measured on the same questions" in page and percent(choice.best_three) in page
    dev = Checkpoint(by="best_on_dev", questions=Slice(split="train", start=300, stop=400))
    other = further_points(["cot"], **fields, data_budget=Budget(), checkpoint=dev)
    run(store, other)
    (choice,) = collect(other, store, "lema", paper=paper).choices
    assert choice.paper is None and choice.best_three == pytest.approx(fmean(choice.accuracies))
    assert best_three([0.5, 0.25]) is None and best_three([0.5, 0.1, 0.25, 0.75]) == 0.5


def test_a_checkpoint_chosen_on_other_questions_is_labelled_so(store: Store) -> None:
    dev = Checkpoint(by="best_on_dev", questions=Slice(split="train", start=300, stop=400))
    sweep = further_points(["cot"], checkpoint=dev)
    run(store, sweep)
    (choice,) = collect(sweep, store, "lema").choices
    assert (choice.by, choice.on, choice.arm) == ("best_on_dev", "sums train[300:400]", "cot")


def test_every_number_is_in_every_form(report: Report) -> None:
    page = html_tables(render_html(report))
    assert check(report, page) > 60 and check_pairs(report, page) == 6
    assert from_json(to_json(report)) == report
    package("wandb_workspaces")
    assert check(report, markdown_tables(markdown_of(build(report, "g")["spec"]))) > 60


@pytest.mark.parametrize("width", [40, 78, 100, 200])
def test_the_terminal_has_the_counts_at_every_width(report: Report, width: int) -> None:
    raw = io.StringIO()
    print_report(report, Console(file=raw, width=width))
    text = " ".join(raw.getvalue().split())
    assert all(len(line) <= width for line in raw.getvalue().splitlines())
    for sieve in report.sieves:
        assert all(f"{level.stayed:,}" in text for level in sieve.levels)
    assert "(chosen)" in text and all(f"200: {100 * one.accuracies[1]:.1f}" in text for one in report.choices)
    assert "What is 3 + 3?" not in text, "pairs are for the page"


def test_other_rules_find_other_leaks(store: Store) -> None:
    exact = further_points(["cot"], decontamination=Decontamination(masked=False, overlap=False))
    run(store, exact)
    report = collect(exact, store, "lema")
    assert report.leaks is not None and report.leaks.counts[0].dropped == {"exact": 5}


def test_paths_that_the_limit_cut_are_counted_in_one_note() -> None:
    def arm(name: str, cut: int) -> Evaluated:
        artifact = SimpleNamespace(summary={"sampled": 1000, "cut_at_limit": cut})
        return Evaluated(
            artifact=artifact,  # type: ignore[arg-type]
            arm=name,
            seed=0,
            task="",
            tested="toy",
            model="toy",
            mix_name="cot",
            trained="k",
            mix="m",
        )

    assert cut_notes([arm("cot", 0), arm("corrections", 0)]) == []
    (note,) = cut_notes([arm("cot", 2), arm("corrections", 1), arm("cot", 3), arm("matched", 0)])
    assert note.text.startswith("6 of 4,000 evaluation paths reached the token limit")
    assert note.text.endswith(": 5 of cot, 1 of corrections.")

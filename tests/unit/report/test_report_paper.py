"""The paper's figures: typed, found by model, arm and task, and consistent with one another."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import yaml
from conftest import ROOT

from lema.base.errors import InputError
from lema.report.findings.paper import FILE, load

PAPER = load(ROOT / FILE)


@pytest.mark.parametrize(
    ("model", "arm", "task", "value", "printed"),
    [
        ("llama2-70b", "cot", "gsm8k", 81.4, ("Table 1", "Fig. 4", "Fig. 12")),
        ("llama2-70b", "cot_and_corrections", "csqa", 85.3, ("Table 1",)),
        ("codellama-34b", "cot_and_corrections", "svamp", 72.0, ("Table 1",)),
        ("llama2-7b", "cot_and_corrections_sized", "gsm8k", 52.7, ("Fig. 4",)),
        ("llama2-13b", "cot_same_tokens", "gsm8k", 64.2, ("Table 2",)),
        ("metamath-70b", "cot_and_corrections", "gsm8k", 85.4, ("Table 3",)),
        ("wizardmath-7b", "base", "math", 10.7, ("Table 6",)),
        ("llemma-34b", "full_correction_centric_2", "math", 35.8, ("Fig. 5",)),
        ("llama2-70b", "without_explanation", "math", 24.1, ("Fig. 12",)),
    ],
)
def test_a_figure_is_found_with_the_places_where_it_is_printed(
    model: str, arm: str, task: str, value: float, printed: tuple[str, ...]
) -> None:
    cell = PAPER.find(model, arm, task)
    assert cell is not None
    assert (cell.value, cell.printed) == (value, printed)
    assert cell.share == pytest.approx(value / 100)


def test_what_the_paper_does_not_have_is_not_found() -> None:
    assert PAPER.find("llama2-13b", "cot_more_tokens", "gsm8k") is None
    assert PAPER.find("tiny", "cot", "gsm8k") is None
    assert PAPER.find("claude-2", "base", "math") is None


def test_every_printed_difference_is_that_of_the_printed_figures() -> None:
    gains = list(PAPER.gains())
    for gain in gains:
        assert round(gain.cell.value - gain.over.value, 1) == gain.points, gain
    tables = Counter(gain.cell.printed[0] for gain in gains if not gain.cell.of)
    assert len(gains) == 25 + 10 + 10 + 2 + 2 + 4 + 6, tables  # Tables 1 and 5, Fig. 4, Tables 2 and 3, Figs. 5 and 12


def test_table_5_begins_with_table_1_and_its_means_are_means_but_for_the_one_that_is_noted() -> None:
    odd = []
    for model in ("llama2-70b", "llama-65b", "codellama-34b", "llama2-13b", "llama2-7b"):
        for arm in ("cot", "cot_and_corrections"):
            for task in ("gsm8k", "math"):
                best, second, third = (
                    PAPER.cells[model, arm, task, f"{which} checkpoint"].value
                    for which in ("best", "second-best", "third-best")
                )
                assert best >= second >= third
                assert PAPER.cells[model, arm, task, ""].value == best
                mean = PAPER.cells[model, arm, task, "mean of the three best checkpoints"].value
                if abs(mean - (best + second + third) / 3) > 0.05 + 1e-9:
                    odd.append((model, arm, task))
    assert odd == [("llama2-70b", "cot", "math")]


def test_models_that_can_be_run_are_named_as_in_conf() -> None:
    named = {yaml.safe_load(path.read_text())["name"] for path in (ROOT / "conf" / "model").glob("*.yaml")}
    trained = {model for model, arm, _, _ in PAPER.cells if arm != "base"}
    assert trained == {
        name for name in named if name.startswith(("llama2", "llama-", "codellama", "llemma", "wiz", "meta"))
    }


GOOD = "paper: x\narms: {cot: CoT, lema: LEMA}\ntables:\n"


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ("- {printed: T, tasks: [a], rows: [{model: m, arm: sft, values: [1.0]}]}", "T, m, sft: an arm that"),
        ("- {printed: T, tasks: [a, b], rows: [{model: m, arm: cot, values: [1.0]}]}", "T, m, cot: expected 2 figures"),
        ("- {printed: T, tasks: [a], rows: [{model: m, arm: cot, values: [1.0], gains: [1.0]}]}", "belong together"),
        ("- {printed: T, tasks: [a], rows: [{model: m, arm: cot, values: [high]}]}", "rows"),
        ("- {printed: T, tasks: [a], rows: [{model: m, arm: cot, values: [1.0], seed: 1}]}", "seed"),
        (
            "- {printed: T, tasks: [a], rows: [{model: m, arm: cot, values: [1.0]}]}\n"
            "- {printed: U, tasks: [a], rows: [{model: m, arm: cot, values: [2.0]}]}",
            "m, cot, a is 1.0 in T and 2.0 in U",
        ),
    ],
)
def test_a_faulty_file_is_refused_with_its_path(tables: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "numbers.yaml"
    file.write_text(GOOD + tables)
    with pytest.raises(InputError, match=rf"{file}.*{message}"):
        load(file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.yaml"):
        load(tmp_path / "none.yaml")


def test_figures_are_data_and_no_experiment(capsys: pytest.CaptureFixture[str]) -> None:
    from lema.__main__ import main

    assert main(["experiments=paper_numbers"]) == 2
    assert "experiments: no option 'paper_numbers'" in capsys.readouterr().err
    assert main(["--help"]) == 0
    assert "paper_numbers" not in capsys.readouterr().out

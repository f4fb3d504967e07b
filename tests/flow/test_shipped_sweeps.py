"""Every shipped experiment and sweep composes and validates, is documented, and has the arms that it speaks of."""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path

import pytest
from conftest import ROOT, require_data

sys.path.insert(0, str(ROOT / "tests" / "golden"))

from renew import LOCAL, points_of

from lema.__main__ import main
from lema.pipeline import pipeline
from lema.spec import key

FILES = sorted([*(ROOT / "experiments").glob("*.yaml"), *(ROOT / "sweeps").glob("*.yaml")])
CHOICES = [f"{path.parent.name}={path.stem}" for path in FILES if "@package _global_" in path.read_text()]
PAPER = [choice for choice in CHOICES if choice not in ("experiments=pretrain_tiny", "sweeps=demo")]


@pytest.mark.parametrize("choice", CHOICES)
def test_it_is_planned_without_network(choice: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main([choice, *LOCAL.get(choice, ()), "mode=plan", f"store={tmp_path / 'store'}"])
    out = capsys.readouterr()
    assert code == 0, out.err
    assert re.search(r"[1-9]\d* experiment\(s\), [1-9]\d* stage\(s\): 0 in the store", out.out)


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
    points = points_of(f"sweeps=data_size{setting}")
    stages = [pipeline(point.experiment) for point in points]
    assert {point.experiment.seed for point in points} == {0, 1, 2}
    assert len({key(stage.train) for stage in stages}) == len(points) == 12
    assert len({key(stage.correct) for stage in stages if stage.correct is not None}) == 1
    arms = {(p.experiment.data_mix.name, p.experiment.data_budget.examples) for p in points}
    cot = points[0].experiment.cot_questions.stop
    assert cot == (7000 if setting else 1500)
    assert arms == {("cot", None), ("cot_matched", None), ("cot_and_corrections", None), ("cot_and_corrections", cot)}


def test_tokens_compares_equal_and_more_target_tokens_in_the_papers_ratio() -> None:
    points = points_of("sweeps=tokens")
    arms = {(p.experiment.data_mix.name, p.experiment.data_budget.target_tokens) for p in points}
    assert arms == {("cot_and_corrections", 120_000), ("cot", 120_000), ("cot", 140_000)}
    assert pytest.approx(6.8 / 5.8, abs=0.01) == 140 / 120


SMALL, LARGE = {"llama2-7b", "llama2-13b"}, {"codellama-34b", "llama-65b", "llama2-70b"}


def test_table_1_trains_every_backbone_with_the_hyper_parameters_of_its_size_and_task() -> None:
    points = points_of("sweeps=table1")
    seen = Counter()
    for point in points:
        e = point.experiment
        seen[e.model.name, e.task.name, e.data_mix.name] += 1
        assert e.trainer.learning_rate == (2e-4 if e.model.name in SMALL else 1e-4)
        assert e.trainer.max_length == {"gsm8k": 1024, "math": 1536}[e.task.name]
        assert e.evaluation.questions.stop is None and e.cot_questions.stop == 7000
        assert e.checkpoint.questions.start == 7000
        assert e.format.wording == "lema_v1" and e.evaluation.sampling.temperature == 0
    assert set(seen.values()) == {3}
    assert set(seen) == {
        (model, task, mix)
        for model in SMALL | LARGE
        for task in ("gsm8k", "math")
        for mix in ("cot", "cot_and_corrections")
    }


def test_a_specialised_model_is_compared_with_itself_and_asked_in_its_own_words() -> None:
    for point in points_of("sweeps=specialised"):
        assert point.experiment.evaluation.base
        assert point.experiment.format.wording == "lema_v1_wizardmath"


def test_a_model_without_a_known_commit_can_be_given_one() -> None:
    words = f"model=metamath_70b model.revision={'0' * 40} format=lema_v1"
    points = points_of(f"sweeps=specialised {words}")
    assert {point.experiment.model.name for point in points} == {"metamath-70b"}

"""Corrections without an endpoint: by the model that is trained, or by another one on this machine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commands.typed import Command
from toys.models import toy_model

from lema.base.protocols import Sampling
from lema.base.records import Question, Solution, Verdict
from lema.base.spec import Spec
from lema.config.profile import needs
from lema.correctors.teacher import Teacher
from lema.engines.transformers import Transformers
from lema.experiment.experiment import Experiment
from lema.experiment.pipeline import pipeline
from lema.stages.correct import Correct
from lema.store.stage import Stage


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    return Command(tmp_path, monkeypatch)


def experiment(command: Command, words: str) -> Experiment:
    outcome = command(f"seed=0 data_mix=corrections corrector=teacher {words}")
    assert outcome.code == 0, outcome.err
    (point,) = outcome.points
    return point.experiment


def corrects(stage: Stage) -> list[Correct]:
    held = [one for needed in stage.upstream() for one in corrects(needed)]
    return [*held, stage] if isinstance(stage, Correct) else held


@pytest.mark.parametrize(("teacher", "kind"), [("model", "transformers"), ("model_vllm", "vllm")])
def test_the_model_itself_corrects_as_it_was_before_training(command: Command, teacher: str, kind: str) -> None:
    e = experiment(command, f"teacher={teacher}")
    (correct,) = {one for target in pipeline(e).targets() for one in corrects(target)}
    assert isinstance(correct.corrector, Teacher)
    engine = correct.corrector.engine
    assert isinstance(engine, Spec) and engine.kind == kind
    assert engine.model == e.model and correct.corrector.name == e.model.name  # type: ignore[attr-defined]
    assert needs(correct) == "gpu"  # although the stage waits for a teacher elsewhere by default


@pytest.mark.parametrize("teacher", ["local", "local_vllm"])
def test_another_local_model_corrects(command: Command, teacher: str) -> None:
    e = experiment(command, f"teacher={teacher} model@teacher.model=smollm2_135m")
    assert e.corrector.name == "smollm2-135m" != e.model.name
    assert experiment(command, f"teacher={teacher}").corrector.name == "qwen2.5-7b"


def test_a_local_model_is_asked_and_what_it_cannot_say_is_counted(tmp_path: Path) -> None:
    model = toy_model(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "max_position_embeddings": 8192}))
    question = Question(id="q", task="toy", text="Ann has 3 bags of 4 pens. How many pens?", answer="12")
    paths = [
        Solution(
            question_id="q", reasoner="toy", sample=n, text=f"3 + {n} = 7.\nA: 7", verdict=Verdict.WRONG, answer="7"
        )
        for n in range(2)
    ]
    teacher = Teacher(engine=Transformers(model=model, threads=1), sampling=Sampling(max_tokens=12))
    with teacher.open() as correct:
        made = correct([(question, path) for path in paths])
    assert [one.solution_id for one in made] == [path.id for path in paths]
    assert all(one.reject and one.reply for one in made)  # random weights write no correction

"""Checkpoint selection with the real stages and store, and a toy model that is best in the middle of its training."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from toys.lab import ToyModel, ToyTrainer, experiment, run_stage

from lema.base.errors import ConfigError, InputError
from lema.base.protocols import Complete, Sampling, TrainJob
from lema.base.question_slice import Slice
from lema.base.records import Solution
from lema.base.spec import key, spec
from lema.experiment.pipeline import pipeline
from lema.stages.evaluate import Evaluate
from lema.stages.sampling import solving
from lema.stages.select import CheckpointScore, Select, best
from lema.stages.train import Train
from lema.store import Store

CHANCES = {100: 0.55, 200: 0.9, 300: 0.9, 400: 0.7}


@spec
class Keeper(ToyTrainer):
    """Keeps checkpoints that know more, then less."""

    kind = "toy_keeper"

    def train(self, job: TrainJob, progress: Callable[[int, int], None]) -> dict[str, Any]:
        summary = super().train(job, progress)
        for step, chance in CHANCES.items():
            folder = Path(job.output).with_name("checkpoints") / f"step-{step:06d}"
            folder.mkdir(parents=True)
            (folder / "learned.json").write_text(json.dumps({"chance": chance, "seed": 1}))
        return summary


OPENED: list[str] = []


@spec
class Watched(ToyModel):
    """Says which checkpoints it was opened with, and fails at a planted one."""

    kind = "toy_watched"

    @contextmanager
    def open(self, *, checkpoint: Path | None = None, replies: Path | None = None) -> Iterator[Complete]:
        assert checkpoint is not None
        OPENED.append(checkpoint.name)
        if (checkpoint.parents[2] / "broken").exists() and checkpoint.name == "step-000300":
            raise RuntimeError("out of memory")
        with super().open(checkpoint=checkpoint, replies=replies) as complete:
            yield complete


def trained(**changed: Any) -> Train:
    return pipeline(experiment("cot", 0, **{"trainer": Keeper(), **changed})).train


def selection(run: Train, split: str = "train", **changed: Any) -> Select:
    given: dict[str, Any] = {
        "trained": run,
        "by": "best_on_dev",
        "questions": Slice(split=split, start=100, stop=300),
        "task": experiment("cot", 0).task,
        "engine": ToyModel(),
        "format": run.format,
        "sampling": Sampling(),
    }
    return Select(**(given | changed))


def evaluation(model: Select | Train) -> Evaluate:
    (plain,) = pipeline(experiment("cot", 0)).evaluate
    return dataclasses.replace(plain, trained=model)  # type: ignore[type-var]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("selection") / "store")


def test_the_best_checkpoint_on_dev_is_chosen_and_of_equals_the_earliest(store: Store) -> None:
    select = selection(trained())
    run_stage(store, select)
    done = store.get(select)
    rows = list(done.rows("scores.jsonl", CheckpointScore))
    assert [row.step for row in rows] == [100, 200, 300, 400]
    assert rows[1].right == rows[2].right > max(rows[0].right, rows[3].right)
    assert all(row.questions == row.right + row.wrong + row.no_answer + row.undecided == 200 for row in rows)
    said = {name: done.summary[name] for name in ("chosen", "on", "by", "checkpoints")}
    assert said == {"chosen": 200, "on": "train[100:300]", "by": "best_on_dev", "checkpoints": 4}
    assert done.summary["accuracy"] == rows[1].right / 200


def test_evaluating_a_selection_is_evaluating_the_folder_that_it_chose(store: Store) -> None:
    run = trained()
    chosen, last = evaluation(selection(run)), evaluation(run)
    run_stage(store, chosen)
    run_stage(store, last)
    folder = store.get(run).path / "checkpoints" / "step-000200"
    assert selection(run).checkpoint(store.get) == folder
    with ToyModel().open(checkpoint=folder) as complete, solving(chosen, complete) as solve:
        expected = solve(chosen.task.questions("test", 0, 300))
    assert list(store.get(chosen).rows("solutions.jsonl", Solution)) == expected
    assert store.get(chosen).summary["accuracy"] > store.get(last).summary["accuracy"] + 0.1


def test_whoever_uses_a_selection_needs_the_training_run_too() -> None:
    run = trained()
    select = selection(run)
    assert list(evaluation(select).upstream()) == [select, run]
    assert list(select.upstream()) == [run]


def test_a_stopped_selection_does_not_score_a_checkpoint_again(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    select = selection(trained(), engine=Watched())
    store.prepare()
    run_stage(store, select.trained)
    (store.artifacts / "broken").touch()
    OPENED.clear()
    with pytest.raises(RuntimeError, match="memory"):
        run_stage(store, select)
    (store.artifacts / "broken").unlink()
    run_stage(store, select)
    assert OPENED == ["step-000100", "step-000200", "step-000300", "step-000300", "step-000400"]
    calm = selection(trained(), engine=ToyModel())
    run_stage(store, calm)
    assert store.get(calm).file("scores.jsonl").read_bytes() == store.get(select).file("scores.jsonl").read_bytes()


def test_a_choice_on_test_questions_is_another_stage_and_is_called_so(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    chosen = selection(trained(), "test", by="best_on_test")
    run_stage(store, chosen)
    assert store.get(chosen).summary["by"] == store.get(chosen).manifest.spec["by"] == "best_on_test"
    assert key(chosen) != key(selection(trained(), "test"))


def test_a_run_that_kept_nothing_says_what_to_set(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    with pytest.raises(InputError, match=r"trainer\.keep_every"):
        run_stage(store, selection(trained(trainer=ToyTrainer())))


@pytest.mark.parametrize("sampling", [Sampling(n=2), Sampling(temperature=0.5)])
def test_a_choice_by_luck_is_refused(sampling: Sampling) -> None:
    with pytest.raises(ConfigError, match="one greedy path"):
        selection(trained(), sampling=sampling).check()


def test_no_number_of_checkpoints_beats_more_right_answers() -> None:
    def row(step: int, right: int) -> CheckpointScore:
        return CheckpointScore(
            step=step, questions=9, right=right, wrong=9 - right, no_answer=0, undecided=0, cut_at_limit=0
        )

    assert best([row(3, 5), row(1, 4), row(2, 5)]).step == 2

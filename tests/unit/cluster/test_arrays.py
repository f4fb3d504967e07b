"""Which stages are tasks of one array, what such an array waits for, and how its tasks are known again."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from conftest import package
from hypothesis import given
from hypothesis import strategies as some
from toys.store import Squares

from lema.cluster import arrays, batch
from lema.cluster.arrays import Group, dependency, grouped
from lema.cluster.queue import job_name
from lema.config.profile import Profile
from lema.running import snapshot
from lema.running.plan import Step
from lema.store import Store

STAGE = Squares()


def step(key: str, *upstream: str) -> Step:
    return Step(STAGE, key, upstream, (0,), "ready")


def kind(one: Step) -> str:
    return one.key.partition(":")[0]


def sweep(points: int) -> Iterator[Step]:
    """Two mixes a point, one of which needs corrections; each is trained on, chosen from and scored."""
    yield step("base")
    yield step("generate")
    yield step("correct", "generate")
    for point, name in itertools.product(range(points), ("cot", "corrections")):
        yield step(f"mix:{name}{point}", *(["correct"] if name == "corrections" else []))
        yield step(f"train:{name}{point}", f"mix:{name}{point}")
        yield step(f"select:{name}{point}", f"train:{name}{point}")
        yield step(f"evaluate:{name}{point}", f"train:{name}{point}", f"select:{name}{point}")


def keys(groups: Sequence[Group]) -> list[list[str]]:
    return [[one.key for one in group.steps.values()] for group in groups]


def test_a_sweep_of_any_size_is_a_few_arrays_and_a_job_for_each_stage_that_all_points_share() -> None:
    groups = grouped(list(sweep(200)), {}, kind, 1001)
    assert len(groups) == 3 + 2 * 4
    assert sorted(len(group.steps) for group in groups) == [1] * 3 + [200] * 8
    assert sum((group.one is not None) for group in groups) == 3


def test_tasks_that_belong_together_have_one_index_and_each_waits_for_its_own(tmp_path: Path) -> None:
    groups = grouped(list(sweep(3)), {}, kind, 1001)
    at = {one.key: index for group in groups for index, one in group.steps.items()}
    for one in sweep(3):
        for above in one.upstream:
            assert above == "correct" or kind(one) == "correct" or at[above] == at[one.key]


def test_an_array_has_no_more_tasks_than_slurm_allows() -> None:
    groups = grouped(list(sweep(5)), {}, kind, 2)
    assert max(len(group.steps) for group in groups) == 2
    assert all(index < 2 for group in groups for index in group.steps)
    assert all(group.one is not None for group in grouped(list(sweep(5)), {}, kind, 1))


def test_stages_that_wait_for_tasks_of_an_array_in_the_queue_take_their_indices() -> None:
    todo = [step("evaluate:a", "train:a"), step("evaluate:b", "train:b"), step("evaluate:c", "train:c")]
    (group, alone) = grouped(todo, {"train:a": ["7_4"], "train:b": ["7_2"], "train:c": ["9"]}, kind, 1001)
    assert {index: one.key for index, one in group.steps.items()} == {4: "evaluate:a", 2: "evaluate:b"}
    assert alone.one is todo[2]


def test_a_stage_that_waits_for_different_tasks_is_a_job_of_its_own() -> None:
    todo = [step("mix:a"), step("mix:b"), step("all:1", "mix:a", "mix:b"), step("all:2", "mix:a", "mix:b")]
    assert keys(grouped(todo, {}, kind, 1001)) == [["mix:a", "mix:b"], ["all:1"], ["all:2"]]


def test_several_stages_of_one_kind_after_one_task_are_in_arrays_of_their_own() -> None:
    todo = [step(f"train:{n}") for n in range(3)]
    todo += [step(f"evaluate:{n}.{k}", f"train:{n}") for n in range(3) for k in range(2)]
    todo += [step(f"select:{n}", f"evaluate:{n}.0", f"evaluate:{n}.1") for n in range(3)]
    assert [len(group.steps) for group in grouped(todo, {}, kind, 1001)] == [3, 3, 3, 3]


@given(some.data())
def test_whatever_the_plan_each_stage_is_in_one_group_after_all_that_it_needs_and_arrays_can_be_said(
    data: some.DataObject,
) -> None:
    queue = {"a:q": ["1_0"], "a:r": ["1_1"], "b:q": ["2"]}
    todo: list[Step] = []
    for number in range(data.draw(some.integers(0, 12))):
        above = data.draw(some.lists(some.sampled_from([*queue, *(one.key for one in todo)]), max_size=3, unique=True))
        todo.append(step(f"{data.draw(some.sampled_from('ab'))}:{number}", *above))
    most = data.draw(some.integers(1, 4))
    groups = grouped(todo, queue, kind, most)
    jobs: dict[str, Sequence[str]] = dict(queue)
    for number, group in enumerate(groups):
        after = {n: [job for key in one.upstream for job in jobs[key]] for n, one in group.steps.items()}
        assert len({kind(one) for one in group.steps.values()}) == 1 and len(group.steps) <= most
        if group.one is None:
            assert dependency(after) is not None
        for index, one in group.steps.items():
            jobs[one.key] = [f"{100 + number}" if group.one else f"{100 + number}_{index}"]
    assert sorted(key for group in keys(groups) for key in group) == sorted(one.key for one in todo)


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ({0: [], 1: []}, ""),
        ({0: ["5"], 1: ["5"]}, "afterok:5"),
        ({0: ["9", "5"], 1: ["5", "9", "5"]}, "afterok:5:9"),
        ({0: ["5_0"], 3: ["5_3"]}, "aftercorr:5"),
        ({0: ["5_0", "6_0", "2"], 3: ["2", "6_3", "5_3"]}, "afterok:2,aftercorr:5,aftercorr:6"),
        ({0: ["5_0"], 1: ["5_0"]}, None),
        ({0: ["5_0"], 1: ["6_1"]}, None),
        ({0: ["5"], 1: []}, None),
    ],
)
def test_what_an_array_waits_for_is_said_once_or_not_at_all(after: dict[int, list[str]], expected: str | None) -> None:
    assert dependency(after) == expected


def test_a_script_of_an_array_names_its_tasks_where_they_write_and_what_they_run(tmp_path: Path) -> None:
    make = package("submitit.slurm.slurm")._make_sbatch_string
    folder = tmp_path / "s-1" / "train-array-2"
    alone = batch.parameters(Profile().jobs, Profile(), Path("/code"), (), folder)
    made = arrays.settings(alone, folder, [5, 0, 1, 2], "afterok:3,aftercorr:4")
    text = str(make(command=arrays.command("python", folder), folder=str(folder), **made))
    lines = text.splitlines()
    assert "#SBATCH --array=0-2,5" in lines and "#SBATCH --job-name=lema-train-array.s-1.2" in lines
    assert "#SBATCH --dependency=afterok:3,aftercorr:4" in lines and "#SBATCH --kill-on-invalid-dep=yes" in lines
    assert f"#SBATCH --output={folder}/%a/%A_%a_0_log.out" in lines
    (run,) = [line for line in lines if line.startswith("srun")]
    assert run.endswith(f'python -u -m lema.running.worker {folder}/"$SLURM_ARRAY_TASK_ID"/job.json')
    assert (
        run.rindex("--output") > run.index(f"--output {folder}/%j") and f"--error {folder}/%a/%A_%a_%t_log.err" in run
    )
    assert "dependency" not in make(command="x", folder="/l", **arrays.settings(alone, folder, [0, 1], ""))


def test_tasks_are_known_by_the_name_of_their_array_and_by_nothing_else(tmp_path: Path) -> None:
    store = Store(tmp_path)
    submission = snapshot.new_folder(store)
    for address in ("train-a", "train-b"):
        (submission / address).mkdir()
    folder = snapshot.make_array(submission, "train", 3, {0: "train-a", 7: "train-b"})
    (folder / "12_submission.sh").write_text("x")
    title = snapshot.title(folder)
    assert job_name(title) == f"lema-train-array.{submission.name}.3"
    assert snapshot.tasks(store, title) == {0: "train-a", 7: "train-b"}
    assert (folder / "7").resolve() == submission / "train-b"
    for other in (
        title[:-1] + "4",
        f"mix-array.{submission.name}.3",
        "train-0123",
        f"train-array.../{title}.3",
        "array",
    ):
        assert snapshot.tasks(store, other) == {}
    snapshot.note_scripts(folder, {0: "train-a"}, "12")
    assert (submission / "train-a" / "12_0_submission.sh").read_text() == "x"


@pytest.mark.parametrize(
    ("left", "last"),
    [
        ([], ""),
        (["job.json", "meeting-3-0"], ""),
        (["5_submission.sh"], "5"),
        (["5_submission.sh", "10_0_log.out", "10_0_log.err"], "10"),
        (["5_submission.sh", "4_11_submission.sh"], "5"),
        (["12_3_submission.sh"], "12_3"),
        (["12_3_0_log.out"], "12_3"),
        (["12_10_0_log.out", "12_9_submission.sh"], "12_10"),
    ],
)
def test_the_last_job_of_a_stage_is_read_off_what_its_jobs_left(tmp_path: Path, left: list[str], last: str) -> None:
    for name in left:
        (tmp_path / name).touch()
    assert next(iter(snapshot.Trace(tmp_path).jobs()), "") == last

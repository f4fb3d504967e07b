"""Jobs of a cluster without a cluster: what they ask for, what their scripts say, what the queue is read as."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import ROOT, package
from rich.console import Console
from toys.lab import Sums, points
from toys.store import Squares

from lema.base.errors import ConfigError
from lema.base.protocols import Sampling
from lema.base.provenance import CodeVersion, code_version
from lema.base.question_slice import Slice
from lema.cluster import batch, modes
from lema.cluster.queue import comment, job_name, parse, queued
from lema.cluster.watch import Line, last_result, missing_table
from lema.config.config import experiment
from lema.config.options import Options
from lema.config.profile import Profile, Resources, is_engine, needs
from lema.correctors.symbolic import Symbolic
from lema.correctors.teacher import Teacher
from lema.data.formats import Format
from lema.engines.openai.engine import OpenAI
from lema.engines.scripted import Scripted
from lema.engines.transformers import Transformers
from lema.lm.model import Model
from lema.running import snapshot
from lema.running.graph import Node
from lema.running.jobs import Result
from lema.stages.correct import Correct
from lema.stages.generate import Generate
from lema.store import Store

MODEL = Model(name="m", hub="a/b", revision="c0ffee")


def generate(engine: Any) -> Generate:
    return Generate(
        task=Sums(), questions=Slice(split="train", stop=4), engine=engine, format=Format(), sampling=Sampling()
    )


def profile(**said: Any) -> Profile:
    made: Profile = experiment(said, Profile)
    return made


def script(made: Profile, *after: str, kind: str = "gpu") -> str:
    """What sbatch is given for a job of a kind."""
    text = package("submitit.slurm.slurm")._make_sbatch_string
    settings = batch.parameters(dict(made.merged())[kind], made, Path("/code"), after, Path("/my logs"))
    return str(text(command="python", folder="/logs", **settings))


def test_the_kind_of_stage_wins_over_its_needs_and_those_over_what_every_job_asks_for() -> None:
    made = profile(
        jobs={"partition": "main", "minutes": 60, "cpus": 1, "extra": {"nice": 5, "reservation": "day"}},
        gpu={"gpus": 1, "cpus": 8, "extra": {"reservation": "night"}},
        stages={"generate": {"gpus": 4, "minutes": 90}},
    )
    asked = made.resources(generate(Transformers(model=MODEL)))
    assert (asked.partition, asked.minutes, asked.cpus, asked.gpus) == ("main", 90, 8, 4)
    assert asked.extra == {"nice": 5, "reservation": "night"}
    assert made.resources(Squares()) == made.jobs


def test_only_a_stage_that_loads_a_model_asks_for_a_gpu() -> None:
    served = OpenAI(model="gpt")
    assert needs(generate(Transformers(model=MODEL))) == "gpu"
    assert needs(generate(served)) == "teacher"
    assert needs(generate(Scripted())) == "cpu"
    for corrector, expected in (
        (Symbolic(), "teacher"),  # what the stage says of itself
        (Teacher(engine=served), "teacher"),
        (Teacher(engine=Transformers(model=MODEL)), "gpu"),
    ):
        assert needs(Correct(task=Sums(), paths=generate(served), corrector=corrector)) == expected


@pytest.mark.parametrize("path", sorted((ROOT / "lema" / "engines").glob("[a-z]*.py")), ids=lambda path: path.stem)
def test_every_engine_says_what_a_cluster_must_give_it(path: Path) -> None:
    module = __import__(f"lema.engines.{path.stem}", fromlist=["*"])
    own = [v for v in vars(module).values() if isinstance(v, type) and v.__module__ == module.__name__]
    assert [v for v in own if hasattr(v, "open") and hasattr(v, "kind") and not hasattr(v, "needs")] == []


@pytest.mark.parametrize("path", sorted((ROOT / "slurm").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_profile_that_ships_is_whole_and_gives_gpus_only_to_what_loads_a_model(path: Path) -> None:
    made = profile(**yaml.safe_load(path.read_text()))
    asked = dict(made.merged())
    assert all(one.minutes and one.cpus and one.memory_gb for one in asked.values())
    assert not asked["cpu"].gpus and not asked["teacher"].gpus
    assert bool(asked["gpu"].gpus) == (path.stem != "testbed")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"gpu": {"gpsu": 2}}, "gpu.gpsu: unknown key. Did you mean 'gpus'?"),
        ({"stages": {"trian": {"gpus": 2}}}, "stages.trian: there is no such kind of stage. Kinds: augment, "),
        ({"stages": {"trian": {"gpus": 2}}}, ", correct, "),
        ({"stages": {"trian": {"gpus": 2}}}, ", train"),
        ({"stages": {"train": {"gpus": -1}}}, "stages.train.gpus"),
        ({"jobs": {"shards": 2}}, "jobs.shards: only stages of some kinds can be spread over several jobs, and each"),
        ({"stages": {"train": {"shards": 2}}}, "stages.train.shards: only stages of some kinds"),
        ({"stages": {"train": {"shards": 2}}}, "stages.evaluate.shards, stages.generate.shards"),
        ({"teacher": {"gpus": 1}}, "teacher.gpus: a stage of that sort uses none"),
        ({"jobs": {"extra": {"comment": "x"}}}, "jobs.extra.comment: lema sets that option of sbatch itself"),
        ({"jobs": {"minutes": 2}, "warn_seconds": 120}, "warn_seconds: 120 s before the end of jobs.minutes=2"),
        ({"jobs": {"minutes": "60"}}, "jobs.minutes"),
        ({"gpu": {"nodes": 2}}, "gpu.nodes=2: only training uses more than one. Say it below stages.train."),
        ({"stages": {"evaluate": {"nodes": 2}}}, "stages.evaluate.nodes=2: only training uses more than one"),
        ({"jobs": {"processes_per_node": 2}}, "jobs.processes_per_node=2: only training uses more than one"),
    ],
)
def test_what_is_wrong_with_a_profile_is_said_with_its_path(said: dict[str, Any], expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        profile(**said)
    assert expected in str(caught.value)


@pytest.mark.parametrize("mode", ["wait", "cancel"])
def test_modes_about_jobs_need_a_cluster(mode: Any) -> None:
    with pytest.raises(ConfigError, match="slurm=testbed"):
        Options(mode=mode).check()
    Options(mode=mode, slurm=Profile()).check()


def test_a_script_waits_for_what_its_stage_needs_and_is_cancelled_when_that_fails() -> None:
    lines = script(profile(), "7", "9", "7").splitlines()
    assert "#SBATCH --dependency=afterok:7:9" in lines and "#SBATCH --kill-on-invalid-dep=yes" in lines
    assert "afterok" not in script(profile())


def test_a_script_asks_for_what_the_profile_says_and_leaves_the_rest_to_the_site() -> None:
    made = profile(gpu={"gpus": 2, "cpus": 8, "memory_gb": 1.5, "minutes": 90, "extra": {"exclusive": True}})
    asked = {line.removeprefix("#SBATCH --") for line in script(made).splitlines() if line.startswith("#SBATCH")}
    assert {"gpus-per-node=2", "cpus-per-task=8", "mem=1536M", "time=90", "exclusive", "signal=USR2@120"} <= asked
    named = {line.partition("=")[0] for line in script(profile()).splitlines() if line.startswith("#SBATCH")}
    for option in ("partition", "account", "qos", "time", "mem", "gpus-per-node", "cpus-per-task", "wckey"):
        assert f"#SBATCH --{option}" not in named
    assert "gpus" not in script(made, kind="teacher")


@pytest.mark.parametrize(
    ("train", "told"),
    [
        ({"nodes": 2, "gpus": 8}, "LEMA_PROCESSES_PER_NODE=8"),
        ({"nodes": 2, "processes_per_node": 2}, "LEMA_PROCESSES_PER_NODE=2"),
        ({"nodes": 2, "gpus": 8, "processes_per_node": 4}, "LEMA_PROCESSES_PER_NODE=4"),
    ],
)
def test_a_training_on_several_nodes_has_a_task_on_each_and_a_place_to_meet(train: dict[str, int], told: str) -> None:
    lines = script(profile(stages={"train": train}), kind="train").splitlines()
    assert {"#SBATCH --nodes=2", "#SBATCH --ntasks-per-node=1", f"export {told}"} <= set(lines)
    assert any("--kill-on-bad-exit=1 python" in line for line in lines)
    (meeting,) = [line for line in lines if "LEMA_MEETING=" in line and line.startswith("export")]
    said = subprocess.run(
        ["bash", "-c", f'{meeting}; echo "$LEMA_NODES $LEMA_MEETING"'],
        env={"SLURM_JOB_ID": "7"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert said == "2 /my logs/meeting-7-0\n"


def test_one_node_has_no_helpers_and_a_stage_that_does_not_train_no_ranks() -> None:
    made = profile(gpu={"gpus": 4}, stages={"train": {"minutes": 90}})
    assert "kill-on-bad-exit" not in script(made, kind="train") and "MEETING=" not in script(made, kind="train")
    assert "LEMA_PROCESSES_PER_NODE=4" in script(made, kind="train")
    assert "LEMA_" not in script(made, kind="cpu").split("# teardown")[0]


def test_set_up_lines_come_before_python_and_the_code_is_that_of_the_submission() -> None:
    lines = script(profile(setup=["module load cuda"])).splitlines()
    assert lines.index("module load cuda") < next(i for i, line in enumerate(lines) if line.startswith("srun"))
    assert any(line.startswith("export PYTHONPATH=/code") and "PYTHONSAFEPATH=1" in line for line in lines)


@pytest.mark.parametrize("task", ["", "2"])
@pytest.mark.parametrize(
    ("code", "restarts", "state", "requeued"),
    [
        (75, 0, "RUNNING", True),
        (75, 2, "RUNNING", True),
        (140, 0, "RUNNING", True),  # a signal before Python listens
        (75, 3, "RUNNING", False),  # often enough
        (75, 0, "CANCELLED", False),  # scancel means it
        (3, 0, "RUNNING", False),
        (0, 0, "RUNNING", False),
    ],
)
def test_a_job_goes_back_into_the_queue_only_when_it_was_told_to_stop(
    tmp_path: Path, code: int, restarts: int, state: str, requeued: bool, task: str
) -> None:
    """The shell lines with a shell; scontrol is the one part of SLURM in them, and a real one is asked elsewhere."""
    scontrol = tmp_path / "scontrol"
    scontrol.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\necho "JobId=5 JobState={state} Reason=None"\n')
    scontrol.chmod(0o755)
    lines = [f"(exit {code})", *batch.ending(3)]
    settings = {"PATH": f"{tmp_path}:/usr/bin:/bin", "SLURM_JOB_ID": "5"}
    settings |= {"SLURM_RESTART_COUNT": str(restarts)} if restarts else {}
    settings |= {"SLURM_ARRAY_JOB_ID": "5", "SLURM_ARRAY_TASK_ID": task} if task else {}  # the last task has that id
    done = subprocess.run(["bash", "-c", "\n".join(lines)], env=settings, capture_output=True, check=False)
    asked = (tmp_path / "asked").read_text() if (tmp_path / "asked").exists() else ""
    whole = "requeue 5_2" if task else "requeue 5"
    assert done.returncode == code and (whole in asked.splitlines()) == requeued


def test_with_several_nodes_the_stage_decides_the_exit_code_and_not_a_helper_that_was_killed(tmp_path: Path) -> None:
    (tmp_path / "ended").write_text("3")
    lines = ["(exit 137)", *batch.ending(3)]
    settings = {"PATH": "/usr/bin:/bin", "SLURM_JOB_ID": "5", "LEMA_MEETING": str(tmp_path)}
    assert subprocess.run(["bash", "-c", "\n".join(lines)], env=settings, check=False).returncode == 3
    settings["LEMA_MEETING"] = str(tmp_path / "nowhere")  # the stage was killed too
    assert subprocess.run(["bash", "-c", "\n".join(lines)], env=settings, check=False).returncode == 137


def test_jobs_in_the_queue_are_known_by_the_stage_in_their_name_and_the_store_in_their_comment(tmp_path: Path) -> None:
    here, there = Store(tmp_path / "a"), Store(tmp_path / "b")
    name = job_name(here.address(Squares()))
    said = "\n".join(
        [
            f"11|N/A|ada|PENDING|Dependency||{comment(here)}|{name}",
            f"12|N/A|ada|RUNNING|None|node1|{comment(there)}|{name}",
            f"13|N/A|bob|RUNNING|None|node2|(null)|{job_name('train-0123456789abcdef')}",
            "14|N/A|bob|RUNNING|None|node2|a|b|lema-like",
            "15|N/A|bob|RUNNING|None|node2|(null)|bash",
            "a comment with a line break",
            f"16|4|ada|RUNNING|None|node1|{comment(here)}|{job_name('mix-array.s.1')}",
            f"16|5|ada|PENDING|None||{comment(here)}|{job_name('mix-array.s.1')}",
            f"17|4|ada|RUNNING|None|node1|{comment(here)}|{job_name('mix-array.of-nobody.1')}",
            f"18|4|ada|RUNNING|None|node1|{comment(there)}|{job_name('mix-array.s.1')}",
        ]
    )
    arrays = {"mix-array.s.1": {4: "mix-4", 5: "mix-5"}}
    found = {job.job: job for job in parse(said, comment(here), lambda title: arrays.get(title, {}))}
    assert set(found) == {"11", "13", "16_4", "16_5"}
    assert found["16_4"].stage == "mix-4" and found["16_5"].waits
    assert found["11"].stage == here.address(Squares()) and found["11"].waits and not found["11"].ends
    assert found["13"].stage == "train-0123456789abcdef" and found["13"].user == "bob" and not found["13"].waits


def test_equal_code_is_kept_once_and_runs_by_itself(tmp_path: Path) -> None:
    store = Store(tmp_path)
    folder = snapshot.keep_code(store)
    assert snapshot.keep_code(store) == folder
    assert [entry.name for entry in folder.parent.iterdir()] == [folder.name]
    ask = "import lema.running.worker as w, lema.base.provenance as p; print(w.__file__, p.code_version(), sep=chr(10))"
    said = subprocess.run(
        [sys.executable, "-c", ask],
        env={"PYTHONPATH": str(folder), "PYTHONSAFEPATH": "1"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert said[0] == str(folder / "lema" / "running" / "worker.py")
    assert said[1] == str(CodeVersion(code_version().commit, code_version().dirty))


def test_the_last_submission_of_a_stage_is_where_its_log_is_looked_for(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for number in range(2):
        folder = snapshot.new_folder(store)
        (folder / "train-1").mkdir()
        (folder / f"mix-{number}").mkdir()
        (folder / "submission.json").write_text("{}")
    unfinished = snapshot.new_folder(store)
    (unfinished / "train-1").mkdir()  # its submission was killed before anything was submitted
    found = {address: trace.folder for address, trace in snapshot.traces(store).items()}
    assert found == {"train-1": folder / "train-1", "mix-0": found["mix-0"], "mix-1": folder / "mix-1"}


def test_what_a_stage_said_last_is_read_past_what_others_print_into_its_log(tmp_path: Path) -> None:
    log = tmp_path / "log.out"
    assert last_result(log) is None
    results = [Result(key="k", exit_code=75, error="stopped"), Result(key="k", exit_code=3, error="no room")]
    log.write_text("\n".join([json.dumps({"key": r.key, "exit_code": r.exit_code, "error": r.error}) for r in results]))
    with log.open("a") as out:
        out.write("\nslurmstepd: something\n")
    assert last_result(log) == results[1]


def test_the_table_of_what_is_missing_names_failures_logs_and_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["lema", "slurm=x", "mode=wait", "sweeps=two words"])
    nodes = [Node(kind="squares", key="0" * 16, spec="0" * 64, upstream=(), points=(0,), needs="cpu")] * 2
    lines = [Line(nodes[0], "failed", "5", "", "no room", Path("/l/5_0_log.err")), Line(nodes[1], "missing")]
    said = missing_table(lines).splitlines()
    assert said[0] == "2 stage(s) are not in the store and not in the queue."
    assert said[1] == "  squares-00000000: failed, no room" and said[2] == "    log: /l/5_0_log.err"
    assert said[3].startswith("  1 never began") and said[-1] == "  lema slurm=x 'sweeps=two words'"


def test_engines_of_others_without_a_word_about_clusters_are_no_engines_here() -> None:
    assert is_engine(Scripted()) and not is_engine(Squares()) and not is_engine(Resources())


def test_a_second_request_to_stop_does_not_disturb_the_first() -> None:
    code = (
        "import os, signal\nfrom lema.base.errors import Preempted\nfrom lema.running.worker import STOPS, stop\n"
        "for number in STOPS: signal.signal(number, stop)\n"
        "try: os.kill(os.getpid(), signal.SIGUSR2)\n"
        "except Preempted:\n    os.kill(os.getpid(), signal.SIGTERM)\n    print('in order')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert (done.returncode, done.stdout) == (0, "in order\n"), done.stderr


def test_the_plan_shows_what_each_missing_stage_would_ask_for(tmp_path: Path) -> None:
    made = profile(jobs={"minutes": 7}, gpu={"partition": "fat"}, cpu={"cpus": 3})
    console = Console(width=200, file=io.StringIO(), force_terminal=False)
    options = Options(mode="plan", store=str(tmp_path), slurm=made)
    assert modes.show_plan(points(("cot",), (0,)), options, console, "") == 0
    rows = [line.split() for line in console.file.getvalue().splitlines()]  # type: ignore[attr-defined]
    train = next(row for row in rows if row[0] == "train")
    assert train[3:] == ["gpu", "fat", "1", "0", "site's", "site's", "7"]
    mix = next(row for row in rows if row[0] == "mix")
    assert mix[3:] == ["cpu", "site's", "1", "0", "3", "site's", "7"]
    assert not any(tmp_path.iterdir())


def test_jobs_that_share_a_stage_are_one_entry_that_knows_them_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = Store(tmp_path)
    rows = [("7", "PENDING"), ("8", "RUNNING"), ("9", "RUNNING")]
    said = "".join(f"{job}|N/A|me|{state}|None||{comment(here)}|lema-generate-1\n" for job, state in rows)
    monkeypatch.setattr("lema.cluster.queue.slurm", lambda *_: said)
    (job,) = queued(here).values()
    assert (job.job, job.state, job.jobs) == ("8", "RUNNING", ("8", "9", "7"))

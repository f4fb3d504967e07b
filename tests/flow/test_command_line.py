"""What a command is about: the default sweep, whose value wins, and that nothing else happens."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from commands.typed import ROOT, Command
from material.made_data import data_of

import lema.cli.modes
from lema import __version__
from lema.__main__ import main
from lema.base.errors import Preempted, StageFailed
from lema.config.config import build

GLOBAL = "# @package _global_\n"
GRID = "hydra:\n  mode: MULTIRUN\n  sweeper:\n    params:\n      data_mix: cot,corrections\n      seed: 0,1,2\n"
EXPERIMENT = (
    GLOBAL + "defaults:\n  - override /trainer: lora\n  - override /format: lema_v1\n"
    "trainer:\n  learning_rate: 5e-4\n  lora_rank: 4\nseed: 7\n"
)


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    made = Command(tmp_path, monkeypatch)
    made.write("sweeps/demo.yaml", GLOBAL + GRID.replace("0,1,2", "0,1"))
    made.write("sweeps/grid.yaml", GLOBAL + GRID + "trainer:\n  epochs: 4.0\n")
    made.write("experiments/named.yaml", EXPERIMENT)
    return made


@pytest.mark.parametrize("line", ["", "mode=plan", "mode=report", "trainer.learning_rate=1e-3", "store=elsewhere"])
def test_a_command_that_chooses_no_experiment_is_about_the_demo(command: Command, line: str) -> None:
    outcome = command(line)
    assert outcome.code == 0, outcome.err
    assert [p.experiment.data_mix.name for p in outcome.points] == ["cot", "cot", "corrections", "corrections"]
    assert [p.experiment.seed for p in outcome.points] == [0, 1, 0, 1]


@pytest.mark.parametrize(
    ("line", "points"),
    [
        ("seed=1", 1),
        ("data_mix=cot", 1),
        ("sweeps=null", 1),
        ("experiments=named", 1),
        ("experiments=named sweeps=grid", 6),
        ("-m seed=0,1,2", 3),
        ("-m data_mix=cot,cot_and_corrections,corrections,cot_matched seed=0,1,2", 12),
        ("-m data_mix=glob(cot*) seed=range(0,3)", 9),
        ("-m experiments=named,null", 2),
    ],
)
def test_a_command_that_chooses_is_about_its_choice(command: Command, line: str, points: int) -> None:
    outcome = command(line)
    assert outcome.code == 0 and len(outcome.points) == points, outcome.err
    assert len(set(outcome.names)) == points


def test_equal_points_are_one(command: Command) -> None:
    assert command("-m seed=0,0,1 data_mix=cot,cot").names == ["seed=0 data_mix=cot", "seed=1 data_mix=cot"]


def test_a_swept_key_given_on_the_command_line_replaces_the_values_of_the_sweep_file(command: Command) -> None:
    assert {p.experiment.seed for p in command("sweeps=grid seed=5").points} == {5}
    assert {p.experiment.seed for p in command("sweeps=grid ++seed=5,6").points} == {5, 6}
    outcome = command("sweeps=grid +data_mix=cot seed=5")
    assert outcome.names == ["data_mix=cot seed=5"] and outcome.points[0].experiment.trainer.epochs == 4.0


def test_a_sweep_of_several_grids_is_all_their_points(command: Command) -> None:
    command.write(
        "sweeps/grids.yaml",
        GLOBAL + "hydra:\n  mode: MULTIRUN\n  sweeper:\n    params:\n"
        "      - {data_mix: 'cot,corrections', seed: '0,1'}\n"
        "      - {data_mix: corrections, data_budget.examples: 5, seed: '0,1'}\n",
    )
    product = [
        "data_mix=cot seed=0",
        "data_mix=cot seed=1",
        "data_mix=corrections seed=0",
        "data_mix=corrections seed=1",
    ]
    small = [f"data_mix=corrections data_budget.examples=5 seed={seed}" for seed in (0, 1)]
    assert command("sweeps=grids").names == product + small
    assert command("sweeps=grids seed=3").names == [
        "data_mix=cot seed=3",
        "data_mix=corrections seed=3",
        "data_mix=corrections data_budget.examples=5 seed=3",
    ]


def test_a_value_on_the_command_line_wins_over_the_experiment_s(command: Command) -> None:
    assert command("experiments=named").points[0].experiment.trainer.learning_rate == 5e-4
    (point,) = command("experiments=named trainer.learning_rate=1e-5 seed=3").points
    assert (point.experiment.trainer.learning_rate, point.experiment.trainer.lora_rank) == (1e-5, 4)
    assert point.experiment.seed == 3


def test_a_group_chosen_on_the_command_line_comes_whole_and_what_is_left_out_is_said(command: Command) -> None:
    outcome = command("experiments=named trainer=lora format=brief")
    own = command("trainer=lora").points[0].experiment.trainer
    (point,) = outcome.points
    assert point.experiment.trainer == own and point.experiment.format.wording == "brief" and point.experiment.seed == 7
    assert "experiments/named: trainer.learning_rate" in outcome.err and len(outcome.err.splitlines()) == 1
    assert "trainer.lora_rank" in command("-m experiments=named trainer=lora,full").err
    assert command("experiments=named model=smollm2_135m").points[0].experiment.model.name == "smollm2-135m"


def test_a_value_that_no_file_mentions_can_be_set_without_a_plus(command: Command) -> None:
    assert command("model.attention=eager seed=1").points[0].experiment.model.attention == "eager"


def test_options_are_shared_and_the_store_is_where_the_command_is_typed(command: Command) -> None:
    options = command("mode=plan store=here workers=3").options
    assert options is not None and (options.mode, options.workers) == ("plan", 3)
    assert options.store_path() == command.cwd / "here"


def test_settings_of_the_command_do_not_name_experiments(command: Command) -> None:
    assert command("mode=rate rate.sample=5 +rate.seed=1 store=here seed=1").names == ["seed=1"]


def test_a_point_carries_what_rebuilds_it_in_another_process(command: Command) -> None:
    from lema.config.config import experiment
    from lema.experiment.experiment import Experiment

    for point in command("mode=plan").points:
        assert experiment(json.loads(json.dumps(point.raw)), Experiment) == point.experiment


def test_every_point_is_composed_once(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    from hydra_plugins.lema_launcher._hydra_inside import Composer

    composed = []
    original = Composer._compose_config_from_defaults_list
    monkeypatch.setattr(
        Composer, "_compose_config_from_defaults_list", lambda *a, **k: composed.append(1) or original(*a, **k)
    )
    command("-m seed=0,1,2,3,4")
    assert len(composed) == 5 + 1  # and once for what all points share


def test_hydra_leaves_no_folder_and_does_not_change_the_working_folder(command: Command) -> None:
    for line in ("seed=1", "mode=plan", "--cfg job", "--help", "--info defaults"):
        assert command(line).code == 0
    assert Path.cwd() == command.cwd and not list(command.cwd.iterdir())


def test_help_fits_a_screen_and_names_modes_groups_and_exit_codes(command: Command) -> None:
    text = command("--help").out
    assert len(text.splitlines()) <= 50
    for part in (
        "mode=plan",
        "experiments: ",
        "data_mix: answers_on_programs, ",
        "Exit codes: 0 done; 2 ",
        "lema -m ",
    ):
        assert part in text


def test_the_composed_configuration_is_shown_and_nothing_runs(command: Command) -> None:
    outcome = command("--cfg job trainer=lora seed=3")
    assert outcome.code == 0 and "seed: 3" in outcome.out and "method: lora" in outcome.out and not outcome.points
    assert command("--version").out == f"lema {__version__}\n"
    assert "trainer/lora" in command("--info defaults trainer=lora").out
    assert "hydra/launcher" in command("--hydra-help").out


def test_the_shell_completes_groups_options_and_keys(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    for typed, offered in (
        ("data_m", "data_mix="),
        ("data_mix=cot_", "data_mix=cot_matched"),
        ("trainer.lea", "rate="),
    ):
        monkeypatch.setenv("COMP_LINE", f"lema {typed}")
        assert offered in command("-sc query=bash").out
    assert "complete " in command("-sc install=bash").out


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [
        (StageFailed("1 stage failed"), 3, "lema: 1 stage failed\n"),
        (Preempted("stopped"), 75, "lema: stopped\n"),
        (KeyboardInterrupt(), 130, "lema: interrupted"),
    ],
)
def test_how_a_command_ended_is_its_exit_code(
    command: Command, monkeypatch: pytest.MonkeyPatch, raised: BaseException, code: int, said: str
) -> None:
    def run(*_: object) -> int:
        raise raised

    monkeypatch.setattr(lema.cli.modes, "run", run)
    outcome = command("seed=1")
    assert outcome.code == code and outcome.err.startswith(said) and len(outcome.err.splitlines()) == 1


def test_a_bug_is_not_dressed_up_as_the_user_s_mistake(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lema.cli.modes, "run", lambda *_: {}["missing"])
    with pytest.raises(KeyError):
        main(["seed=1"])


def test_composing_a_sweep_in_a_process_loads_no_heavy_library(tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text("{}")
    script = (
        "import sys, lema.cli.modes; lema.cli.modes.run = lambda points, options: print(len(points)) or 0\n"
        "from lema.__main__ import main\n"
        f"code = main(['mode=plan', '-m', 'seed=0,1', 'model.shipped=null', 'model.path={model}'])\n"
        "heavy = {'torch', 'transformers', 'scipy', 'matplotlib', 'wandb', 'openai', 'datasets', 'peft', 'submitit'}\n"
        "print(sorted(heavy & set(sys.modules))); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False, env=dict(os.environ)
    )
    assert (done.returncode, done.stdout.split()) == (0, ["2", "[]"]), done.stderr


@pytest.mark.parametrize("group", sorted(p.name for p in (ROOT / "conf").iterdir() if p.is_dir() and p.name != "hydra"))
def test_every_shipped_option_builds(command: Command, group: str) -> None:
    for file in sorted((ROOT / "conf" / group).glob("*.yaml")):
        if group == "debug" or file.stem in NEEDS_MORE:
            continue
        line = " ".join([f"seed=1 {group}={file.stem} mode=doctor", *left_to_the_user(group, file)])
        outcome = command(line)
        assert outcome.code == 0, (line, outcome.err)


NEEDS_MORE = {"teacher", "teacher_hinted", "recorded"}  # correctors that need `teacher=`, engines that need a file


def left_to_the_user(group: str, file: Path) -> list[str]:
    """What an option does not say itself: a commit that is not known, the slices of a task without training split."""
    node = yaml.safe_load(file.read_text()) or {}
    unpinned = {"revision": "0" * 40} if node.get("hub") and node.get("revision") is None else {}
    if group == "task" and "path" in node and "hub" not in node:
        unpinned = {"path": str(data_of(file.stem))}
    words = [f"{group}.{name}={value}" for name, value in unpinned.items()]
    if group == "evolution_strategy" and file.stem.startswith("teacher_"):
        words += ["teacher=openai", "teacher.model=toy"]
    if group == "trainer" and node.get("keep_every") is None:
        words += ["checkpoint=last"]
    if group == "data_mix" and "programs" in file.stem:
        words += ["answering=body", "synthesis=traces", "refinement=injected"]
    if group == "answering" and file.stem == "faithful_beam":
        words += ["answering.beam.scorer.model.path=."]
    if group == "task":
        task = build({**node, **unpinned}, "task")
        words += [] if "dev" in task.splits and task.test_split == "test" else ["checkpoint=last"]
        words += [] if getattr(task, "worked", True) else ["data_mix=corrections"]
        if "train" not in task.splits or task.test_split != "test":
            slices = {"cot_questions": (0, 5), "generation.questions": (0, 5), "evaluation.questions": (5, 9)}
            for name, (start, stop) in slices.items():
                words += [f"{name}.split={task.test_split}", f"{name}.start={start}", f"{name}.stop={stop}"]
    return words

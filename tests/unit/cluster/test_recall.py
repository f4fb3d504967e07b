"""A plan that was written down is that of the same command, for as long as nothing that decided it has changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from toys.lab import points, run

from lema.base.errors import ConfigError
from lema.cluster import recall
from lema.cluster.recall import keep, named_files, of_submission, stamp, understood
from lema.config.options import Options
from lema.config.profile import Profile
from lema.running import snapshot
from lema.running.graph import Graph, states
from lema.running.plan import merge, plan
from lema.store import Store
from lema.store.durable import remove_tree

WORDS = ["-m", "data_mix=cot,corrections", "slurm=testbed", "store=here"]
SWEEP = points(("cot", "cot_and_corrections"), (0, 1))


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where commands are typed; `data.jsonl` there is what the experiments name, and `mine` is a --config-dir."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data.jsonl").write_text("{}")
    (tmp_path / "mine" / "model").mkdir(parents=True)
    (tmp_path / "mine" / "model" / "a.yaml").write_text("name: ${oc.env:WHICH}")
    monkeypatch.setenv("WHICH", "one")
    return tmp_path


def submitted(words: list[str], **options: object) -> Graph:
    """Write down the plan of a command, as a submission does."""
    graph, _ = merge(SWEEP)
    made = Options(slurm=Profile(), **{"store": "here", **options})
    keep(graph, [{"task": {"path": ["data.jsonl"]}}], Store(made.store_path()), made, words)
    return graph


def found(*words: str) -> Graph | None:
    asked = understood(words)
    return None if asked is None else recall._find(asked, Store(asked.store))


def test_a_command_recalls_the_plan_that_it_submitted(typed: Path) -> None:
    graph = submitted(WORDS)
    for further in (["mode=status"], ["mode=wait", "json=true"], ["json=false", "mode=cancel"]):
        assert found(*WORDS, *further) == graph
        assert found(*further, *WORDS) == graph
    assert found(*WORDS[:-1], "mode=status") is None  # another store
    assert found(WORDS[1], WORDS[0], *WORDS[2:], "mode=status") is None


@pytest.mark.parametrize(
    "change",
    [
        lambda typed, patch: (typed / "data.jsonl").write_text("{} "),
        lambda typed, patch: (typed / "data.jsonl").unlink(),
        lambda typed, patch: (typed / "mine" / "model" / "a.yaml").write_text("name: ${oc.env:WHICH}x"),
        lambda typed, patch: (typed / "mine" / "b.yaml").touch(),
        lambda typed, patch: (typed / "mine" / "b.yaml").write_text("${now:%Y}"),
        lambda typed, patch: patch.setenv("WHICH", "two"),
        lambda typed, patch: patch.delenv("WHICH"),
        lambda typed, patch: patch.setattr(recall, "_code", lambda: iter([("lema/x.py", typed / "data.jsonl")])),
        lambda typed, patch: patch.setattr(recall, "config_root", lambda: typed / "mine"),
        lambda typed, patch: patch.setattr(recall.metadata, "version", lambda name: "0"),
    ],
)
def test_nothing_is_recalled_when_anything_that_decided_it_is_different(
    typed: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path, pytest.MonkeyPatch], object]
) -> None:
    words = [*WORDS, "--config-dir", "mine"]
    submitted(words)
    assert found(*words, "mode=status") is not None
    change(typed, monkeypatch)
    assert found(*words, "mode=status") is None


def test_nothing_is_recalled_from_another_folder_or_from_a_store_that_was_moved(
    typed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [*WORDS[:-1], f"store={typed / 'here'}"]
    submitted(words)
    (typed / "here").rename(typed / "there")
    assert found(*words[:-1], f"store={typed / 'there'}", "mode=status") is None
    (typed / "there").rename(typed / "here")
    assert found(*words, "mode=status") is not None
    monkeypatch.chdir(typed / "mine")
    assert found(*words, "mode=status") is None


@pytest.mark.parametrize(
    "words",
    [
        ["slurm=testbed", "mode=status,wait"],
        ["slurm=testbed", "mode=status", "mode=wait"],
        ["slurm=testbed", "+mode=status"],
        ["slurm=null", "mode=status"],
        ["mode=status"],
        ["slurm=a", "slurm=b", "mode=status"],
        ["slurm=testbed", "store=${oc.env:HOME}/x", "mode=status"],
        ["slurm=testbed", "store='a b'", "mode=status"],
        ["slurm=testbed", "~store", "store=a", "store=b"],
        ["slurm=testbed", "submission=last", "mode=status"],
        ["slurm=testbed", "-cd", "mine", "mode=status"],
        ["slurm=testbed", "--cfg", "job", "mode=status"],
    ],
)
def test_a_command_that_is_not_plain_is_composed(words: list[str]) -> None:
    assert understood(words) is None


def test_a_plan_is_not_recalled_for_a_command_whose_options_or_store_come_from_a_file(typed: Path) -> None:
    submitted(WORDS, store="elsewhere")  # as an experiment file may set it
    submitted([*WORDS, "push=true"], push=True)  # which mode=status refuses
    assert found(*WORDS, "mode=status") is None and found(*WORDS, "push=true", "mode=status") is None


def test_a_folder_with_too_many_files_keeps_a_plan_from_being_recalled(
    typed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (typed / "data.jsonl").unlink()
    (typed / "data.jsonl").mkdir()
    for name in ("a", "b"):
        (typed / "data.jsonl" / name).touch()
    monkeypatch.setattr(recall, "MOST", 1)
    assert stamp(typed / "data.jsonl") is None
    submitted(WORDS)
    assert found(*WORDS, "mode=status") is None


def test_files_are_found_wherever_a_configuration_names_them(typed: Path) -> None:
    raw = {"a": ["data.jsonl", {"b": str(typed / "mine")}], "c": "no such file", "d": "x\ny", "e": 3, "f": ""}
    assert named_files([raw]) == sorted([str(typed / "data.jsonl"), str(typed / "mine")])


def test_a_recalled_plan_says_of_a_store_what_a_plan_that_is_made_anew_says(tmp_path: Path) -> None:
    store = Store(tmp_path)
    graph, _ = merge(SWEEP)
    run(store, SWEEP[:2])
    planned = plan(SWEEP, store)
    assert states(graph, store) == {step.key: step.state for step in planned.steps}
    assert set(states(graph, store).values()) == {"have", "ready", "waiting"}
    hidden = [node for node in graph.nodes if node.kind == "generate"]
    remove_tree(store.artifacts / hidden[0].address)
    assert hidden[0].key in states(graph, store)  # the other mixes still need corrections, which are there
    run(store, SWEEP)
    remove_tree(store.artifacts / hidden[0].address)
    assert hidden[0].key not in states(graph, store)
    assert states(graph, store) == {step.key: step.state for step in plan(SWEEP, store).steps}


def test_a_submission_is_looked_after_by_its_name(typed: Path) -> None:
    store = Store(typed / "here")
    with pytest.raises(ConfigError, match=r"has no 'last'\. The latest there: none"):
        of_submission(store, "last")
    graph = submitted(WORDS)
    (plan_file,) = (typed / "here" / "submissions" / "plans").iterdir()
    for name in ("1", "2"):
        (snapshot.folder_of(store) / name).mkdir()
        (snapshot.folder_of(store) / name / "submission.json").write_text(f'{{"plan": "{plan_file.stem}", "user": ""}}')
    assert of_submission(store, "last") == of_submission(store, "1") == graph
    with pytest.raises(ConfigError, match=r"has no '3'\. The latest there: 1, 2"):
        of_submission(store, "3")

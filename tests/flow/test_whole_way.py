"""The default pipeline with the real model at small size: each stage once, whatever is killed or raced."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands.small import SMALL

from lema.store.manifest import read_manifest

DEMO = ["sweeps=demo", "seed=0", *SMALL]
#: One base evaluation, one generation, one correction, and for each of two points a mix, a training, an evaluation, and
#: whether it learned to correct.
UNION = {"generate": 1, "correct": 1, "mix": 2, "train": 2, "evaluate": 3, "correction_skill": 2}


def start(folder: Path, *words: str, name: str = "log") -> subprocess.Popen[bytes]:
    """`lema` in a process group of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    log = (folder / f"{name}.txt").open("ab")
    return subprocess.Popen(
        [sys.executable, "-m", "lema", f"store={folder / 'store'}", f"report={folder / 'report.html'}", *words],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        cwd=folder,
        start_new_session=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )


def finish(folder: Path, *words: str) -> None:
    process = start(folder, *words)
    assert process.wait(1800) == 0, (folder / "log.txt").read_text()[-3000:]


def starts(folder: Path) -> Counter[str]:
    """How often each stage was started."""
    log = folder / "store" / "logs" / "starts.jsonl"
    return Counter(json.loads(line)["stage"] for line in log.read_text().splitlines())


def digests(folder: Path) -> dict[str, str]:
    """Content of every artifact."""
    found = {}
    for manifest in (folder / "store" / "artifacts").glob("*/manifest.json"):
        found[manifest.parent.name] = json.loads(manifest.read_text())["content"]
    return found


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("undisturbed")
    finish(folder, *DEMO)
    yield folder


@pytest.mark.slow
def test_a_finished_sweep_runs_no_stage_again_and_shows_the_same(undisturbed: Path) -> None:
    before, report = starts(undisturbed), (undisturbed / "report.html").read_text()
    assert set(before.values()) == {1}
    assert Counter(name.split("-")[0] for name in before) == UNION, "the union of the points' stages, each once"
    finish(undisturbed, *DEMO)
    assert starts(undisturbed) == before
    assert "cot_and_corrections" in report


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "old", "new", "anew"),
    [
        ("mix-*/examples.jsonl", b"1", b"2", ("train", "evaluate", "correction_skill")),
        ("train-*/model/model.safetensors", b"\x3d", b"\x00", ("evaluate", "correction_skill")),
        ("train-*/model/tokenizer.json", b"1", b"2", ("evaluate", "correction_skill")),
    ],
)
def test_an_input_that_was_altered_at_equal_size_is_never_used(
    undisturbed: Path, tmp_path: Path, file: str, old: bytes, new: bytes, anew: tuple[str, ...]
) -> None:
    """Digits of a training set, weights and words of a model: what stands on them is refused, and names them."""
    store = tmp_path / "store"
    shutil.copytree(undisturbed / "store", store)
    changed = list((store / "artifacts").glob(file))
    for path in changed:
        body = path.read_bytes()
        assert old in body
        path.write_bytes(body.replace(old, new))
    for kind in anew:
        for folder in (store / "artifacts").glob(f"{kind}-*"):
            if not (kind == "evaluate" and read_manifest(folder).spec["trained"] is None):
                shutil.rmtree(folder)
    kept = sorted(path.name for path in (store / "artifacts").iterdir())
    process = start(tmp_path, *DEMO)
    assert process.wait(1800) == 3
    said = " ".join((tmp_path / "log.txt").read_text().split())
    assert f"{changed[0].name} was changed after it was made" in said, said
    assert sorted(path.name for path in (store / "artifacts").iterdir()) == kept


@pytest.mark.slow
def test_two_processes_on_one_store_do_each_stage_once(undisturbed: Path, tmp_path: Path) -> None:
    both = [start(tmp_path, *DEMO, name=f"log{i}") for i in range(2)]
    codes = [process.wait(1800) for process in both]
    assert codes == [0, 0], "\n".join((tmp_path / f"log{i}.txt").read_text()[-2000:] for i in range(2))
    assert set(starts(tmp_path).values()) == {1}
    assert digests(tmp_path) == digests(undisturbed)


@pytest.mark.slow
def test_a_dozen_kills_of_the_whole_process_group_lose_nothing(undisturbed: Path, tmp_path: Path) -> None:
    draw = random.Random(0)
    kills = 0
    finished: dict[str, tuple[int, int]] = {}
    process = start(tmp_path, *DEMO)
    while kills < 12:
        try:
            process.wait(draw.uniform(1.0, 9.0))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            kills += 1
            wait_for_orphans(tmp_path)
            now = parts(tmp_path)
            assert all(now[name] == file for name, file in finished.items() if name in now), "a part was done twice"
            finished.update(now)
        else:
            # It came through between two kills: begin again on an empty store.
            assert process.returncode == 0
            assert digests(tmp_path) == digests(undisturbed)
            (tmp_path / "store").rename(tmp_path / f"done{kills}")
            finished.clear()
        process = start(tmp_path, *DEMO)
    assert process.wait(1800) == 0, (tmp_path / "log.txt").read_text()[-3000:]
    assert digests(tmp_path) == digests(undisturbed)


def parts(folder: Path) -> dict[str, tuple[int, int]]:
    """Finished parts of unfinished stages, by stage and name, and the file that each is."""
    found = {}
    for path in (folder / "store" / "work").glob("*/*/scratch/parts-*/*.jsonl"):
        if not path.name.startswith("."):
            stat = path.stat()
            found[f"{path.relative_to(folder / 'store' / 'work').parts[0]}/{path.name}"] = (
                stat.st_ino,
                stat.st_mtime_ns,
            )
    return found


def wait_for_orphans(folder: Path) -> None:
    """Training processes of a killed parent end by themselves, in a moment."""
    mark = str(folder).encode()
    until = time.monotonic() + 300
    while time.monotonic() < until:
        alive = [p for p in Path("/proc").glob("[0-9]*/cmdline") if mark in command(p)]
        if not alive:
            return
        time.sleep(0.1)
    pytest.fail(f"still running after five minutes: {[command(p) for p in alive]}")


def command(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""

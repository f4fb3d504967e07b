"""The real command line on a copy of the shipped configuration, with `lema.cli.modes.run` recorded or real."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import shlex
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest

import lema.cli.modes
import lema.config.config
from lema.__main__ import main
from lema.config.options import Options, Point

ROOT = Path(__file__).parents[2]
FOLDERS = ("conf", "experiments", "sweeps", "slurm")
COPY: list[tempfile.TemporaryDirectory[str]] = []  # removed when the tests end
WRITTEN: set[str] = set()


def shipped() -> Path:
    """A copy of the shipped configuration: one a process, from which is taken what the last test wrote into it."""
    if not COPY:
        COPY.append(tempfile.TemporaryDirectory(prefix="lema-configuration-"))
        for name in FOLDERS:
            shutil.copytree(ROOT / name, Path(COPY[0].name, name))
    root = Path(COPY[0].name)
    while WRITTEN:
        path = WRITTEN.pop()
        (root / path).unlink()
        if (ROOT / path).exists():
            shutil.copy2(ROOT / path, root / path)
    return root


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a command did: its exit code, what it wrote, and what it would have run."""

    code: int
    out: str
    err: str
    points: list[Point]
    options: Options | None

    @property
    def names(self) -> list[str]:
        """The overrides of each point, as one text."""
        return [" ".join(point.overrides) for point in self.points]


class Command:
    """Types commands in a folder of their own, on a configuration that a test may add files to; one a test."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = shipped()
        self.cwd = folder / "where_it_is_typed"
        self.cwd.mkdir(parents=True)
        self.model = folder / "model"
        self.model.mkdir()
        (self.model / "config.json").write_text("{}")
        self.write(
            "conf/model/tiny.yaml",
            f"_target_: lema.lm.model.Model\nname: tiny\npath: {self.model}\ndtype: float32\n",
        )
        monkeypatch.setattr(lema.config.config, "root", lambda: self.root)
        monkeypatch.setattr(lema.cli.modes, "run", self.record)
        monkeypatch.chdir(self.cwd)
        self.ran: list[tuple[Sequence[Point], Options]] = []

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        WRITTEN.add(path)

    def record(self, points: Sequence[Point], options: Options) -> int:
        self.ran.append((points, options))
        return 0

    def __call__(self, line: str) -> Outcome:
        out, err = io.StringIO(), io.StringIO()
        self.ran.clear()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(shlex.split(line))
        points, options = self.ran[0] if self.ran else ([], None)
        return Outcome(code, out.getvalue(), err.getvalue(), list(points), options)

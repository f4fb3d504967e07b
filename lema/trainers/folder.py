"""The work folder of a training run: every file name in it, and checkpoints that are whole or absent."""

from __future__ import annotations

import contextlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

KEPT = 2  # whole checkpoints at a time


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How the processes of a run ended: `done`, `preempted` or `failed`."""

    status: str
    summary: dict[str, Any] = {}
    error: str = ""  # name of the exception
    message: str = ""


@dataclass(frozen=True)
class Folder:
    """Where parent and ranks leave word for each other.

    The path may differ between the runs that share the folder, so no file in it holds a path.
    """

    root: Path
    layout: str = "plain"  # checkpoints of ZeRO fit only the same number of processes

    @property
    def job(self) -> Path:
        return self.root / "job.json"

    @property
    def log(self) -> Path:
        return self.root / "worker.log"

    @property
    def stop(self) -> Path:
        """There while the ranks are asked to checkpoint and end."""
        return self.root / "stop"

    @property
    def partial(self) -> Path:
        """Checkpoints being written; of no use to anyone after a kill."""
        return self.root / "partial"

    @property
    def checkpoints(self) -> Path:
        return self.root / "checkpoints" / self.layout

    @property
    def kept(self) -> Path:
        """Checkpoints that are results: weights alone, each a folder like that of the finished model."""
        return self.root / "kept"

    def clear_signals(self) -> None:
        """Forget what an earlier run said."""
        self.root.mkdir(parents=True, exist_ok=True)
        for name in ("stop", "outcome.json", "progress.json"):
            (self.root / name).unlink(missing_ok=True)
        shutil.rmtree(self.partial, ignore_errors=True)

    def tell(self, outcome: Outcome) -> None:
        _replace(self.root / "outcome.json", msgspec.json.encode(outcome))

    def outcome(self) -> Outcome | None:
        try:
            return msgspec.json.decode((self.root / "outcome.json").read_bytes(), type=Outcome)
        except FileNotFoundError:
            return None

    def report(self, step: int, total: int) -> None:
        _replace(self.root / "progress.json", msgspec.json.encode((step, total)))

    def progress(self) -> tuple[int, int] | None:
        try:
            return msgspec.json.decode((self.root / "progress.json").read_bytes(), type=tuple[int, int])
        except FileNotFoundError:
            return None

    def seal(self, step: int) -> None:
        """Turn the checkpoint written in `partial` into one that may be resumed from; drop old ones."""
        written = self.partial / f"checkpoint-{step}"
        # Pickled arguments that nothing here reads.
        (written / "training_args.bin").unlink(missing_ok=True)
        flush(written)
        self.checkpoints.mkdir(parents=True, exist_ok=True)
        sealed = self.sealed(step)
        if not sealed.exists():
            written.rename(sealed)
        for old in self._sealed()[:-KEPT]:
            shutil.rmtree(old, ignore_errors=True)

    def keep(self, written: Path, step: int) -> None:
        """Turn weights written in `partial` into a kept checkpoint.

        A step is kept before its checkpoint is sealed, so whoever resumes from there finds it.
        """
        flush(written)
        self.kept.mkdir(exist_ok=True)
        written.rename(self.kept / f"step-{step:06d}")

    def forget_kept(self, after: int) -> None:
        """Drop what was kept of steps that are done again: results are all of the one run that goes on."""
        with contextlib.suppress(FileNotFoundError):
            for folder in self.kept.iterdir():
                if step_of(folder) > after:
                    shutil.rmtree(folder)

    def hand_over_kept(self, target: Path) -> None:
        """Move the kept checkpoints, if there are any, to where results go."""
        with contextlib.suppress(FileNotFoundError):
            self.kept.rename(target)

    def sealed(self, step: int) -> Path:
        return self.checkpoints / f"step-{step:08d}"

    def newest(self) -> Path | None:
        """The last whole checkpoint."""
        whole = self._sealed()
        return whole[-1] if whole else None

    def drop_checkpoints(self) -> None:
        for folder in (self.partial, self.root / "checkpoints"):
            shutil.rmtree(folder, ignore_errors=True)

    def _sealed(self) -> list[Path]:
        with contextlib.suppress(FileNotFoundError):
            return sorted(self.checkpoints.glob("step-*"))
        return []


def step_of(checkpoint: Path) -> int:
    """The step after which a checkpoint was made."""
    return int(checkpoint.name.removeprefix("step-"))


def flush(folder: Path) -> None:
    """Have the system write out a folder's files, so that a rename never outruns their content."""
    for path in [*folder.rglob("*"), folder]:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _replace(path: Path, content: bytes) -> None:
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    fresh.write_bytes(content)
    fresh.replace(path)

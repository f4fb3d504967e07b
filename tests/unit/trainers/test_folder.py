"""Checkpoints are whole or absent."""

from __future__ import annotations

from pathlib import Path

from lema.trainers.folder import KEPT, Folder, Outcome


def write_checkpoint(folder: Folder, step: int) -> Path:
    written = folder.partial / f"checkpoint-{step}"
    written.mkdir(parents=True)
    (written / "model.safetensors").write_text(f"weights {step}")
    (written / "training_args.bin").write_text("a pickle")
    return written


def test_a_checkpoint_that_was_not_sealed_is_never_resumed_from(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    write_checkpoint(folder, 5)
    folder.seal(5)
    write_checkpoint(folder, 10)
    folder.clear_signals()
    newest = folder.newest()
    assert newest is not None and newest.name == "step-00000005"
    assert not folder.partial.exists()


def test_the_newest_checkpoints_are_kept_without_pickled_arguments(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    for step in (90, 95, 100, 105):
        write_checkpoint(folder, step)
        folder.seal(step)
    kept = sorted(path.name for path in folder.checkpoints.iterdir())
    assert kept == ["step-00000100", "step-00000105"]
    assert len(kept) == KEPT
    assert not list(folder.root.rglob("training_args.bin"))


def test_shards_of_two_processes_are_not_offered_to_one(tmp_path: Path) -> None:
    two = Folder(tmp_path, "zero2x2")
    write_checkpoint(two, 5)
    two.seal(5)
    assert Folder(tmp_path, "plain").newest() is None


def test_word_of_an_earlier_run_is_forgotten(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.tell(Outcome(status="preempted"))
    folder.report(3, 9)
    folder.stop.touch()
    assert folder.progress() == (3, 9)
    folder.clear_signals()
    assert folder.outcome() is None
    assert folder.progress() is None
    assert not folder.stop.exists()


def test_what_was_kept_of_steps_that_are_done_again_is_dropped(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.forget_kept(after=0)  # nothing was kept yet
    for step in (4, 8, 12):
        written = folder.partial / f"kept-{step}"
        written.mkdir(parents=True)
        (written / "model.safetensors").write_text(f"weights {step}")
        folder.keep(written, step)
    folder.forget_kept(after=8)
    folder.hand_over_kept(tmp_path / "results")
    assert sorted(path.name for path in (tmp_path / "results").iterdir()) == ["step-000004", "step-000008"]
    assert not folder.kept.exists()
    folder.hand_over_kept(tmp_path / "results")  # once more, after a kill: nothing is left to move

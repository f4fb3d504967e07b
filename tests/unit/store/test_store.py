from __future__ import annotations

import json
import logging
import shutil
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from reading.pace import at_most
from toys.store import Row, Squares, Total, make, only

from lema.base.errors import InputError, StoreError
from lema.base.spec import key, spec
from lema.running.worker import execute
from lema.store import LeaseLost, Store, Work
from lema.store.lease import entries, take
from lema.store.manifest import FileEntry, Manifest, measure, read_manifest, write_manifest
from lema.store.stage import Inputs, Stage


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store", ttl=60.0, poll=0.01)


def interrupt(store: Store, stage: Squares, after: int) -> None:
    """Run a stage until an error after some parts."""

    def square(items: Sequence[int]) -> list[Row]:
        if items[0] >= after * stage.part:
            raise RuntimeError("interrupted")
        return stage.square(items)

    with pytest.raises(RuntimeError, match="interrupted"), store.open_work(stage) as work:
        assert work is not None
        work.map("squares", range(stage.items), square, Row, part=stage.part)


def edit(artifact_folder: Path, **changes: Any) -> None:
    path = artifact_folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_a_store_that_is_only_read_is_not_made(store: Store) -> None:
    stage = Squares()
    assert store.find(stage) is None and store.running(stage) is None and store.progress(stage) is None
    assert store.gc() == []
    assert not store.root.exists()


def test_a_published_artifact_is_found_by_any_process_with_the_same_spec(store: Store) -> None:
    made = make(store, Squares())
    found = Store(store.root).get(Squares(part=5))  # how it runs is not what it is
    assert found.name == f"squares-{key(Squares())}" == store.address(Squares())
    assert [row.square for row in found.rows("rows.jsonl", Row)] == [n * n for n in range(12)]
    assert found.summary == made.summary == {"rows": 12}
    assert store.find(Squares(items=13)) is None
    with pytest.raises(StoreError, match="has not been run yet"):
        store.get(Squares(items=13))


def test_the_manifest_says_what_made_the_artifact_from_what(store: Store) -> None:
    squares = make(store, Squares())
    total = make(store, Total(squares=Squares()))
    told = total.manifest
    assert told.kind == "total" and told.key == total.key and told.spec["squares"]["kind"] == "squares"
    assert told.inputs == {squares.name: squares.manifest.content}
    assert told.files["total.json"].bytes == (total.path / "total.json").stat().st_size
    assert squares.manifest.files["rows.jsonl"].rows == 12
    assert told.started <= told.ended and told.host and told.attempts == 1
    assert "pydantic" in told.packages and told.python
    assert (told.commit is None) == (told.dirty is None)


def test_the_content_digest_depends_on_content_and_on_nothing_else(tmp_path: Path) -> None:
    one, two = (make(Store(tmp_path / name), Squares()) for name in ("one", "two"))
    assert one.manifest.content == two.manifest.content
    assert one.manifest.token != two.manifest.token
    assert make(Store(tmp_path / "one"), Squares(items=9)).manifest.content != one.manifest.content


def test_nothing_but_the_artifact_is_left_after_publication(store: Store) -> None:
    artifact = make(store, Squares())
    assert sorted(p.name for p in artifact.path.iterdir()) == ["manifest.json", "rows.jsonl"]
    assert not list(store.work.iterdir())
    assert [p.name for p in store.artifacts.iterdir()] == [artifact.name]


def test_an_interrupted_stage_goes_on_and_ends_like_an_undisturbed_one(store: Store, tmp_path: Path) -> None:
    interrupt(store, Squares(), after=2)
    assert store.progress(Squares()) is not None and store.running(Squares()) is None
    resumed = make(store, Squares())
    undisturbed = make(Store(tmp_path / "other"), Squares())
    assert (resumed.manifest.parts_done, resumed.manifest.parts_reused, resumed.manifest.attempts) == (2, 2, 2)
    assert resumed.manifest.content == undisturbed.manifest.content


def test_half_an_output_file_of_an_earlier_attempt_never_reaches_the_artifact(store: Store) -> None:
    with store.open_work(Squares()) as work:
        assert work is not None
        work.write("stale.jsonl", [Row(item=1, square=1)])
        (work.scratch / "checkpoint").write_text("kept")
    with store.open_work(Squares()) as work:
        assert work is not None
        assert not list(work.path.iterdir()) and (work.scratch / "checkpoint").read_text() == "kept"
        (work.path / ".rows.jsonl.0000.tmp").write_text("cut off")
        published = store.publish(work, {})
    assert set(published.manifest.files) == set()
    assert [p.name for p in published.path.iterdir()] == ["manifest.json"]


def test_a_second_opener_waits_and_then_uses_what_the_first_one_made(store: Store) -> None:
    opened = threading.Event()
    seen: list[Work | None] = []

    def second() -> None:
        opened.wait()
        with Store(store.root, poll=0.01).open_work(Squares()) as work:
            seen.append(work)

    thread = threading.Thread(target=second)
    thread.start()
    with store.open_work(Squares()) as work:
        assert work is not None
        opened.set()
        time.sleep(0.1)
        assert not seen
        store.publish(work, Squares().run(store.get, work))
    thread.join()
    assert seen == [None]


def test_people_see_who_works_on_a_stage_and_how_far_it_is(store: Store) -> None:
    with store.open_work(Squares()) as work:
        assert work is not None
        work.report(3, 12, "items")
        holder = store.running(Squares())
        assert holder is not None and holder.progress == (3, 12)
        assert str(holder).startswith(f"process {holder.pid} on {holder.host}, since 20")
        work.report(4, 12)
        assert store.progress(Squares()) == (3, 12)  # at most twice a second
        work.report(12, 12)
        assert store.progress(Squares()) == (12, 12)
    assert store.running(Squares()) is None


def test_the_second_publisher_drops_its_copy_and_gets_the_first_ones(store: Store, tmp_path: Path) -> None:
    elsewhere = make(Store(tmp_path / "elsewhere"), Squares())
    with store.open_work(Squares()) as work:
        assert work is not None
        summary = Squares().run(store.get, work)
        shutil.copytree(elsewhere.path, store.artifacts / elsewhere.name)
        published = store.publish(work, summary)
    assert published.manifest.token == elsewhere.manifest.token
    assert not list(store.work.iterdir())


def test_a_publication_that_nfs_reports_as_failed_although_it_happened_counts(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Path.rename

    def retried(self: Path, target: Path) -> Path:
        real(self, target)
        raise FileNotFoundError(2, "No such file or directory", str(self))

    with store.open_work(Squares()) as work:
        assert work is not None
        summary = Squares().run(store.get, work)
        with monkeypatch.context() as patch:
            patch.setattr(Path, "rename", retried)
            published = store.publish(work, summary)
        assert published.manifest.token == work.lease.token


def test_work_is_kept_when_the_artifacts_folder_is_gone_at_publication(store: Store) -> None:
    with pytest.raises(StoreError, match="The work is kept"), store.open_work(Squares()) as work:
        assert work is not None
        summary = Squares().run(store.get, work)
        store.artifacts.rmdir()
        store.publish(work, summary)
    assert make(store, Squares()).manifest.parts_reused == 4


@pytest.mark.parametrize("at", ["map", "write", "publish", "write by hand", "leave"])
def test_a_holder_whose_work_was_taken_over_stops_with_one_clear_error(store: Store, at: str) -> None:
    heirs = []

    def steal(items: Sequence[int]) -> list[Row]:
        home = store.work / store.address(Squares())
        (entry,) = entries(home)
        heirs.append(take(home, entry, 60.0))
        return Squares().square(items)

    def run() -> None:
        with store.open_work(Squares()) as work:
            assert work is not None
            if at == "map":
                work.map("squares", range(12), steal, Row, part=3)
            steal(range(3))
            if at == "write":
                work.write("rows.jsonl", [])
            elif at == "publish":
                store.publish(work, {})
            elif at == "write by hand":
                (work.path / "rows.jsonl").write_text("")

    if at == "leave":
        run()
    else:
        with pytest.raises(LeaseLost, match=r"squares-.*took over its unfinished work in .*Nothing is lost") as caught:
            run()
        assert caught.value.exit_code == 75
    assert heirs[-1] is not None
    heirs[-1].check()
    assert (heirs[-1].folder / "scratch").is_dir()
    heirs[-1].free()
    assert make(store, Squares()).manifest.parts_done == 4


def test_an_edited_manifest_is_one_error_with_path_and_remedy(store: Store) -> None:
    artifact = make(store, Squares())
    edit(artifact.path, summary={"rows": 99})
    with pytest.raises(
        StoreError, match=r"manifest\.json was edited.*remove the whole folder .*squares-.*run the same"
    ):
        store.find(Squares())
    with pytest.raises(StoreError, match="was edited"), store.open_work(Squares()):
        pytest.fail("an altered artifact must not be made anew in silence")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 1}', '{"seal": "x"}', "\x00\xff"])
def test_a_damaged_manifest_is_one_error(store: Store, text: str) -> None:
    artifact = make(store, Squares())
    (artifact.path / "manifest.json").write_text(text)
    with pytest.raises(StoreError, match="cannot be trusted"):
        store.find(Squares())


def test_a_removed_manifest_is_one_error(store: Store) -> None:
    artifact = make(store, Squares())
    (artifact.path / "manifest.json").unlink()
    with pytest.raises(StoreError, match=r"manifest\.json is missing"):
        store.find(Squares())


def test_an_artifact_that_appears_between_two_looks_is_not_called_damaged(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(store, Squares())
    looks = 0

    def late(folder: Path) -> Manifest:
        nonlocal looks
        looks += 1
        if looks == 1:
            raise FileNotFoundError
        return read_manifest(folder)

    monkeypatch.setattr("lema.store.store.read_manifest", late)
    assert store.find(Squares()) is not None


def test_a_manifest_of_a_newer_format_is_not_called_damaged(store: Store) -> None:
    edit(make(store, Squares()).path, format=2)
    with pytest.raises(StoreError, match="format 2, and this lema reads format 1"):
        store.find(Squares())


def test_a_hit_compares_the_whole_spec_and_says_where_it_differs(store: Store) -> None:
    artifact = make(store, Squares())
    changed = read_manifest(artifact.path)
    changed.spec["items"] = 99
    write_manifest(artifact.path, changed)
    with pytest.raises(StoreError, match=r"another stage .*\$\.items is 99 there and 12 here"):
        store.find(Squares())


def test_an_artifact_under_another_name_is_not_taken_for_it(store: Store) -> None:
    artifact = make(store, Squares())
    artifact.path.rename(store.artifacts / store.address(Squares(items=3)))
    with pytest.raises(StoreError, match="another stage"):
        store.find(Squares(items=3))


def test_a_missing_and_a_shortened_file_are_found_without_hashing(store: Store) -> None:
    rows = make(store, Squares()).path / "rows.jsonl"
    rows.write_bytes(rows.read_bytes()[:-5])
    with pytest.raises(StoreError, match=r"rows\.jsonl has [\d,]+ bytes, and was made with"):
        store.find(Squares())
    rows.unlink()
    with pytest.raises(StoreError, match=r"rows\.jsonl is missing"):
        store.find(Squares())


def test_a_file_changed_without_changing_its_size_is_never_read(store: Store) -> None:
    rows = make(store, Squares()).path / "rows.jsonl"
    rows.write_bytes(rows.read_bytes().replace(b'"square":81', b'"square":18'))
    found = store.get(Squares())
    with pytest.raises(StoreError, match=r"rows\.jsonl was changed"):
        found.verify()
    with pytest.raises(StoreError, match=r"rows\.jsonl was changed"):
        list(found.rows("rows.jsonl", Row))


@spec
class Grown(Stage):
    """Folders of files, as a trained model."""

    kind = "grown"

    def run(self, inputs: Inputs, work: Work) -> dict[str, Any]:
        for name in ("model/weights", "model/deep/tokens", "other/weights"):
            work.write_chunks(name, [name.encode()])
        return {}


def test_a_folder_is_handed_out_only_as_it_was_made(store: Store) -> None:
    made = make(store, Grown())
    assert made.folder("model") == made.path / "model"
    (made.path / "other" / "weights").write_bytes(b"0ther/weights")  # of another folder, which nobody asked for
    (made.path / "model" / ".nfs0001").write_bytes(b"")  # removed, and still open on an NFS
    assert store.get(Grown()).folder("model")
    with pytest.raises(StoreError, match="other/weights was changed"):
        store.get(Grown()).folder("other")
    with pytest.raises(StoreError, match="lists no file below 'mod'"):
        made.folder("mod")
    (made.path / "model" / "deep" / "adapter").write_bytes(b"")
    with pytest.raises(StoreError, match="model/deep/adapter was not there when it was made"):
        store.get(Grown()).folder("model")
    (made.path / "model" / "deep" / "adapter").unlink()
    (made.path / "model" / "deep" / "tokens").write_bytes(b"model/deep/t0kens")
    with pytest.raises(StoreError, match="model/deep/tokens was changed"):
        store.get(Grown()).folder("model")


@spec
class Reader(Stage):
    """Reads its inputs again and again."""

    kind = "reader"
    grown: Grown
    squares: Squares

    def run(self, inputs: Inputs, work: Work) -> dict[str, Any]:
        for _ in range(3):
            inputs(self.grown).folder("model")
            list(inputs(self.squares).rows("rows.jsonl", Row))
        return {}


def test_a_stage_hashes_each_file_that_it_reads_once_and_no_other(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Reader(grown=Grown(), squares=Squares())
    for needed in stage.upstream():
        make(store, needed)
    hashed: list[str] = []

    def noting(path: Path) -> FileEntry:
        if "artifacts" in path.parts:
            hashed.append(path.name)
        return measure(path)

    monkeypatch.setattr("lema.store.manifest.measure", noting)
    assert execute(stage, store)
    assert sorted(hashed) == ["rows.jsonl", "tokens", "weights"]


def test_removing_an_altered_artifact_is_the_remedy_that_the_error_names(store: Store) -> None:
    artifact = make(store, Squares())
    edit(artifact.path, summary={})
    shutil.rmtree(artifact.path)
    assert make(store, Squares()).manifest.content == artifact.manifest.content


def test_asking_for_a_file_that_the_artifact_does_not_have_lists_those_it_has(store: Store) -> None:
    with pytest.raises(StoreError, match=r"lists no file 'row\.jsonl'. Its files: rows\.jsonl"):
        make(store, Squares()).json("row.jsonl")


@pytest.mark.parametrize("name", ["manifest.json", "../rows.jsonl", "/rows.jsonl", ""])
def test_a_file_cannot_be_written_outside_the_artifact_or_over_its_manifest(store: Store, name: str) -> None:
    with store.open_work(Squares()) as work:
        assert work is not None
        with pytest.raises(ValueError, match="cannot be the name"):
            work.write(name, [])


def test_files_in_folders_and_nan_in_summaries(store: Store) -> None:
    with store.open_work(Squares()) as work:
        assert work is not None
        work.write_json("tables/one.json", {"loss": float("nan")})
        published = store.publish(work, {"loss": float("inf"), "n": 3})
    assert published.json("tables/one.json") == {"loss": None} and published.summary == {"loss": None, "n": 3}


def test_a_symbolic_link_cannot_be_published(store: Store, tmp_path: Path) -> None:
    (tmp_path / "weights").write_text("x")
    with pytest.raises(StoreError, match="symbolic link"), store.open_work(Squares()) as work:
        assert work is not None
        (work.path / "weights").symlink_to(tmp_path / "weights")
        store.publish(work, {})


def test_a_truncated_part_costs_that_part_and_a_warning(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    interrupt(store, Squares(), after=3)
    victim = sorted(store.work.glob("*/*/scratch/parts-squares/*"))[1]
    victim.write_bytes(victim.read_bytes()[:50])
    with caplog.at_level(logging.WARNING):
        artifact = make(store, Squares())
    assert (artifact.manifest.parts_done, artifact.manifest.parts_reused) == (2, 2)
    assert "damaged" in caplog.text and victim.name in caplog.text
    assert [row.square for row in artifact.rows("rows.jsonl", Row)] == [n * n for n in range(12)]


def test_an_error_of_the_stage_passes_unchanged_and_leaves_the_work_to_the_next(store: Store) -> None:
    with pytest.raises(InputError, match="mine"), store.open_work(Squares()) as work:
        assert work is not None
        raise InputError("mine")
    with pytest.raises(FileNotFoundError, match="elsewhere"), store.open_work(Squares()) as work:
        assert work is not None
        Path("/nowhere/elsewhere").read_text()
    assert only(store.work / store.address(Squares())).name.startswith("free-")


def test_planning_a_thousand_stages_takes_a_second_or_two(store: Store) -> None:
    stages = [Total(squares=Squares(name=str(n), items=1)) for n in range(1000)]
    for stage in stages[:10]:
        make(store, stage.squares)
        make(store, stage)
    with at_most(60):
        assert sum(store.find(stage) is not None for stage in stages * 2) == 20
        for stage in stages:
            store.running(stage)

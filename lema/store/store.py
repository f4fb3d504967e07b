"""The store: every stage's artifact, made once, whole, and never lost.

STORE/artifacts/<kind>-<key>/  finished; appears by one rename, manifest inside
STORE/work/<kind>-<key>/       unfinished; see `lema.store.lease`
STORE/parts/<kind>-<key>/      unfinished, made by several processes; see `lema.store.sharing`
STORE/replies/                 paid replies of teachers
STORE/logs/
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from lema.base.errors import StoreError
from lema.base.provenance import package_versions, python_version
from lema.base.spec import canonical, digest, encode
from lema.lm.session import Session
from lema.store import garbage, looking
from lema.store.artifact import Artifact
from lema.store.durable import disk_errors, rename, sync_one, sync_tree
from lema.store.holder import Holder, now
from lema.store.lease import Lease, LeaseLost, Watch, acquire
from lema.store.manifest import (
    MANIFEST,
    Manifest,
    altered,
    check_digest_of_spec,
    check_size,
    check_spec,
    content_digest,
    list_files,
    read_manifest,
    write_manifest,
)
from lema.store.sharing import Share
from lema.store.stage import Stage
from lema.store.work import Work

__all__ = ["Artifact", "Holder", "LeaseLost", "Store", "Work"]


class Store:
    """A folder of artifacts. Making one of these touches nothing; reading needs no permission to write.

    Args:
        ttl: seconds without a sign of life after which a process on another machine counts as dead;
            one on this machine is known to be dead at once.
        poll: seconds between looks while another process works on what we want.
    """

    def __init__(self, root: Path, *, ttl: float = 120.0, poll: float = 0.5) -> None:
        self.root = Path(root).expanduser().absolute()
        self.artifacts = self.root / "artifacts"
        self.work = self.root / "work"
        self.parts = self.root / "parts"
        self.replies = self.root / "replies"
        self.logs = self.root / "logs"
        self.ttl, self.poll = ttl, poll
        self.watch = Watch(ttl)
        self.swept = False

    def address(self, stage: Stage) -> str:
        """`<kind>-<key>`: the name of the stage's artifact and work folder."""
        return identity(stage)[0]

    def find(self, stage: Stage) -> Artifact | None:
        """The stage's artifact, or None if it has not been made.

        Cheap: compares the manifest with the whole spec and looks at the sizes of the files.

        Raises:
            StoreError: the artifact was altered, or the store cannot be read.
        """
        return self.find_at(*identity(stage))

    def find_at(self, address: str, form: Any) -> Artifact | None:
        return self._look(address, lambda folder, manifest: check_spec(folder, manifest, form))

    def has(self, address: str, spec: str) -> bool:
        """Whether the artifact is there, by its address and the SHA-256 of the canonical form; otherwise as `find`."""
        return self._look(address, lambda folder, manifest: check_digest_of_spec(folder, manifest, spec)) is not None

    def _look(self, address: str, check: Callable[[Path, Manifest], None]) -> Artifact | None:
        folder = self.artifacts / address
        with disk_errors(self.root):
            manifest = manifest_of(folder)
            if manifest is None:
                return None
            check(folder, manifest)
            for name in manifest.files:
                check_size(folder, manifest, name)
        return Artifact(folder, manifest)

    def get(self, stage: Stage) -> Artifact:
        """The stage's artifact.

        Raises:
            StoreError: it has not been made; or as `find`.
        """
        found = self.find(stage)
        if found is None:
            raise StoreError(f"{self.artifacts / self.address(stage)} is not there: that stage has not been run yet")
        return found

    def running(self, stage: Stage) -> Holder | None:
        """Who works on the stage now, and how far it is; None when nobody is known to."""
        return self.holder(self.address(stage))

    def holder(self, address: str) -> Holder | None:
        """The same by the stage's address."""
        with disk_errors(self.root):
            return looking.holder(self.work / address, self.parts / address, self.watch)

    def progress(self, stage: Stage) -> tuple[int, int] | None:
        """(done, total) of the stage's unfinished work, whether or not somebody is at it."""
        return self.progress_at(self.address(stage))

    def progress_at(self, address: str) -> tuple[int, int] | None:
        """The same by the stage's address."""
        with disk_errors(self.root):
            return looking.progress(self.work / address, self.parts / address)

    @contextmanager
    def open_work(
        self, stage: Stage, *, inputs: Sequence[Artifact] = (), session: Session | None = None
    ) -> Iterator[Work | None]:
        """The right to work on a stage, and the folders for it: fresh, or as the last holder left them.

        Waits while another process works on it. Yields None if the artifact is there, or comes while
        waiting. Work that is not published inside the block is kept for whoever comes next.

        Args:
            inputs: upstream artifacts, for the manifest.
            session: holds the model that stages of this process share; None: one for this stage alone.

        Raises:
            LeaseLost: (in the block) this process stalled and another one has taken over.
            StoreError: no room, no permission, an altered artifact.
        """
        address, form = identity(stage)
        with disk_errors(self.root):
            if self.find_at(address, form) is not None:
                yield None
                return
            self.prepare()
            lease = self.acquire(address, form, tuple(artifact.name for artifact in inputs))
            if lease is None:
                yield None
                return
            own = Session()
            contents = {artifact.name: artifact.manifest.content for artifact in inputs}
            work = Work(lease, form, self.replies, contents, session or own, self.parts / address)
            try:
                with lease.beating(), own:
                    work.begin()
                    yield work
            except OSError:
                lease.check()  # a path that vanished under us: say who took it
                raise
            finally:
                # What cannot be given back now is taken from us once we are dead or silent.
                with suppress(OSError):
                    lease.discard() if work.published else lease.free()

    @contextmanager
    def open_share(
        self, stage: Stage, place: tuple[int, int], *, inputs: Sequence[Artifact] = (), session: Session | None = None
    ) -> Iterator[Share | None]:
        """The right to make parts of a stage side by side with other processes; None if the artifact is there.

        `Stage.run` with what this gives ends by `Spread`, which the block catches. Whoever finds all parts made goes
        on with `open_work`, which finds them too.

        Args:
            place: (number of this process from 0, how many there are).
            inputs: upstream artifacts, which are kept while this goes on.

        Raises:
            LeaseLost: (in the block) this process stalled and another one makes its part.
            StoreError: no room, no permission, an altered artifact.
        """
        address, form = identity(stage)

        def published() -> bool:
            return self.find_at(address, form) is not None

        with disk_errors(self.root):
            if published():
                yield None
                return
            self.prepare()
            home = self.parts / address
            home.mkdir(parents=True, exist_ok=True)
            with Session() as own:
                yield Share(
                    home,
                    place,
                    replies=self.replies,
                    session=session or own,
                    ttl=self.ttl,
                    inputs=tuple(artifact.name for artifact in inputs),
                    published=published,
                )

    def acquire(self, address: str, form: Any, inputs: tuple[str, ...]) -> Lease | None:
        """The lease of a stage that is not published; None once it is."""

        def published() -> bool:
            return self.find_at(address, form) is not None

        lease = acquire(self.work / address, published, ttl=self.ttl, poll=self.poll, inputs=inputs)
        if lease is None:
            return None
        try:
            # Between the last look and the lease somebody may have published; and NFS may have answered
            # that look from memory. A change of our own in the folder makes the client ask again.
            probe = self.artifacts / f".{lease.token}"
            probe.mkdir()
            probe.rmdir()
            too_late = published()
        except BaseException:
            with suppress(OSError):
                lease.free()
            raise
        if too_late:
            lease.discard()
        return None if too_late else lease

    def publish(self, work: Work, summary: dict[str, Any]) -> Artifact:
        """Turn work into the artifact: manifest last, everything on disk, then one rename.

        If another process published first, our copy is dropped and theirs returned.

        Args:
            summary: for people; JSON values, where NaN and infinities become null.

        Raises:
            LeaseLost: another process has taken the work over.
            StoreError: no room, no permission; the work is kept.
        """
        with disk_errors(self.root):
            work.lease.check()
            work.sweep()
            manifest = describe(work, summary)
            write_manifest(work.path, manifest)
            sync_tree(work.path)
            work.lease.check()
            target = self.artifacts / work.address
            if rename(work.path, target, landed=lambda: published_by(target, work.lease.token)):
                sync_one(self.artifacts)
            found = self.find_at(work.address, work.form)
            if found is None:
                work.lease.check()
                raise StoreError(
                    f"{work.path} could not be renamed to {target}. The work is kept: run the same command again."
                )
            for item in garbage.shared(self.parts / work.address, self.work):
                item.remove()
        work.published = True
        return found

    def prepare(self) -> None:
        """Make the folders, and once a process clear away what killed publishers left behind.

        Raises:
            StoreError: no room, no permission.
        """
        with disk_errors(self.root):
            for folder in (self.artifacts, self.work, self.replies, self.logs):
                folder.mkdir(parents=True, exist_ok=True)
            if not self.swept:
                self.swept = True
                for item in garbage.leftovers(self.work, self.artifacts):
                    item.remove()

    def gc(self, *, keep: set[str] | None = None, delete: bool = False, wait: bool = False) -> list[garbage.Garbage]:
        """What nobody needs: unfinished work and leases of nobody alive, temporary folders.

        Args:
            keep: keys that are wanted. Artifacts of other keys count as garbage too, and unfinished
                work of these does not. None: artifacts are never garbage.
            delete: remove it; otherwise only say what it is.
            wait: watch processes of other machines for `ttl` seconds to see which are dead.
        """
        with disk_errors(self.root):
            found = garbage.collect(self.work, self.artifacts, keep, self.ttl if wait else 0.0)
            if delete:
                for item in found:
                    item.remove()
        return found


def identity(stage: Stage) -> tuple[str, Any]:
    """Address and canonical form of a stage."""
    form = canonical(stage)
    return f"{stage.kind}-{digest(encode(form))}", form


def manifest_of(folder: Path) -> Manifest | None:
    """The manifest of an artifact folder; None when there is no such folder, or an empty one.

    Raises:
        StoreError: it is missing from a folder that holds other files, or was altered.
    """
    try:
        return read_manifest(folder)
    except FileNotFoundError:
        if not folder.exists() or not any(folder.iterdir()):
            return None
    try:
        return read_manifest(folder)  # the artifact may have appeared between the two looks
    except FileNotFoundError:
        raise StoreError(altered(folder, f"{folder / MANIFEST} is missing")) from None


def describe(work: Work, summary: dict[str, Any]) -> Manifest:
    """The manifest of work that is ready."""
    files = list_files(work.path)
    holders = work.lease.note.holders
    me = holders[-1]
    return Manifest(
        kind=work.form["kind"],
        key=digest(encode(work.form)),
        spec=work.form,
        inputs=work.inputs,
        files=files,
        content=content_digest(files),
        summary=summary,
        commit=me.commit,
        dirty=me.dirty,
        packages=package_versions(),
        python=python_version(),
        started=holders[0].since,
        ended=now(),
        host=me.host,
        job=me.job,
        holders=holders,
        parts_done=work.parts_done,
        parts_reused=work.parts_reused,
        token=me.token,
    )


def published_by(target: Path, token: str) -> bool:
    """Whether the artifact at `target` is the one that the holder of `token` published."""
    try:
        return read_manifest(target).token == token
    except (FileNotFoundError, NotADirectoryError):
        return False

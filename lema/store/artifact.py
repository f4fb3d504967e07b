"""A finished stage, as others read it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

import msgspec

from lema.base.errors import StoreError
from lema.base.records import Record, load
from lema.store.manifest import MANIFEST, Manifest, altered, check_digest

R = TypeVar("R", bound=Record)
NFS = ".nfs"  # begins the name of a removed file that somebody still reads


class Artifact:
    """A published folder. It never changes; what is read through here is checked against its manifest."""

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self.path, self.manifest = path, manifest
        self.checked: set[str] = set()

    @property
    def name(self) -> str:
        """`<kind>-<key>`, unique in the store."""
        return self.path.name

    @property
    def key(self) -> str:
        return self.manifest.key

    @property
    def summary(self) -> dict[str, Any]:
        """What the stage's `run` returned."""
        return self.manifest.summary

    def __repr__(self) -> str:
        return f"Artifact({str(self.path)!r})"

    def file(self, name: str) -> Path:
        """Path of one of the artifact's files, after its SHA-256 was compared (once an Artifact).

        Raises:
            StoreError: there is no such file, or it was altered.
        """
        if name not in self.manifest.files:
            held = ", ".join(sorted(self.manifest.files)) or "none"
            raise StoreError(f"{self.path / MANIFEST} lists no file {name!r}. Its files: {held}")
        if name not in self.checked:
            check_digest(self.path, self.manifest, name)
            self.checked.add(name)
        return self.path / name

    def folder(self, name: str) -> Path:
        """Path of a folder of the artifact, for whoever reads it whole (a model): each of its files was compared.

        Raises:
            StoreError: there is no such folder, a file of it was altered, or one lies there that was not published.
        """
        below = f"{name}/"
        published = {file for file in self.manifest.files if file.startswith(below)}
        if not published:
            raise StoreError(f"{self.path / MANIFEST} lists no file below {name!r}")
        held = {path.relative_to(self.path).as_posix() for path in (self.path / name).rglob("*") if not path.is_dir()}
        strange = sorted(file for file in held - published if not PurePosixPath(file).name.startswith(NFS))
        if strange:
            raise StoreError(altered(self.path, f"{self.path / strange[0]} was not there when it was made"))
        for file in sorted(published):
            self.file(file)
        return self.path / name

    def rows(self, file: str, record: type[R]) -> Iterator[R]:
        """Rows of a JSONL file, one at a time.

        Raises:
            StoreError: there is no such file, or it was altered.
            InputError: its rows are of another type.
        """
        return load(self.file(file), record)

    def json(self, file: str) -> Any:
        """Value of a JSON file; errors as in `rows`."""
        return msgspec.json.decode(self.file(file).read_bytes())

    def verify(self) -> None:
        """Hash every file.

        Raises:
            StoreError: names the first file that is missing or altered.
        """
        for name in sorted(self.manifest.files):
            check_digest(self.path, self.manifest, name)
            self.checked.add(name)

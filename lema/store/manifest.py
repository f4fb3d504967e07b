"""The manifest: what an artifact is, what it was made of, and how to see that it was altered."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import msgspec

from lema.base.errors import StoreError
from lema.base.spec import encode
from lema.store.durable import write_whole
from lema.store.holder import Holder

MANIFEST = "manifest.json"
FORMAT = 1
CHUNK = 2**20


class FileEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One file of an artifact."""

    sha256: str
    bytes: int
    rows: int | None = None  # of JSONL


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one artifact. `spec`, `inputs` and `files` are its identity, the rest provenance."""

    format: int = FORMAT
    kind: str
    key: str
    spec: dict[str, Any]  # canonical form of the stage, with all its upstream stages
    inputs: dict[str, str]  # address of each input -> content digest at the time
    files: dict[str, FileEntry]
    content: str  # digest of `files`: equal for equal content, whenever and wherever it was made
    summary: dict[str, Any]
    commit: str | None  # of the code that published it; `holders` has those of earlier attempts
    dirty: bool | None
    packages: dict[str, str]
    python: str
    started: str  # of the first attempt; ISO time, UTC
    ended: str
    host: str
    job: str | None  # SLURM
    holders: tuple[Holder, ...]  # one an attempt, in order
    parts_done: int  # by the last attempt
    parts_reused: int  # that earlier attempts had finished
    token: str  # of the holder who published it

    @property
    def attempts(self) -> int:
        return len(self.holders)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest with its seal, a digest over all the rest."""
    data = json.loads(msgspec.json.encode(manifest))
    data["seal"] = seal(data)
    text = json.dumps(data, indent=1, sort_keys=True, ensure_ascii=False)
    write_whole(folder / MANIFEST, [text.encode(), b"\n"])


def read_manifest(folder: Path) -> Manifest:
    """The manifest of an artifact folder, whole and as it was written.

    Raises:
        FileNotFoundError: there is none.
        StoreError: it was edited or damaged, or a newer lema wrote it.
    """
    path = folder / MANIFEST
    try:
        data = json.loads(path.read_bytes())
        told = data.pop("seal")
        version = data["format"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, IsADirectoryError) as fault:
        raise StoreError(altered(folder, f"{path} is not a manifest ({type(fault).__name__}: {fault})")) from None
    if version != FORMAT:
        raise StoreError(
            f"{path}: format {version!r}, and this lema reads format {FORMAT}. Use the lema that wrote it."
        )
    if told != seal(data):
        raise StoreError(altered(folder, f"{path} was edited: it does not match its seal"))
    try:
        return msgspec.convert(data, Manifest)
    except msgspec.ValidationError as fault:
        raise StoreError(altered(folder, f"{path} is not a manifest ({fault})")) from None


def seal(data: dict[str, Any]) -> str:
    return hashlib.sha256(encode(data)).hexdigest()


def altered(folder: Path, what: str) -> str:
    """An error text that ends with what to do about an artifact that cannot be trusted."""
    return (
        f"{what}. The artifact {folder.name} cannot be trusted. Put back what was changed, or remove the whole "
        f"folder {folder} and run the same command again: it is then made anew."
    )


def list_files(folder: Path) -> dict[str, FileEntry]:
    """Every file below a folder except the manifest, hashed.

    Raises:
        StoreError: a symbolic link: what it leads to would not be part of the artifact.
    """
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            raise StoreError(f"{path} is a symbolic link: an artifact must hold its own files. Copy what it leads to.")
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name != MANIFEST:
            found[name] = measure(path)
    return found


def measure(path: Path) -> FileEntry:
    """Hash, size and (for JSONL) number of rows of a file, read once."""
    total, size, rows = hashlib.sha256(), 0, 0
    with path.open("rb") as data:
        while chunk := data.read(CHUNK):
            total.update(chunk)
            size += len(chunk)
            rows += chunk.count(b"\n") if path.suffix == ".jsonl" else 0
    return FileEntry(sha256=total.hexdigest(), bytes=size, rows=rows if path.suffix == ".jsonl" else None)


def content_digest(files: dict[str, FileEntry]) -> str:
    """One digest over the digests of all files: names and bytes count, times do not."""
    lines = "".join(f"{name}\0{entry.sha256}\n" for name, entry in sorted(files.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def check_spec(folder: Path, manifest: Manifest, canonical_form: Any) -> None:
    """Compare the whole identity, not only its 16 digits.

    Raises:
        StoreError: the folder holds the artifact of another spec.
    """
    if encode(manifest.spec) != encode(canonical_form):
        where = first_difference(manifest.spec, canonical_form)
        raise StoreError(
            altered(folder, f"{folder / MANIFEST} describes another stage than the one asked for: {where}")
        )


def check_digest_of_spec(folder: Path, manifest: Manifest, expected: str) -> None:
    """The same when only the SHA-256 of the canonical form is known.

    Raises:
        StoreError: the folder holds the artifact of another spec.
    """
    if hashlib.sha256(encode(manifest.spec)).hexdigest() != expected:
        raise StoreError(altered(folder, f"{folder / MANIFEST} describes another stage than the one asked for"))


def check_size(folder: Path, manifest: Manifest, name: str) -> None:
    """Raise StoreError if a file is missing or has another size: cheap, for every look-up."""
    expected = manifest.files[name].bytes
    try:
        size = (folder / name).stat().st_size
    except FileNotFoundError:
        raise StoreError(altered(folder, f"{folder / name} is missing")) from None
    if size != expected:
        raise StoreError(altered(folder, f"{folder / name} has {size:,} bytes, and was made with {expected:,}"))


def check_digest(folder: Path, manifest: Manifest, name: str) -> None:
    """Raise StoreError if a file's content is not what was published."""
    check_size(folder, manifest, name)
    if measure(folder / name).sha256 != manifest.files[name].sha256:
        raise StoreError(altered(folder, f"{folder / name} was changed after it was made (its SHA-256 differs)"))


def first_difference(one: Any, other: Any, at: str = "$") -> str:
    """Where two JSON values first differ, in words."""
    if isinstance(one, dict) and isinstance(other, dict):
        for name in sorted(one.keys() | other.keys()):
            if one.get(name) != other.get(name) or (name in one) != (name in other):
                return first_difference(one.get(name), other.get(name), f"{at}.{name}")
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for number, (left, right) in enumerate(zip(one, other, strict=True)):
            if left != right:
                return first_difference(left, right, f"{at}[{number}]")
    return f"{at} is {one!r} there and {other!r} here"

"""What jobs run from: a copy of the code and of the resolved configuration, taken when they are submitted.

STORE/submissions/code/<digest>/         the packages; equal code is kept once
STORE/submissions/plans/<name>.json      merged plans (`lema.cluster.recall`)
STORE/submissions/<time>-<random>/       one submission: `submission.json`, and a folder for each stage
    <kind>-<key>/job.json                what the worker is told; `job-1.json` and so on when several share the stage
    <kind>-<key>/<id>_submission.sh      what sbatch was given
    <kind>-<key>/<id>_0_log.out, .err    what it said
    <kind>-array-<n>/<index>             links to the folders of the stages that are the tasks of an array
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from lema.base.provenance import SNAPSHOT, code_version, package_versions, python_version
from lema.store import Store
from lema.store.durable import remove_tree, rename, write_whole

PACKAGES = ("lema", "lema_plugins")
ARRAY = "-array"
LEFT = re.compile(r"(\d+(?:_\d+)?)_(?:submission\.sh|0_log\.out)")  # in a stage's folder, by its job


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """One command that put jobs into the queue: everything that decides what they do."""

    command: tuple[str, ...]
    user: str
    host: str
    at: str  # ISO time, UTC
    folder: str  # where it was typed, and where its jobs run
    code: str  # folder of the code
    commit: str | None
    dirty: bool | None
    python: str
    packages: dict[str, str]
    profile: dict[str, Any]
    points: tuple[dict[str, Any], ...]  # resolved configurations
    overrides: tuple[tuple[str, ...], ...]
    plan: str  # name in `plans`: all stages of the command, finished or not
    stages: tuple[str, ...]  # addresses of the stages that are submitted


def folder_of(store: Store) -> Path:
    return store.root / "submissions"


def new_folder(store: Store) -> Path:
    """A folder for one submission, later ones sorting after earlier ones."""
    name = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{secrets.token_hex(2)}"
    folder = folder_of(store) / name
    folder.mkdir(parents=True)
    return folder


def write(folder: Path, submission: Submission) -> None:
    write_whole(folder / "submission.json", [msgspec.json.format(msgspec.json.encode(submission), indent=1)])


def versions() -> dict[str, Any]:
    """The fields of a submission that say what code it is."""
    version = code_version()
    return {
        "commit": version.commit,
        "dirty": version.dirty,
        "python": python_version(),
        "packages": dict(package_versions()),
    }


def keep_code(store: Store) -> Path:
    """Copy the packages that jobs import, once for equal content, and return the folder that holds them."""
    files = dict(sorted(code_files()))
    total = hashlib.sha256()
    for name, path in files.items():
        total.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    home = folder_of(store) / "code"
    target = home / total.hexdigest()[:16]
    if target.exists():
        return target
    made = home / f".new.{secrets.token_hex(4)}"
    for name, path in files.items():
        copy = made / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    write_whole(made / SNAPSHOT, [msgspec.json.encode(code_version())])
    if not rename(made, target, landed=target.exists):
        remove_tree(made)  # somebody else kept the same code meanwhile
    return target


def code_files() -> Iterator[tuple[str, Path]]:
    """Names below the copy, and where the files are."""
    for package in PACKAGES:
        found = importlib.util.find_spec(package)
        for place in found.submodule_search_locations or () if found else ():
            for path in Path(place).rglob("*"):
                if path.is_file() and "__pycache__" not in path.parts:
                    yield f"{package}/{path.relative_to(place).as_posix()}", path


def make_array(submission: Path, kind: str, number: int, addresses: Mapping[int, str]) -> Path:
    """Write down which task of an array is which stage, before it is submitted, and return the array's folder."""
    folder = submission / f"{kind}{ARRAY}-{number}"
    folder.mkdir()
    for index, address in addresses.items():
        (folder / str(index)).symlink_to(Path("..", address), target_is_directory=True)
    return folder


def title(array: Path) -> str:
    """What the name of an array's job says: kind, submission, number. A killed submitter has then forgotten nothing."""
    kind, _, number = array.name.rpartition(f"{ARRAY}-")
    return f"{kind}{ARRAY}.{array.parent.name}.{number}"


def tasks(store: Store, title: str) -> dict[int, str]:
    """Addresses of the stages that the tasks of an array are, by index; none if it is not of this store."""
    kind, _, rest = title.partition(f"{ARRAY}.")
    submission, _, number = rest.rpartition(".")
    if not submission or not number.isdecimal() or "/" in title:
        return {}
    folder = folder_of(store) / submission / f"{kind}{ARRAY}-{number}"
    try:
        links = [entry for entry in os.scandir(folder) if entry.is_symlink() and entry.name.isdecimal()]
    except FileNotFoundError:
        return {}
    return {int(link.name): Path(link.path).readlink().name for link in links}


def note_scripts(array: Path, addresses: Mapping[int, str], job: str) -> None:
    """Beside each stage's logs, the script that its task runs."""
    for index, address in addresses.items():
        link = array.parent / address / f"{job}_{index}_submission.sh"
        link.symlink_to(Path("..", array.name, f"{job}_submission.sh"))


class Trace(NamedTuple):
    """Where a stage was last submitted from."""

    folder: Path

    def jobs(self) -> list[str]:
        """Ids of its jobs that left something, the last one first."""
        left = {found[1] for path in self.folder.iterdir() if (found := LEFT.fullmatch(path.name))}
        return sorted(left, key=lambda job: [int(part) for part in job.split("_")], reverse=True)


def traces(store: Store) -> dict[str, Trace]:
    """Where each stage was last submitted from, by address."""
    found: dict[str, Trace] = {}
    home = folder_of(store)
    for submission in sorted(home.iterdir()) if home.is_dir() else ():
        if (submission / "submission.json").is_file():
            found |= {entry.name: Trace(Path(entry.path)) for entry in os.scandir(submission) if entry.is_dir()}
    return found

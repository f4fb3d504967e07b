"""The plan of a command as its last submission wrote it down, for looking after a sweep without composing it again.

STORE/submissions/plans/<digest>.json

The digest is over everything that composing depends on: the words of the command without mode= and json=, the
folder where it was typed, code, configuration files, environment variables that these name, and versions of what
composes. Data files and models that the experiments name are noted with their sizes and times. Whenever anything
differs, or cannot be told, there is no plan to recall, and the command composes its experiments as any other does.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from rich.console import Console

from lema.base.errors import ConfigError
from lema.base.provenance import PACKAGE, config_root
from lema.base.spec import digest
from lema.cluster import watch
from lema.running import snapshot
from lema.running.graph import Graph
from lema.store import Store
from lema.store.durable import write_whole

if TYPE_CHECKING:
    from lema.config.options import Options

MODE = re.compile(r"mode=(\w+)")
JSON = re.compile(r"json=(true|false)")
STORE = re.compile(r"store=([\w./~-]+)")
CHOSEN = re.compile(r"slurm=(?!null$)\w[\w-]*")
ASKS = re.compile(r"[+~]*(mode|json|store|slurm|submission)=")  # settings that are taken as above, or not at all
ENVIRONMENT = re.compile(r"\$\{\s*oc\.env\s*:\s*(\w+)")
RESOLVER = re.compile(r"\$\{\s*[\w.]+\s*:")
CONFIGURATION = ("conf", "experiments", "sweeps", "slurm")
COMPOSERS = ("hydra-core", "omegaconf", "pydantic", "msgspec")
MOST = 2000  # files of a folder that a configuration names; a bigger one is not watched, and no plan is kept
#: Options that say what is shown; with any other one at another value than its default, no plan is kept.
SHOWS = {"mode", "json", "store", "workers", "slurm", "report", "question", "pythons"}


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """A plan with what must still hold for it to be that of the command."""

    store: str
    graph: Graph
    files: dict[str, str]  # path -> stamp


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """A command about jobs of a cluster that is simple enough to be understood without composing it."""

    mode: str
    json: bool
    store: Path
    others: tuple[str, ...]
    extra: Path | None = None  # --config-dir


def understood(words: Sequence[str]) -> Words | None:
    """The command, when it says each of mode=, json=, store= and slurm= at most once and plainly."""
    modes = [found[1] for word in words if (found := MODE.fullmatch(word))]
    jsons = [found[1] == "true" for word in words if (found := JSON.fullmatch(word))]
    stores = [found[1] for word in words if (found := STORE.fullmatch(word))]
    chosen = [word for word in words if CHOSEN.fullmatch(word)]
    settings = [word for word in words if ASKS.match(word)]
    plain = len(modes) + len(jsons) + len(stores) + len(chosen) == len(settings)
    if not plain or len(chosen) != 1 or max(len(modes), len(jsons), len(stores)) > 1:
        return None
    others = [word for word in words if not (MODE.fullmatch(word) or JSON.fullmatch(word))]
    extra = None
    for number, word in enumerate(others):
        if word == "--config-dir" and number + 1 < len(others):
            extra = Path(others[number + 1]).expanduser().resolve()
        elif word.startswith("-") and word not in ("-m", "--multirun"):
            return None
    return Words(
        mode=modes[0] if modes else "run",
        json=bool(jsons and jsons[0]),
        store=Path(stores[0] if stores else "store").expanduser().resolve(),
        others=tuple(others),
        extra=extra,
    )


def recalled(words: Sequence[str]) -> int | None:
    """Do what a command asks for from a plan that was written down, and return its exit code; None: there is none."""
    asked = understood(words)
    if asked is None or asked.mode not in watch.MODES or not snapshot.folder_of(store := Store(asked.store)).is_dir():
        return None
    graph = _find(asked, store)
    if graph is None:
        return None
    console = Console(stderr=asked.json, soft_wrap=not sys.stdout.isatty())
    return watch.MODES[asked.mode](graph, store, console, json=asked.json)


def _find(asked: Words, store: Store) -> Graph | None:
    name = name_of(asked)
    if name is None:
        return None
    try:
        found = msgspec.json.decode(_path(store, name).read_bytes(), type=Recorded)
    except (FileNotFoundError, msgspec.DecodeError):
        return None
    same = found.store == str(asked.store) and all(stamp(Path(path)) == held for path, held in found.files.items())
    return found.graph if same else None


def keep(graph: Graph, raws: Iterable[Any], store: Store, options: Options, words: Sequence[str]) -> str:
    """Write a plan down, and return the name of its file. Only one that is sure to be recalled rightly has the
    name that its command gives it."""
    files = {path: stamp(Path(path)) for path in named_files(raws)}
    asked = understood(words)
    name = None
    if asked is not None and asked.store == options.store_path() and options.only(SHOWS) and None not in files.values():
        name = name_of(asked)
    kept = {path: held for path, held in files.items() if held is not None}
    content = msgspec.json.encode(Recorded(store=str(store.root), graph=graph, files=kept))
    path = _path(store, name or f"of-{digest(content)}")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, [content], sync=False)
    return path.stem


def of_submission(store: Store, name: str) -> Graph:
    """The plan of a submission by the name of its folder; "last": of the latest one.

    Raises:
        ConfigError: there is no such submission.
    """
    home = snapshot.folder_of(store)
    there = sorted(path.parent.name for path in home.glob("*/submission.json"))
    chosen = there[-1] if name == "last" and there else name
    if chosen not in there:
        listed = ", ".join(there[-5:]) or "none"
        raise ConfigError(f"submission: {home} has no {name!r}. The latest there: {listed}")
    plan = msgspec.json.decode((home / chosen / "submission.json").read_bytes(), type=_Submission).plan
    return msgspec.json.decode(_path(store, plan).read_bytes(), type=Recorded).graph


class _Submission(msgspec.Struct, frozen=True):
    """What of a submission is read here."""

    plan: str


def _path(store: Store, name: str) -> Path:
    return snapshot.folder_of(store) / "plans" / f"{name}.json"


def name_of(asked: Words) -> str | None:
    """The digest of everything that composing depends on; None when something cannot be told."""
    texts = {f"--config-dir/{name}": text for name, text in _contents(asked.extra)} if asked.extra else {}
    for group in CONFIGURATION:
        texts |= {f"{group}/{name}": text for name, text in _contents(config_root() / group)}
    values: dict[str, str | None] = {}
    for text in (*asked.others, *(text.decode(errors="replace") for text in texts.values())):
        named = ENVIRONMENT.findall(text)
        if len(named) != len(RESOLVER.findall(text)):
            return None  # the time, say
        values |= {name: os.environ.get(name) for name in named}
    code = hashlib.sha256()
    for name, path in sorted(_code()):
        code.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    known = {
        "words": asked.others,
        "folder": str(Path.cwd()),
        "code": code.hexdigest(),
        "configuration": {name: hashlib.sha256(text).hexdigest() for name, text in texts.items()},
        "environment": values,
        "versions": [sys.version, *map(metadata.version, COMPOSERS)],
    }
    return digest(json.dumps(known, sort_keys=True).encode())


def _contents(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*.yaml")) if folder.is_dir() else ():
        yield path.relative_to(folder).as_posix(), path.read_bytes()


def _code() -> Iterator[tuple[str, Path]]:
    """What jobs run from, and what composes."""
    yield from snapshot.code_files()
    edge = PACKAGE.parent / "hydra_plugins" / "lema_launcher"
    for path in edge.rglob("*.py"):
        yield f"hydra_plugins/{path.relative_to(edge).as_posix()}", path


def named_files(raws: Iterable[Any]) -> list[str]:
    """Files and folders that values of configurations name, absolute."""
    texts: set[str] = set()
    todo = list(raws)
    while todo:
        node = todo.pop()
        if isinstance(node, str):
            texts.add(node)
        elif isinstance(node, dict):
            todo += node.values()
        elif isinstance(node, list | tuple):
            todo += node
    short = (text for text in texts if text and len(text) < 1024 and not set("\n\0") & set(text))
    return sorted({str(path.absolute()) for text in short if (path := Path(text).expanduser()).exists()})


def stamp(path: Path) -> str | None:
    """Size and time of a file, or of all files of a folder; None when there are too many. "": it is not there."""
    try:
        if path.is_file():
            return f"{path.stat().st_size} {path.stat().st_mtime_ns}"
        if not path.is_dir():
            return ""
        files: list[str] = []
        for inside in path.rglob("*"):
            files.append(f"{inside.relative_to(path)} {inside.stat().st_size} {inside.stat().st_mtime_ns}")
            if len(files) > MOST:
                return None
    except OSError:
        return None
    return digest("\n".join(sorted(files)).encode())

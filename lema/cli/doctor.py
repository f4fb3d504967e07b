"""`mode=doctor`: what this machine has, and whether the store is safe on its file system."""

from __future__ import annotations

import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Literal, NamedTuple

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from lema.base.errors import LemaError, StoreError
from lema.base.provenance import code_version, package_versions
from lema.cluster import queue
from lema.cluster.batch import trial
from lema.config.options import Options, Point
from lema.config.profile import Profile
from lema.config.pythons import Pythons
from lema.programs.sandbox import Sandbox
from lema.running import json_listing
from lema.running.runner import elsewhere
from lema.store import Store
from lema.store.race import race

#: Environment variables that hold keys; only whether they are set is ever shown.
KEYS = ("OPENAI_API_KEY", "WANDB_API_KEY", "HF_TOKEN")
EXTRAS = {"openai": "openai", "bitsandbytes": "qlora", "deepspeed": "deepspeed", "wandb": "wandb", "datasets": "hub"}
#: Run in another Python: what a worker imports, and the package that the Python is for.
PROBE = """
import importlib, sys
import lema.running.worker
there = importlib.import_module(sys.argv[1])
from lema.base.provenance import package_versions
shown = {"torch", "transformers"}
print(f"Python {sys.version.split()[0]}, {sys.argv[1]} {there.__version__}, "
      + ", ".join(f"{name} {version}" for name, version in package_versions().items() if name in shown))
"""
SCARCE = 5 * 2**30  # bytes of free disk below which a run is likely to fill it


class Finding(NamedTuple):
    """One thing that was looked at."""

    what: str
    state: Literal["ok", "note", "bad"]
    said: str


def examine(_points: Sequence[Point], options: Options, console: Console) -> int:
    """Print what was found; exit code 2 when something would stop a run."""
    found = list(findings(options.store_path(), options.slurm, options.pythons))
    code = 2 if any(finding.state == "bad" for finding in found) else 0
    if options.json:
        json_listing.write(
            json_listing.Findings(
                mode="doctor", findings=tuple(json_listing.Found(**finding._asdict()) for finding in found)
            )
        )
        return code
    table = Table(box=None, show_header=False, pad_edge=False)
    colours = {"ok": "green", "note": "yellow", "bad": "red"}
    for finding in found:
        table.add_row(finding.what, f"[{colours[finding.state]}]{finding.state}[/]", escape(finding.said))
    console.print(table)
    return code


def findings(store: Path, profile: Profile | None = None, named: Pythons | None = None) -> Iterator[Finding]:
    code = code_version()
    where = (
        "outside a checkout" if code.commit is None else f"commit {code.commit[:12]}{' (edited)' if code.dirty else ''}"
    )
    yield Finding("lema", "ok", f"{metadata.version('lema')}, {where}, Python {sys.version.split()[0]}")
    versions = package_versions()
    yield Finding("packages", "ok", ", ".join(f"{name} {versions[name]}" for name in ("torch", "transformers", "peft")))
    for package, extra in EXTRAS.items():
        there = package in versions
        said = versions[package] if there else f"not installed; pip install 'lema[{extra}]' adds it"
        yield Finding(package, "ok" if there else "note", said)
    yield gpus()
    yield sandbox()
    yield from pythons({name: shlex.quote(path) for name, path in (named or {}).items() if path}, store)
    if profile is not None:
        yield from pythons({name: start for name, start in (profile.pythons or {}).items() if start}, store)
    yield from cluster(profile)
    for name in KEYS:
        there = bool(os.environ.get(name))
        yield Finding(name, "ok" if there else "note", "set" if there else "not set")
    yield from disk(store)


def pythons(named: Mapping[str, str], store: Path) -> Iterator[Finding]:
    """Whether a stage's process would start in each of these Pythons, and what it would find there."""
    for name, start in named.items():
        environment = elsewhere(Store(store), os.environ)
        words = ["sh", "-c", f"{start} -c {shlex.quote(PROBE)} {name}"]
        done = subprocess.run(words, capture_output=True, text=True, env=environment, check=False, timeout=600)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
            said = f"{start} does not run stages: {last}. In that environment: pip install 'lema[{name}]'"
        else:
            said = f"{start}: {done.stdout.strip().splitlines()[-1]}"
        yield Finding(f"pythons.{name}", "bad" if done.returncode else "ok", said)


def cluster(profile: Profile | None) -> Iterator[Finding]:
    """SLURM with its partitions, and whether it would take the jobs of a profile."""
    needed: Literal["note", "bad"] = "note" if profile is None else "bad"
    try:
        yield Finding("SLURM", "ok", f"sbatch of {queue.slurm('sbatch', '--version').strip()}")
        listed = queue.slurm("sinfo", "--noheader", "--format=%P|%a|%D|%c|%m|%G|%l")
    except LemaError as fault:
        yield Finding("SLURM", needed, str(fault))
        return
    for line in listed.splitlines():
        name, up, nodes, cores, memory, gres, limit = line.split("|")
        said = f"{up}, {nodes} node(s) with {cores} cores and {int(memory.rstrip('+')) / 1024:.0f} GiB, "
        yield Finding(f"partition {name}", "ok" if up == "up" else "note", f"{said}GRES {gres}, at most {limit}")
    if importlib.util.find_spec("submitit") is None:
        yield Finding("submitit", needed, "not installed; pip install 'lema[slurm]' adds it")
        return
    yield Finding("submitit", "ok", metadata.version("submitit"))
    if profile is None:
        return
    for where, asked in profile.merged():
        refused = trial(asked, profile)
        yield Finding(f"job {where}", "bad" if refused else "ok", refused or "SLURM would take it")


def sandbox() -> Finding:
    """What would hold a model's programs here."""
    try:
        with Sandbox(workers=1).open() as run:
            return Finding("sandbox", "ok" if run.level.name == "seccomp" else "note", f"level {run.level.name}")
    except LemaError as fault:
        return Finding("sandbox", "note", str(fault))


def gpus() -> Finding:
    listed = Path("/proc/driver/nvidia/gpus")
    count = len(list(listed.iterdir())) if listed.is_dir() else 0
    return Finding(
        "GPUs", "ok" if count else "note", f"{count} NVIDIA GPU(s)" if count else "none; everything runs on the CPU"
    )


def disk(store: Path) -> Iterator[Finding]:
    """Free space, and the race test on the file system of the store."""
    there = next(folder for folder in (store, *store.parents) if folder.exists())
    free = shutil.disk_usage(there).free
    yield Finding("free disk", "ok" if free > SCARCE else "bad", f"{free / 2**30:.1f} GiB at {there}")
    try:
        result = race(store)
    except StoreError as fault:
        yield Finding("store", "bad", str(fault))
        return
    yield Finding("store", "ok" if result.ok else "bad", f"{store}: {result}")

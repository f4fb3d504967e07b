"""What 400 points ask of a cluster and of the shell: our submission, beside Hydra's launchers on the same sweep.

python benchmarks/cluster.py [points] [points of the peers]

Starts the SLURM of the tests (two virtual nodes) with its partition down: everything is planned, submitted and
looked at, and nothing runs. Hydra's basic launcher composes points one after another in the shell (the stages
would follow there; only composing is measured); the stock submitit launcher (extra `launcher`) puts one task a point
into an array. Both are measured on fewer points, and said to be extrapolated. GPU-hours are what jobs ask for under
slurm/a100.yaml, computed from the plan: time limit times GPUs. A stock job runs all stages of a point one after another
and holds its GPU all the time; what other points have made already is counted once for ours and again for it.
Exits with 1 when a bound is exceeded: 60 CPU-seconds of submission, 2 of status.
"""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from servers.slurm import Cluster, Unavailable

from lema.running.json_listing import Stages

SUBMISSION, STATUS = 60.0, 2.0
PROFILE = "slurm=testbed"
STOCK = """
import sys, hydra, lema.config.config
root = lema.config.config.root()
sys.argv = ["stock", "-m", *sys.argv[1:], "hydra/sweeper=basic", "hydra.output_subdir=null", "~slurm",
            f"hydra.searchpath=[file://{root}]"]
hydra.main(version_base="1.3", config_path=str(root / "conf"), config_name="config")(lambda cfg: None)()
"""


class Cost(NamedTuple):
    """Of one process with its children: seconds on the wall, and CPU-seconds."""

    wall: float
    cpu: float
    said: str


def sweep(points: int) -> list[str]:
    return ["data_mix=cot,cot_and_corrections", f"seed=range(0,{points // 2})"]


def measured(words: list[str], folder: Path, environment: dict[str, str]) -> Cost:
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(
        words, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - began
    if done.returncode:
        sys.exit(f"{' '.join(words)}: exit code {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return Cost(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout)


def handed_over(points: int, folder: Path, cluster: Cluster) -> Cost:
    """The stock submitit launcher until its array is in the queue; it would stay until all tasks have ended."""
    words = [sys.executable, "-m", "lema", "-m", *sweep(points), "hydra/launcher=submitit_slurm", "store=stock"]
    words += ["hydra.launcher.partition=normal", "hydra.launcher.timeout_min=60"]
    began = time.monotonic()
    process = subprocess.Popen(
        words,
        cwd=folder,
        env={**os.environ, **cluster.environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    while len(cluster.jobs()) < points:
        if process.poll() is not None:
            sys.exit(f"the stock launcher ended: {process.communicate()[1][-2000:]}")
        time.sleep(0.1)
    wall = time.monotonic() - began
    ticks = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[11:15]  # with its children
    process.kill()
    process.communicate()
    cluster("scancel", *cluster.jobs())
    return Cost(wall, sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK"), "")


def asked_for(points: int) -> tuple[int, int, float, float]:
    """Stages of ours and of one pipeline a point, and the GPU-hours that each asks for under slurm/a100.yaml."""
    with tempfile.TemporaryDirectory() as folder:
        words = [sys.executable, "-m", "lema", "-m", *sweep(points), "slurm=a100", "mode=plan", "json=true"]
        listed = msgspec.json.decode(measured(words, Path(folder), {}).said, type=Stages)
    ours = alone = 0.0
    begun = 0
    for stage in listed.stages:
        asks = stage.asks or {}
        minutes, gpus = asks.get("minutes") or 0, asks.get("gpus") or 0
        ours += minutes * gpus / 60
        alone += len(stage.experiments) * minutes / 60  # on the one GPU that the point's job holds
        begun += len(stage.experiments)
    return len(listed.stages), begun, ours, alone


@contextlib.contextmanager
def held() -> Iterator[Cluster]:
    with Cluster().running() as cluster:
        cluster("scontrol", "update", "partitionname=normal", "state=down")
        yield cluster


def main() -> int:
    points, few = (int(word) for word in [*sys.argv[1:], *["400", "8"][len(sys.argv) - 1 :]])
    stages, begun, ours, alone = asked_for(points)
    lema = [sys.executable, "-m", "lema", "-m", *sweep(points), PROFILE]
    with held() as cluster, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        submitted = measured(lema, folder, cluster.environment)
        calls = len({job.partition("_")[0] for job in cluster.jobs()})
        status = min(
            (measured([*lema, "mode=status"], folder, cluster.environment) for _ in range(3)), key=lambda c: c.cpu
        )
        assert f"{stages} waiting" in status.said, status.said[-500:]
        cancelled = measured([*lema, "mode=cancel"], folder, cluster.environment)
        basic = [
            measured([sys.executable, "-c", STOCK, *sweep(n), "hydra/launcher=basic"], folder, {}) for n in (2, few)
        ]
        try:
            import hydra_plugins.hydra_submitit_launcher  # noqa: F401
        except ImportError:
            stock = None
        else:
            stock = [handed_over(n, folder, cluster) for n in (2, few)]
    print(f"{points} points; seconds of the whole machine are of two cores that others use too")
    print(f"ours, until the shell is back: {submitted.wall:.1f} s, {submitted.cpu:.1f} CPU-s, {calls} calls of sbatch")
    print(f"ours, mode=status: {status.wall:.1f} s, {status.cpu:.2f} CPU-s; mode=cancel: {cancelled.wall:.1f} s")
    for what, costs in (("basic launcher, composing only", basic), ("stock submitit launcher", stock)):
        if costs is None:
            print(f"{what}: not installed (pip install 'lema[launcher]')")
            continue
        wall, cpu = ((b - a) / (few - 2) for a, b in zip(costs[0][:2], costs[1][:2], strict=True))
        whole = [one + each * (points - 2) for one, each in zip(costs[0][:2], (wall, cpu), strict=True)]
        print(f"{what}: extrapolated from 2 and {few} points: {whole[0]:.0f} s, {whole[1]:.0f} CPU-s")
    print(f"stages: ours {stages}, a pipeline a point {begun}")
    print(f"GPU-hours asked for (a100.yaml): ours {ours:,.0f}, a job a point {alone:,.0f} ({alone / ours:.1f} times)")
    print("the shell of the basic and of the stock launcher comes back when all points have run, not before")
    if submitted.cpu > SUBMISSION or status.cpu > STATUS:
        print(f"over the bound: submission {SUBMISSION} CPU-s, status {STATUS}")
        return 1
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Unavailable as fault:
        print(f"not measured: {fault}")

"""What planning costs: CPU-seconds of start-up and of each further point, beside Hydra's basic sweeper.

python benchmarks/startup.py

Each number is the least of several processes: a loaded machine only ever adds. `lema` composes,
builds, checks and plans; the basic sweeper composes every point twice and does nothing else.
Exits with 1 when a bound is exceeded: start-up 1.5, a point 0.25, torch not imported.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

REPEATS = 3
SWEEP = ["data_mix=cot,cot_and_corrections,corrections,cot_matched", "seed=0,1,2"]
POINTS = 12
STARTUP, POINT = 1.5, 0.25

OURS = """
import contextlib, io, sys, time
from lema.__main__ import main
with contextlib.redirect_stdout(io.StringIO()):
    code = main(["mode=plan", *sys.argv[1:]])
heavy = sorted({"torch", "transformers", "scipy"} & set(sys.modules))
assert code == 0 and not heavy, (code, heavy)
print(time.process_time())
"""

STOCK = """
import sys, time
import hydra, lema.config.config
root = lema.config.config.root()
sys.argv = ["stock", "-m", *sys.argv[1:], "hydra/launcher=basic", "hydra/sweeper=basic", "hydra.output_subdir=null",
            f"hydra.searchpath=[file://{root}]"]
hydra.main(version_base="1.3", config_path=str(root / "conf"), config_name="config")(lambda cfg: None)()
print(time.process_time())
"""


def least(script: str, words: list[str]) -> float:
    """CPU-seconds of a process, interpreter included."""
    with tempfile.TemporaryDirectory() as folder:
        runs = [
            subprocess.run(
                [sys.executable, "-c", script, *words], cwd=folder, stdout=subprocess.PIPE, text=True, check=True
            )
            for _ in range(REPEATS)
        ]
    return min(float(run.stdout.split()[-1]) for run in runs)


def main() -> int:
    ours = [least(OURS, ["sweeps=null"]), least(OURS, ["-m", *SWEEP])]
    stock = [least(STOCK, ["seed=0"]), least(STOCK, SWEEP)]
    print(f"configuration: {Path(__file__).parents[1] / 'conf'}")
    print(f"{'':24}{'one point':>12}{f'{POINTS} points':>12}{'a point':>12}   (CPU-seconds)")
    for name, (one, many) in (("lema mode=plan", ours), ("basic sweeper, compose", stock)):
        print(f"{name:24}{one:12.2f}{many:12.2f}{(many - one) / (POINTS - 1):12.3f}")
    point = (ours[1] - ours[0]) / (POINTS - 1)
    if ours[0] > STARTUP or point > POINT:
        print(f"over the bound: start-up {STARTUP}, a point {POINT}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

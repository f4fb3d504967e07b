"""Keys of every shipped experiment and sweep: `python tests/golden/renew.py` writes `keys.json` anew.

A change that moves a key makes everybody's artifacts of that experiment be made again, so it must be
meant, and said in CHANGELOG.md under *Keys*.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

from lema.__main__ import main
from lema.base.spec import key
from lema.config.config import root
from lema.config.options import Options, Point
from lema.experiment.pipeline import pipeline

GOLDEN = Path(__file__).parent / "keys.json"
#: What an experiment leaves to its user.
LOCAL = {
    "experiments=gsm8k_recorded": (f"reasoner.path={Path(__file__).parent / 'recorded.jsonl'}", "teacher.model=toy"),
    "experiments=lema_gsm8k": ("teacher.model=gpt-4",),
}


def commands() -> Iterator[str]:
    """Every shipped experiment and sweep, and the default."""
    yield ""
    for group in ("experiments", "sweeps"):
        for path in sorted((root() / group).glob("*.yaml")):
            if path.read_text().startswith("# @package"):  # not data
                yield f"{group}={path.stem}"


def points_of(command: str) -> list[Point]:
    caught: list[Point] = []

    def record(points: list[Point], _options: Options) -> int:
        caught.extend(points)
        return 0

    with mock.patch("lema.cli.modes.run", record):
        code = main([*command.split(), *LOCAL.get(command, ())])
    assert code == 0, f"`lema {command}` does not compose"
    return caught


def keys() -> dict[str, dict[str, str]]:
    """command -> {point and role: key}. Roles that a point does not have are left out."""
    found: dict[str, dict[str, str]] = {}
    for command in commands():
        named = found.setdefault(f"lema {command}".strip(), {})
        for point in points_of(command):
            own = [line for line in point.overrides if line not in (command, *LOCAL.get(command, ()))]
            for role, held in vars(pipeline(point.experiment)).items():
                stages = held if isinstance(held, tuple) else (held,)
                for number, stage in enumerate(stage for stage in stages if stage is not None):
                    named[" ".join([*own, f"{role}[{number}]" if len(stages) > 1 else role])] = key(stage)
    return found


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(keys(), indent=1) + "\n")

"""Keys of every shipped experiment and sweep: `python tests/golden/renew.py` writes `keys.json` anew.

A change that moves a key makes everybody's artifacts of that experiment be made again, so it must be
meant, and said in CHANGELOG.md under *Keys*.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

from lema.__main__ import main
from lema.base.spec import key
from lema.config.config import root
from lema.config.options import Options, Point
from lema.experiment.pipeline import pipeline
from lema.store.stage import Stage

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


def one_seed(command: str) -> list[str]:
    """For a sweep over seeds, the first: of the others no key moves unless its does."""
    group, _, name = command.partition("=")
    return ["seed=0"] if group == "sweeps" and " seed: 0," in (root() / group / f"{name}.yaml").read_text() else []


def keys() -> dict[str, dict[str, str]]:
    """command -> {point and stage: key}, every stage that the point's targets need, in the order of work."""
    found: dict[str, dict[str, str]] = {}
    for command in commands():
        named = found.setdefault(f"lema {command}".strip(), {})
        for point in points_of(" ".join([command, *one_seed(command)])):
            own = [line for line in point.overrides if line not in (command, *LOCAL.get(command, ()))]
            stages: dict[str, Stage] = {}
            for target in pipeline(point.experiment).targets():
                reach(target, stages)
            kinds = Counter(stage.kind for stage in stages.values())
            seen: Counter[str] = Counter()
            for digits, stage in stages.items():
                number = f"[{seen[stage.kind]}]" if kinds[stage.kind] > 1 else ""
                seen[stage.kind] += 1
                named[" ".join([*own, f"{stage.kind}{number}"])] = digits
    return found


def reach(stage: Stage, found: dict[str, Stage]) -> None:
    """A stage after everything that it needs."""
    if (digits := key(stage)) not in found:
        for needed in stage.upstream():
            reach(needed, found)
        found[digits] = stage


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(keys(), indent=1) + "\n")

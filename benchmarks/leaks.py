"""What decontamination and near-duplicate detection find and what they cost, by threshold, on real data.

python benchmarks/leaks.py [../shared/data]

The tables of docs/decisions/009-decontamination.md: rows dropped where nothing is planted, and the
share of planted leaks that is found.
"""

from __future__ import annotations

import argparse
import random
import sys
from dataclasses import replace
from pathlib import Path

from lema.likeness import Decontamination, NearDuplicates
from lema.likeness.duplicates import near_duplicates
from lema.likeness.leaks import HeldOut, Index

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))
from material import planted_leaks  # noqa: E402

SHARES = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
UNRELATED = (
    ("gsm8k train", "gsm8k test"),
    ("gsm8k train", "svamp"),
    ("gsm8k train", "asdiv"),
    ("gsm8k train", "math test"),
    ("csqa train", "csqa dev"),
    ("svamp", "asdiv"),
)


def index(texts: list[str], share: float) -> Index:
    rules = Decontamination(share=share)
    return Index(rules, [HeldOut("test", [(str(i), text) for i, text in enumerate(texts)])])


def heading(title: str) -> None:
    print(f"\n{title:42}", *(f"{share:>7}" for share in SHARES))


def row(name: str, values: list[float]) -> None:
    print(f"{name:42}", *(f"{value:>7.2%}" for value in values), flush=True)


def false_alarms(texts: dict[str, list[str]]) -> None:
    heading("dropped although nothing is planted")
    for rows, test in UNRELATED:
        counts = [sum(map(bool, index(texts[test], share).check_all(texts[rows]))) for share in SHARES]
        row(f"{rows} against {test}", [count / len(texts[rows]) for count in counts])
    problems = texts["math test"]
    halves = problems[::2], problems[1::2]
    counts = [sum(map(bool, index(halves[1], share).check_all(halves[0]))) for share in SHARES]
    row("one half of math test against the other", [count / len(halves[0]) for count in counts])


def recall(texts: dict[str, list[str]]) -> None:
    names = planted_leaks.names_in([text for name in ("gsm8k train", "svamp", "asdiv") for text in texts[name]])
    for test in ("gsm8k test", "svamp", "asdiv", "math test", "csqa dev"):
        heading(f"found of {len(texts[test]):,} planted: {test}")
        indices = [index(texts[test], share) for share in SHARES]
        for name, plant in planted_leaks.plants(texts[test], names).items():
            planted = [plant(text, random.Random(f"{name} {i}")) for i, text in enumerate(texts[test])]
            row(name, [sum(map(bool, each.check_all(planted))) / len(planted) for each in indices])


def repeats(texts: dict[str, list[str]]) -> None:
    heading("near-duplicates within")
    for name in ("gsm8k train", "asdiv", "svamp", "math test", "csqa train"):
        found = [len(list(near_duplicates(NearDuplicates(share=share), texts[name]))) for share in SHARES]
        row(name, [count / len(texts[name]) for count in found])
    seeds = texts["gsm8k train"][:1000]
    names = planted_leaks.names_in(texts["gsm8k train"])
    heading("near-duplicates of 1,000 seeds: gsm8k train")
    for name, plant in planted_leaks.plants(seeds, names).items():
        planted = [plant(text, random.Random(f"{name} {i}")) for i, text in enumerate(seeds)]
        rules = NearDuplicates()
        found = [
            len(list(near_duplicates(replace(rules, share=share), [*seeds, *planted], given=len(seeds))))
            for share in SHARES
        ]
        row(name, [count / len(planted) for count in found])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="?", default=ROOT.parent / "shared" / "data")
    texts = planted_leaks.questions(parser.parse_args().data)
    false_alarms(texts)
    recall(texts)
    repeats(texts)


if __name__ == "__main__":
    main()

"""What it costs to make a training set: near-duplicates, decontamination, budget, order, writing.

python benchmarks/mixing.py                      10,000, 100,000 and 1,000,000 rows in one table
python benchmarks/mixing.py --rows 10000 100000  other sizes
python benchmarks/mixing.py --in-memory          beside it, all examples in a list, as `Mix` holds them

Rows are generated with the lengths of GSM8K's; 2 % are earlier ones with other names and numbers, and
0.2 % are so of one of 5,000 test questions. Each size runs in a process of its own, whose peak memory
is given. Reading rows is part of each step's time; generating them is not. Exits with 1 when a planted
row stays, or when a size needs more than 1 GiB.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lema.base.records import Example, Question, dump, load
from lema.lessons.data_budget import Budget, spend
from lema.likeness import Decontamination, NearDuplicates
from lema.store.durable import write_whole
from lema.store.spool import Spool
from lema.store.work import batches

SIZES = [10_000, 100_000, 1_000_000]
LIMIT = 1024  # MiB
TESTS = 5_000
STEPS = ("near-duplicates", "decontamination", "spooling", "budget", "writing")

SOUNDS = "ba de fi go lu ma ne pi ro su ta ve wi zo ka len mor tin sal dru"
SYLLABLES = SOUNDS.split()
SENTENCES = (
    "{A} has {n} {x} and {n} {y} in a {z}.",
    "Every {z} of {A} costs {n} dollars, and the {x} costs {n} more.",
    "On the way to the {z}, {B} bought {n} {x} for each of the {y}.",
    "{A} gave {n} {x} to {B} and put the rest of them next to the {y}.",
    "There are {n} {x} in the {y}, which is {n} times what {A} had last {z}.",
    "If {B} sells {n} {x} every day, {A} needs {n} {y} to fill the {z}.",
    "After {n} days the {x} of the {y} were {n} {z} long.",
    "{B} works {n} hours with a {x} and earns ${n} an hour from the {y} near the {z}.",
    "A {x} holds {n} {y}, but {A} can only carry {n} of the {z} at a time.",
    "In the {z} {n} of the {x} were broken, so {A} asked {B} for {n} {y}.",
)
ASKED = (
    "How many {x} does {A} have in the {z} now?",
    "How much money did {A} pay for the {x} and the {y}?",
    "What is the number of {y} that {B} still needs for the {x}?",
)


def word(draw: random.Random, syllables: int) -> str:
    return "".join(draw.choice(SYLLABLES) for _ in range(syllables))


def text(story: str, telling: str) -> str:
    """A problem: the same story gives the same sentences, the same telling the same names and numbers."""
    plot, told = random.Random(story), random.Random(telling)
    names = {"A": word(told, 2).capitalize(), "B": word(told, 3).capitalize()}
    parts = [*(plot.choice(SENTENCES) for _ in range(plot.randint(2, 4))), plot.choice(ASKED)]
    return " ".join(
        part.replace("{n}", str(told.randint(2, 900))).format(
            **names, x=word(plot, 3) + "s", y=word(plot, 3) + "s", z=word(plot, 3)
        )
        for part in parts
    )


def question(number: int) -> Question:
    """Row `number`: a story of its own, an earlier one's, or a test question's."""
    draw = random.Random(f"row {number}")
    kind, story = "new", f"story {number}"
    if number % 50 == 49:
        kind, story = "again", f"story {50 * draw.randrange(number // 50 + 1)}"
    elif number % 500 == 1:
        kind, story = "leak", f"test {draw.randrange(TESTS)}"
    steps = "\n".join(
        f"Step {k}: After this, {draw.randint(2, 99)} + {draw.randint(2, 99)} of the {word(draw, 2)}s are left to {k}."
        for k in range(1, draw.randint(4, 7))
    )
    body = text(story, f"telling {number}")
    return Question(id=f"synthetic-{number:016x}", task=kind, text=body, answer="1", solution=steps)


def example(row: Question) -> Example:
    prompt = f"Question: {row.text}\nAnswer step by step.\n\n"
    return Example(prompt=prompt, completion=row.solution, question_id=row.id, source="cot")


class Clock:
    """Seconds of each step, and the peak memory up to its end."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.peaks: dict[str, int] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        start = time.process_time()
        yield
        self.seconds[name] = time.process_time() - start
        self.peaks[name] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def streaming(rows: Path, folder: Path, clock: Clock) -> int:
    """How many rows make up the training set; checks that no planted one is among them."""
    from lema.likeness.duplicates import near_duplicates
    from lema.likeness.leaks import HeldOut, Index

    with clock.step("near-duplicates"):
        texts = (row.text for row in load(rows, Question))
        gone = {found.text for found in near_duplicates(NearDuplicates(), texts)}
    repeats = len(gone)
    with clock.step("decontamination"):
        tests = [(str(n), text(f"test {n}", f"asked {n}")) for n in range(TESTS)]
        index = Index(Decontamination(), [HeldOut("synthetic", tests)])
        leaks = index.check_all(row.text for row in load(rows, Question))
        gone.update(at for at, leak in enumerate(leaks) if leak is not None)
    planted = {at for at, row in enumerate(load(rows, Question)) if row.task != "new"}
    print(f"{repeats:,} repeats and {len(gone) - repeats:,} leaks; {len(planted):,} planted,", end=" ", file=sys.stderr)
    print(f"{len(planted - gone):,} of them stay, {len(gone - planted):,} others went", file=sys.stderr)
    assert len(planted - gone) <= 0.05 * len(planted), "planted rows stayed"
    with Spool[Example](folder / "spool.jsonl") as spool:
        with clock.step("spooling"):
            for at, row in enumerate(load(rows, Question)):
                if at not in gone:
                    spool.append(example(row))
        with clock.step("budget"):
            order = spend(Budget(), range(len(spool)), range(0), len, 0)  # type: ignore[arg-type]
        with clock.step("writing"):
            write_whole(folder / "examples.jsonl", spool.chunks(order))  # type: ignore[arg-type]
    return len(order)


def in_memory(rows: Path, folder: Path, clock: Clock) -> int:
    """The same without the checks, with every example in a list."""
    with clock.step("spooling"):
        examples = [example(row) for row in load(rows, Question)]
    with clock.step("budget"):
        order = spend(Budget(), examples, [], lambda e: len(e.completion), 0)
    with clock.step("writing"):
        write_whole(folder / "examples.jsonl", (dump(batch) for batch in batches(order)))
    return len(order)


def one(count: int, held: bool) -> None:
    """Run one size and print what it took as a line of JSON."""
    clock = Clock()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_whole(folder / "rows.jsonl", (dump(b) for b in batches(question(n) for n in range(count))), sync=False)
        written = (in_memory if held else streaming)(folder / "rows.jsonl", folder, clock)
    print(json.dumps({"rows": count, "written": written, "seconds": clock.seconds, "peaks": clock.peaks}))


def table(title: str, sizes: list[int], flags: list[str]) -> bool:
    """Print a row a size; whether all kept to the limit."""
    print(f"\n{title}: CPU-seconds (and MiB at the peak so far)")
    print(f"{'rows':>10}", *(f"{step:>16}" for step in STEPS), f"{'in all':>8} {'rows/s':>8} {'peak MiB':>8}")
    fine = True
    for size in sizes:
        command = [sys.executable, __file__, "--one", str(size), *flags]
        ran = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
        total, peak = sum(ran["seconds"].values()), max(ran["peaks"].values())
        cells = (f"{ran['seconds'][s]:.1f} ({ran['peaks'][s]})" if s in ran["seconds"] else "" for s in STEPS)
        print(
            f"{size:>10,}", *(f"{c:>16}" for c in cells), f"{total:>8.1f} {size / total:>8,.0f} {peak:>8,}", flush=True
        )
        fine = fine and peak <= LIMIT
    return fine


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=SIZES)
    parser.add_argument("--in-memory", action="store_true")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        one(given.one, given.in_memory)
        return 0
    fine = table("near-duplicates, decontamination, spool", given.rows, [])
    if given.in_memory:
        table("all examples in a list, unchecked", given.rows, ["--in-memory"])
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())

"""What the stage `Mix` costs, run and published as the worker does, in a process of its own.

python benchmarks/mix_stage.py                      10,000, 100,000 and 1,000,000 rows in one table
python benchmarks/mix_stage.py --rows 10000 100000  other sizes

Seven of ten rows are reference paths, three are corrections from another stage's artifact. Texts are generated with
the lengths of GSM8K's; 0.2 % of the questions are one of 5,000 others with other names and numbers, of which 1,319 are
the test set, and one corrected question in 100 is corrected twice in the same words.
Decontamination and shuffling are on. Rows are made before, by
another process, and on disk: reading them is part of the time, making them is not. The peak is the stage's process's,
from /proc. Exits with 1 when a size needs more than 1 GiB.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from mixing import LIMIT, SIZES, question, text

from lema.base.question_slice import Slice
from lema.base.records import Correction, Question, Solution, Verdict
from lema.base.spec import spec
from lema.data.formats import Format
from lema.lessons.corrections import Corrections
from lema.lessons.cot import Cot
from lema.lessons.data_budget import Budget
from lema.lessons.data_mix import DataMix
from lema.likeness import Decontamination
from lema.running.worker import execute
from lema.stages.mix import Made, Mix, TestSet
from lema.store import Store, Work
from lema.store.durable import write_whole
from lema.store.stage import Inputs, Stage
from lema.tasks.gsm8k import Gsm8k
from lema.verifiers.numbers import Numbers

TESTS = 1319


@spec
class Corrected(Stage):
    """Corrections of `count` generated questions, from number `first` on; every 50th pair of them is equal."""

    kind = "synthetic_corrections"
    first: int
    count: int

    def run(self, inputs: Inputs, work: Work) -> dict[str, Any]:  # noqa: ARG002
        work.write("questions.jsonl", (row for row, _ in self.asked()))
        work.write("paths.jsonl", (wrong(row, sample) for row, times in self.asked() for sample in range(times)))
        work.write("corrections.jsonl", (fixed(row, sample) for row, times in self.asked() for sample in range(times)))
        return {}

    def asked(self) -> Iterator[tuple[Question, int]]:
        """Each question and how many times it is corrected."""
        left, number = self.count, self.first
        while left > 0:
            times = min(left, 2 if number % 100 == 3 else 1)
            yield question(number), times
            left, number = left - times, number + 1


def wrong(row: Question, sample: int) -> Solution:
    said = f"{row.solution}\nStep 9: The answer is 2."
    return Solution(question_id=row.id, reasoner="toy", sample=sample, text=said, verdict=Verdict.WRONG, answer="2")


def fixed(row: Question, sample: int) -> Correction:
    return Correction(
        question_id=row.id,
        solution_id=wrong(row, sample).id,
        corrector="toy",
        step=2,
        explanation="The rest was taken for the whole, and the sum is therefore too large by what was given away.",
        solution=("What is left is half of that.", "So there is one.", "The answer is 1."),
        answer="1",
    )


def gsm8k_rows(rows: Iterator[tuple[str, str]]) -> Iterator[bytes]:
    for asked, solved in rows:
        yield msgspec.json.encode({"question": asked, "answer": f"{solved}\n#### 1"}) + b"\n"


def stage(folder: Path, count: int) -> Mix:
    task = Gsm8k(verifier=Numbers(), path=str(folder / "data"))
    paths = count * 7 // 10
    return Mix(
        task=task,
        cot_questions=Slice(split="train", stop=paths),
        made=(Made(material="corrections", stages=(Corrected(first=paths, count=count - paths),)),),
        data_mix=DataMix(name="all", lessons=(Cot(), Corrections())),
        budget=Budget(),
        format=Format(),
        decontamination=Decontamination(),
        tests=(TestSet(task=task, questions=Slice(split="test")),),
    )


def prepare(folder: Path, count: int) -> None:
    """Write the data set, and make and publish the corrections."""
    (folder / "data").mkdir()
    paths = count * 7 // 10
    train = ((row.text, row.solution) for row in map(question, range(paths)))
    tests = ((text(f"test {n}", f"asked {n}"), "One.") for n in range(TESTS))
    write_whole(folder / "data" / "train.jsonl", gsm8k_rows(train), sync=False)
    write_whole(folder / "data" / "test.jsonl", gsm8k_rows(tests), sync=False)
    execute(Corrected(first=paths, count=count - paths), Store(folder / "store"))


def measure(folder: Path, count: int) -> None:
    """Run the stage in this process and print what it took as a line of JSON."""
    store, mix = Store(folder / "store"), stage(folder, count)
    start = time.perf_counter()
    execute(mix, store)
    seconds = time.perf_counter() - start
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    peak = int(status["VmHWM"].split()[0]) // 1024
    print(json.dumps({"seconds": seconds, "peak": peak, **store.get(mix).summary}))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=SIZES)
    parser.add_argument("--step", choices=["prepare", "measure"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step:
        {"prepare": prepare, "measure": measure}[given.step](given.folder, given.rows[0])
        return 0
    print(f"{'rows':>10} {'seconds':>8} {'rows/s':>8} {'peak MiB':>8} {'s/row, first = 1':>17}   examples, left out")
    first, fine = 0.0, True
    for size in given.rows:
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, __file__, "--folder", folder, "--rows", str(size), "--step"]
            subprocess.run([*command, "prepare"], check=True, stdout=subprocess.DEVNULL)
            ran = subprocess.run([*command, "measure"], check=True, stdout=subprocess.PIPE, text=True).stdout
        took = json.loads(ran.splitlines()[-1])
        first = first or took["seconds"] / size
        growth = took["seconds"] / size / first
        told = f"{took['examples']:,}; {sum(took['leaks'].values()):,} leaks, {took['duplicates']:,} duplicates"
        print(
            f"{size:>10,} {took['seconds']:>8.1f} {size / took['seconds']:>8,.0f} {took['peak']:>8,} {growth:>17.2f}   "
            f"{told}",
            flush=True,
        )
        fine = fine and took["peak"] <= LIMIT
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())

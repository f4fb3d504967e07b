"""Verdicts a second on one core, on recorded GSM8K solutions; beside math-verify where it is installed.

python benchmarks/verdicts.py ../shared/data/gsm8k/model_solutions.jsonl
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from lema.records import Question, Verdict
from lema.verifiers.numbers import Numbers

SOLUTIONS = Path(__file__).parents[2] / "shared" / "data" / "gsm8k" / "model_solutions.jsonl"
Case = tuple[str, Question, bool]


def load(path: Path) -> list[Case]:
    """Text, question and recorded verdict of each solution."""
    cases = []
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        answer = row["ground_truth"].rpartition("A: ")[2]
        question = Question(id=str(row["question_index"]), task="gsm8k", text=row["question"], answer=answer)
        cases.append((row["solution"], question, row["is_correct"]))
    return cases


def measure(name: str, cases: list[Case], right: Callable[[str, Question], bool], repeats: int) -> None:
    start = time.process_time()
    for _ in range(repeats):
        said = [right(text, question) for text, question, _ in cases]
    seconds = time.process_time() - start
    agree = sum(a == recorded for a, (_, _, recorded) in zip(said, cases, strict=True))
    print(f"{name:12} {repeats * len(cases) / seconds:10,.0f} verdicts/s   agrees on {agree:,} of {len(cases):,}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("solutions", type=Path, nargs="?", default=SOLUTIONS)
    parser.add_argument("--repeats", type=int, default=10)
    given = parser.parse_args()
    cases = load(given.solutions)
    numbers = Numbers()
    measure("numbers", cases, lambda text, q: numbers.judge(text, q).verdict is Verdict.RIGHT, given.repeats)
    if find_spec("math_verify") is None:
        print("math-verify is not installed: pip install 'math-verify[antlr4_13_2]'")
        return
    from math_verify import parse, verify

    measure("math-verify", cases, lambda text, q: bool(verify(parse(q.answer), parse(text))), 1)


if __name__ == "__main__":
    main()

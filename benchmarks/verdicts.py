"""Verdicts a second on one core: numbers, LaTeX, choices; math-verify alone on the same pairs; the cost of a bomb.

python benchmarks/verdicts.py [../shared/data]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from lema.base.records import Judgement, Question, Verdict
from lema.verifiers.boxes import last_box
from lema.verifiers.choices import Choices
from lema.verifiers.latex.math_pool import close_pools, pool
from lema.verifiers.latex.verdict import Latex
from lema.verifiers.numbers import Numbers

DATA = Path(__file__).parents[2] / "shared" / "data"
BOMBS = ("9^{9^{9^9}}", "100!!!", "{" * 100_000)
#: Other ways in which models write an answer of MATH.
WRITINGS: tuple[Callable[[str], str], ...] = (
    lambda answer: f"The answer is ${answer}$.",
    lambda answer: f"The answer is \\boxed{{{answer}}}.",
    lambda answer: f"So we get \\boxed{{{answer.replace('frac', 'dfrac')}}}.",
    lambda answer: f"The answer is ${answer} + 0$.",
    lambda answer: f"The answer is ${answer.replace(' ', '')}$.",
)
Case = tuple[str, Question]


def rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def recorded(data: Path) -> list[Case]:
    """Recorded solutions of GSM8K."""
    return [
        (row["solution"], asked(row["ground_truth"].rpartition("A: ")[2]))
        for row in rows(data / "gsm8k" / "model_solutions.jsonl")
    ]


def latex(data: Path, n: int = 2000) -> list[Case]:
    """Answers of MATH, written in other ways, to their own question (right) or to another (mostly wrong)."""
    draw = random.Random(0)
    answers = [last_box(row["solution"]) or "" for row in rows(data / "math" / "test.jsonl")]
    cases = []
    for number in range(n):
        answer = draw.choice(answers)
        gold = answer if number % 2 else draw.choice(answers)
        cases.append((draw.choice(WRITINGS)(answer), asked(gold)))
    return cases


def choices(data: Path) -> list[Case]:
    draw = random.Random(0)
    cases = []
    for row in rows(data / "csqa" / "dev_rand_split.jsonl"):
        texts = tuple(choice["text"] for choice in row["question"]["choices"])
        said = draw.choice([*texts, "(A)", "B", "either (C) or (D)", "unknown"])
        cases.append((f"The answer is {said}.", asked(texts["ABCDE".index(row["answerKey"])], texts)))
    return cases


def asked(answer: str, texts: tuple[str, ...] = ()) -> Question:
    return Question(id="q", task="data", text="", answer=answer, choices=texts)


def cpu() -> float:
    """CPU seconds of this process and of those that it has ended."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def measured(name: str, cases: Sequence[Case], judge: Callable[[str, Question], Judgement | Verdict]) -> list[Verdict]:
    start = cpu()
    found = [verdict_of(judge(text, question)) for text, question in cases]
    close_pools()  # CPU time of a child counts when it has ended
    seconds = cpu() - start
    counts = ", ".join(f"{found.count(verdict):,} {verdict}" for verdict in Verdict)
    print(f"{name:24} {len(cases) / seconds:10,.0f} verdicts/s   {counts}")
    return found


def verdict_of(found: Judgement | Verdict) -> Verdict:
    return found.verdict if isinstance(found, Judgement) else found


def math_verify_alone(text: str, question: Question) -> Verdict:
    """As its README uses it, in this process and in one direction."""
    from math_verify import parse, verify

    right = verify(parse(f"${question.answer}$"), parse(text))
    return Verdict.RIGHT if right else Verdict.WRONG


def beside(data: Path) -> None:
    cases = latex(data)
    ours = measured("LaTeX", cases, Latex().judge)
    math_verify_alone("$1$", asked("1"))  # its import is not counted
    theirs = measured("math-verify alone", cases, math_verify_alone)
    decided = [(o, t, case) for o, t, case in zip(ours, theirs, cases, strict=True) if o is not Verdict.UNDECIDED]
    equal = sum((ours is Verdict.RIGHT) == (theirs is Verdict.RIGHT) for ours, theirs, _ in decided)
    print(f"equal verdicts: {equal:,} of {len(decided):,} decided ones ({equal / len(decided):.1%}); the others:")
    for our, their, (text, question) in decided:
        if (our is Verdict.RIGHT) != (their is Verdict.RIGHT):
            print(f"    {our}, math-verify {their}: {text!r} for {question.answer!r}")


def bombs(limit: float) -> None:
    verifier = Latex(time_limit=limit)
    for bomb in BOMBS:
        pool(1).compare("x", "x", 60)  # a process stands ready, as in a run
        wall, here, all_of_us = time.monotonic(), time.process_time(), cpu()
        verdict = verifier.judge(f"The answer is ${bomb}$.", asked("5x"))
        wall, here = time.monotonic() - wall, time.process_time() - here
        close_pools()
        spent = cpu() - all_of_us
        seconds = f"{wall:.2f} s by the clock, {here:.3f} s of CPU here, {spent:.2f} s with math-verify's process"
        print(f"bomb {bomb[:12]:14} {verdict.verdict}: {seconds}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, nargs="?", default=DATA)
    parser.add_argument("--limit", type=float, default=5.0, help="seconds of one LaTeX comparison, for the bombs")
    given = parser.parse_args()
    measured("numbers", recorded(given.data) * 10, Numbers().judge)
    measured("choices", choices(given.data) * 10, Choices().judge)
    beside(given.data)
    bombs(given.limit)


if __name__ == "__main__":
    main()

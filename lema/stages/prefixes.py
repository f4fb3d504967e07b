"""What a scorer of steps learns from: beginnings of sampled programs, and what became of these (decision 022)."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from pydantic import Field

from lema.base.errors import InputError
from lema.base.records import Example, MadeOf, Question, Solution, Verdict
from lema.base.spec import spec
from lema.data.formats import Format
from lema.likeness import Decontamination
from lema.likeness.decontaminating import Dropped, decontaminate
from lema.pad.forms import Form
from lema.pad.stepping import beginnings
from lema.stages.mix import TestSet
from lema.store import Work
from lema.store.stage import Inputs, Stage

SOURCE = "prefix"


@spec
class Prefixes(Stage):
    """Every beginning of a sampled program that a beam would score, with one word for the whole: `examples.jsonl`; what
    was left out since its question gives a test question away: `dropped.jsonl`.

    Beginnings that several programs of a question share are as many examples, so that what is learned is the share of
    right programs among those (as the Monte-Carlo estimates of Math-Shepherd, arXiv 2312.08935, without further
    samples). A program that fails is one that is not right.

    Args:
        sampled: judged programs of training questions.
        balanced: as many right as other programs of each question, drawn by the seed. The rest is left out, with
            questions that have one sort alone: the word would say how hard a question is, which is the same for all
            lines that a beam compares.
        at_most: examples, drawn by the seed.
    """

    kind = "prefixes"
    sampled: Stage
    form: Form
    format: Format
    right: str
    wrong: str
    comments: bool = False
    balanced: bool = True
    at_most: Annotated[int, Field(ge=1)] | None = None
    seed: int = 0
    decontamination: Decontamination | None = None
    tests: tuple[TestSet, ...] = ()

    def run(self, inputs: Inputs, work: Work) -> dict[str, Any]:
        """Write the examples.

        Raises:
            InputError: there are no right programs, or no others, of any question.
        """
        artifact = inputs(self.sampled)
        questions = {question.id: question for question in artifact.rows("questions.jsonl", Question)}
        dropped = self.leaks(list(questions.values()))
        leaked = {row.question_id for row in dropped}
        programs = [one for one in artifact.rows("solutions.jsonl", Solution) if one.question_id not in leaked]
        right = sum(one.verdict is Verdict.RIGHT for one in programs)
        used = list(self.contrasted(programs)) if self.balanced else programs
        if not used or not 0 < right < len(programs):
            raise InputError(
                f"answering.beam.scorer: {right:,} of the {len(programs):,} sampled programs are right, and a scorer "
                "learns from right and wrong ones" + (" of the same question" if self.balanced else "") + ". Sample "
                "more, at another temperature (scorer.sampling), or on other questions (scorer.questions)."
            )
        made = [example for one in used for example in self.examples(questions[one.question_id], one)]
        kept = made
        if self.at_most is not None and self.at_most < len(made):
            drawn = random.Random(f"prefixes {self.seed}").sample(range(len(made)), self.at_most)
            kept = [made[number] for number in sorted(drawn)]
        work.write("examples.jsonl", kept)
        work.write("dropped.jsonl", dropped)
        words = defaultdict(set)
        for example in made:
            words[example.prompt].add(example.completion)
        return {
            "programs": len(programs),
            "right": right,
            "used": len(used),
            "questions": len({one.question_id for one in used}),
            "prefixes": len(made),
            "different": len(words),
            "of_both": sum(
                len(held) > 1 for held in words.values()
            ),  # that end right in some programs, wrong in others
            "examples": len(kept),
            "share_right": sum(example.completion == self.right for example in kept) / len(kept),
            "leaks": len(leaked),
        }

    def contrasted(self, programs: Sequence[Solution]) -> Iterator[Solution]:
        """As many right as other programs of each question, in their order."""
        asked: dict[str, list[Solution]] = defaultdict(list)
        for one in programs:
            asked[one.question_id].append(one)
        for id_, several in asked.items():
            draw = random.Random(f"balanced {self.seed} {id_}")
            sorts = [[one for one in several if (one.verdict is Verdict.RIGHT) is right] for right in (True, False)]
            fewest = min(map(len, sorts))
            kept = {one.id for sort in sorts for one in draw.sample(sort, fewest)}
            yield from (one for one in several if one.id in kept)

    def examples(self, question: Question, program: Solution) -> list[Example]:
        """One for each line that a beam would score."""
        word = self.right if program.verdict is Verdict.RIGHT else self.wrong
        return [
            Example(
                prompt=self.format.step_prompt(question.text, text),
                completion=word,
                question_id=question.id,
                source=SOURCE,
                made_of=MadeOf(question=question.id, path=program.id),
            )
            for text in beginnings(program.judged, self.form, comments=self.comments)
        ]

    def leaks(self, questions: Sequence[Question]) -> list[Dropped]:
        """Training questions that give a test question away."""
        if self.decontamination is None:
            return []
        tests = [(test.task, test.questions) for test in self.tests]
        rows = ((question.id, question.text, SOURCE) for question in questions)
        return decontaminate(self.decontamination, tests, rows).dropped

"""Stage C.1 of the paper (§2.3): CoT and correction examples, mixed, within a budget."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from lema.blend import Blend, Budget, spend
from lema.formats import Format
from lema.models import Model
from lema.protocols import Task
from lema.records import Correction, Example, Question, Solution
from lema.slices import Slice
from lema.spec import spec
from lema.stage import Inputs, Stage
from lema.steps import from_free_form
from lema.store import Work


@spec
class Mix(Stage):
    """Training examples in the order of training: `examples.jsonl`.

    `tokenizer` is the model whose tokens a token budget counts, and None for other budgets.
    """

    kind = "mix"
    task: Task
    cot_questions: Slice
    corrections: Stage | None
    blend: Blend
    budget: Budget
    format: Format
    tokenizer: Model | None = None
    seed: int = 0

    def run(self, inputs: Inputs, work: Work) -> dict[str, Any]:
        cot = self.cot_examples() if self.blend.cot else []
        corrected = self.correction_examples(inputs) if self.corrections is not None else []
        chosen = spend(self.budget, cot, corrected, self.token_counter(), self.seed)
        work.write("examples.jsonl", chosen)
        sources = Counter(example.source for example in chosen)
        questions = len({example.question_id for example in chosen})
        return {"examples": len(chosen), "questions": questions, "sources": dict(sorted(sources.items()))}

    def cot_examples(self) -> list[Example]:
        """Reference paths of the training questions."""
        where = self.cot_questions
        return [
            self.cot_example(question, self.task.steps(question), "cot")
            for question in self.task.questions(where.split, where.start, where.stop)
        ]

    def cot_example(self, question: Question, steps: list[str], source: str) -> Example:
        return Example(
            prompt=self.format.cot_prompt(question),
            completion=self.format.cot_completion(steps),
            question_id=question.id,
            source=source,
        )

    def correction_examples(self, inputs: Inputs) -> list[Example]:
        """Accepted corrections, as corrections or as the solutions that they contain."""
        assert self.corrections is not None
        artifact = inputs(self.corrections)
        questions = {question.id: question for question in artifact.rows("questions.jsonl", Question)}
        paths = {solution.id: solution for solution in artifact.rows("paths.jsonl", Solution)}
        made = []
        for correction in artifact.rows("corrections.jsonl", Correction):
            question, path = questions[correction.question_id], paths[correction.solution_id]
            wrong = from_free_form(path.text, path.answer)
            if self.blend.corrections == "as_cot":
                whole = [*wrong[: (correction.step or 1) - 1], *correction.solution]
                made.append(self.cot_example(question, whole, "cot_from_correction"))
            else:
                made.append(
                    Example(
                        prompt=self.format.correction_prompt(question, wrong),
                        completion=self.format.correction_completion(correction),
                        question_id=question.id,
                        source="correction",
                    )
                )
        return made

    def token_counter(self) -> Callable[[Example], int]:
        """How many target tokens an example has, by the tokenizer of the model that learns."""
        if self.tokenizer is None:
            return lambda example: len(example.completion)
        from lema.encoding import completion_ids
        from lema.loading import load_tokenizer

        tokenizer = load_tokenizer(self.tokenizer, None)
        return lambda example: len(completion_ids(tokenizer, example.completion))

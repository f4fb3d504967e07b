"""Stage A.2 of the paper (§2.1): corrections of wrong paths, kept iff their final answer is right (Eq. 2)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec
from pydantic import Field

from lema.base.protocols import Corrector, Task
from lema.base.reasoning_steps import from_free_form, number_steps
from lema.base.records import Correction, Question, Solution, Verdict
from lema.base.spec import runtime, since, spec
from lema.store import Work
from lema.store.stage import Inputs, Stage
from lema.synth.exact import flaw
from lema.synth.problem import read_trace

Keep = Literal["answer", "trace"]
#: How a flaw that the trace shows is called where reasons of rejection are counted.
FLAWS = {
    "": "",
    "wrong_step": "other_step_named",
    "wrong_class": "other_class_named",
    "wrong_solution": "unsound_steps",
}
Pair = tuple[Question, Solution]


@spec
class Correct(Stage):
    """Corrections of the wrong paths of a generation: `corrections.jsonl`, `rejected.jsonl`, `paths.jsonl`.

    Paths without an extractable answer are left out: they are failures of format, not of reasoning
    (an open point of the paper). Equal texts of one question are corrected once. `per_question`
    and `limit` bound what a paid teacher is asked. `keep` says what a correction must be to be kept: its answer right
    (the paper), or, of questions with a trace, also the first wrong step named and every step right
    (`lema.synth.exact`).
    """

    kind = "correct"
    needs = "teacher"
    paths: Stage
    task: Task
    corrector: Corrector
    per_question: Annotated[int, Field(ge=1)] | None = None
    limit: Annotated[int, Field(ge=1)] | None = None
    keep: Keep = since("answer")
    part: Annotated[int, Field(ge=1)] = runtime(default=64)

    def run(self, inputs: Inputs, work: Work) -> dict[str, Any]:
        sampled = inputs(self.paths)
        questions = {question.id: question for question in sampled.rows("questions.jsonl", Question)}
        solutions = list(sampled.rows("solutions.jsonl", Solution))
        pairs, left_out = self.select(questions, solutions)
        with self.corrector.open(replies=work.replies) as correct:

            def judged(chunk: Sequence[Pair]) -> list[Correction]:
                drafts = correct(chunk)
                return [self.judge(*pair, draft) for pair, draft in zip(chunk, drafts, strict=True)]

            corrections = work.map("corrections", pairs, judged, Correction, part=self.part, unit="paths")
        accepted = [correction for correction in corrections if not correction.reject]
        work.write("corrections.jsonl", accepted)
        work.write("rejected.jsonl", [correction for correction in corrections if correction.reject])
        work.write("paths.jsonl", [solution for _, solution in pairs])
        corrected = {correction.question_id for correction in accepted}
        work.write("questions.jsonl", [q for q in questions.values() if q.id in corrected])
        return {"funnel": funnel(solutions, left_out, corrections), "errors": errors(accepted)}

    def select(self, questions: dict[str, Question], solutions: Sequence[Solution]) -> tuple[list[Pair], Counter[str]]:
        """The wrong paths to correct, in order, and why other wrong ones are left out."""
        left_out: Counter[str] = Counter()
        seen: set[tuple[str, str]] = set()
        taken: Counter[str] = Counter()
        pairs: list[Pair] = []
        for solution in solutions:
            if solution.verdict is not Verdict.WRONG:
                continue
            text = (solution.question_id, solution.judged)
            if text in seen:
                left_out["duplicate"] += 1
            elif self.per_question is not None and taken[solution.question_id] >= self.per_question:
                left_out["over_per_question"] += 1
            elif self.limit is not None and len(pairs) >= self.limit:
                left_out["over_limit"] += 1
            else:
                pairs.append((questions[solution.question_id], solution))
                taken[solution.question_id] += 1
            seen.add(text)
        return pairs, left_out

    def judge(self, question: Question, path: Solution, draft: Correction) -> Correction:
        """The draft with its answer read, and rejected if that answer is not the reference, or if the trace says so.

        Raises:
            InputError: what is kept is decided by the trace, and the question has none.
        """
        if draft.reject:
            return draft
        found = self.task.verifier.judge(number_steps(draft.solution, first=draft.step or 1), question)
        reject = {
            Verdict.RIGHT: "",
            Verdict.WRONG: "wrong_answer",
            Verdict.NO_ANSWER: "no_closing_answer",
            Verdict.UNDECIDED: "undecided_answer",
        }[found.verdict]
        if not reject and self.keep == "trace":
            reject = FLAWS[flaw(draft, from_free_form(path.judged, path.answer), read_trace(question.trace))]
        return msgspec.structs.replace(draft, answer=found.answer, reject=reject)


def funnel(solutions: Sequence[Solution], left_out: Counter[str], corrections: Sequence[Correction]) -> dict[str, Any]:
    """Counts from sampled paths to accepted corrections; each level sums to the one above."""
    verdicts = Counter(solution.verdict for solution in solutions)
    rejected = Counter(correction.reject for correction in corrections if correction.reject)
    return {
        "sampled": len(solutions),
        **{verdict.value: verdicts[verdict] for verdict in Verdict},
        "left_out": dict(sorted(left_out.items())),
        "corrected": len(corrections),
        "accepted": len(corrections) - rejected.total(),
        "rejected": dict(sorted(rejected.items())),
    }


def errors(accepted: Sequence[Correction]) -> dict[str, int]:
    """Accepted corrections by class of the mistake, where the corrector names it."""
    return dict(Counter(correction.error or "unnamed" for correction in accepted).most_common())

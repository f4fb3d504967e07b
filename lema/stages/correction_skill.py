"""Has a model learned to correct? It is given mistakes and asked for the correction as it was taught to write one.

Corrections that are trained on, and that the trained model cannot write, say nothing of what learning from mistakes
does (decision 030). Asked are held-out mistakes, and some of the model's own training corrections; beside a correction
of a held-out mistake stands a second sample of the same model for the same question, which knows of no mistake.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from pydantic import Field

from lema.answering.answering import Answering, Setting
from lema.answering.path import PATH
from lema.base import prompts
from lema.base.protocols import Complete, Engine, Prompt, Sampling, Task
from lema.base.records import Example, Question, Solution, Verdict
from lema.base.spec import canonical, digest, encode, runtime, spec
from lema.data.correction_wording import Part
from lema.data.formats import Format
from lema.lessons.corrected import HINTED, pairs
from lema.stages.corrected_replies import Case, Corrected, counts, judged_correction
from lema.stages.sampling import checkpoint_of, reasoner_name
from lema.store import Work
from lema.store.stage import Inputs, Stage

LESSON = "correction"  # source of the examples that teach to correct when asked


@spec
class CorrectionSkill(Stage):
    """Corrections by a trained model, of held-out mistakes and of its training set: `corrected.jsonl`; and its second
    samples for the same held-out questions: `again.jsonl`.

    Args:
        mistakes: judged paths of held-out questions; the first wrong one of each question is asked about. One whose
            question the mix has is left out.
        at_most: held-out mistakes.
        mix: what the model was trained on.
        corrections: the stages whose corrections the mix can have.
        taught_at_most: training corrections, the first in the order of training.
        without: parts that the corrections of the mix do not have.
        sampling: of corrections.
        again: of second samples, one a question.
        answering: how second samples are given.
        seed: of second samples.
    """

    kind = "correction_skill"
    needs = "gpu"
    heavy = True
    mistakes: Stage
    at_most: Annotated[int, Field(ge=2)]
    mix: Stage
    corrections: tuple[Stage, ...]
    taught_at_most: Annotated[int, Field(ge=0)]
    task: Task
    engine: Engine
    format: Format
    trained: Stage
    sampling: Sampling
    again: Sampling
    without: tuple[Part, ...] = ()
    answering: Answering = PATH
    seed: int = 0
    part: Annotated[int, Field(ge=1)] = runtime(default=200)

    @property
    def loads(self) -> str | None:
        return digest(encode(canonical([self.engine, self.trained])))

    def run(self, inputs: Inputs, work: Work) -> dict[str, Any]:
        found = list(self.held_out(inputs))
        learned = self.learned(inputs)
        held_out = [case for case in found if case.question.id not in learned]
        taught = list(self.taught(inputs))
        complete = work.session.open(self.engine, checkpoint=checkpoint_of(self.trained, inputs), replies=work.replies)

        def correct(chunk: Sequence[Case]) -> list[Corrected]:
            return self.corrected(chunk, complete)

        rows = work.map("corrected", [*held_out, *taught], correct, Corrected, part=self.part, unit="mistakes")
        again = self.sampled_again([case.question for case in held_out], complete, work)
        work.write("corrected.jsonl", rows)
        work.write("again.jsonl", again)
        return {
            "learned_from": len(found) - len(held_out),
            "again_right": sum(one.verdict is Verdict.RIGHT for one in again),
            **{of: counts([row for row in rows if row.of == of]) for of in ("held_out", "taught")},
            "prompt_tokens": sum(row.prompt_tokens for row in rows) + sum(one.prompt_tokens for one in again),
            "completion_tokens": sum(row.completion_tokens for row in rows)
            + sum(one.completion_tokens for one in again),
        }

    def held_out(self, inputs: Inputs) -> Iterator[Case]:
        """The first wrong path of each question that has one, up to `at_most` of them."""
        artifact = inputs(self.mistakes)
        questions = {question.id: question for question in artifact.rows("questions.jsonl", Question)}
        asked: set[str] = set()
        for path in artifact.rows("solutions.jsonl", Solution):
            if len(asked) == self.at_most:
                return
            if path.verdict is Verdict.WRONG and path.question_id not in asked:
                asked.add(path.question_id)
                yield Case(question=questions[path.question_id], path=path)

    def learned(self, inputs: Inputs) -> set[str]:
        """Ids of the questions that the model was trained on."""
        return {example.question_id for example in inputs(self.mix).rows("examples.jsonl", Example)}

    def taught(self, inputs: Inputs) -> Iterator[Case]:
        """Corrections of the training set, in the order of training."""
        if not self.taught_at_most:
            return
        chosen: dict[str, Example] = {}
        for example in inputs(self.mix).rows("examples.jsonl", Example):
            if example.source.removeprefix(HINTED) == LESSON and example.made_of is not None:
                chosen[example.made_of.correction] = example
                if len(chosen) == self.taught_at_most:
                    break
        cases: dict[str, Case] = {}
        for stage in self.corrections if chosen else ():
            artifact = inputs(stage)
            questions = {question.id: question for question in artifact.rows("questions.jsonl", Question)}
            for path, correction in pairs(artifact):
                if correction.id in chosen:
                    cases[correction.id] = Case(
                        question=questions[path.question_id],
                        path=path,
                        correction=correction,
                        taught=chosen[correction.id].completion,
                    )
        yield from (cases[id_] for id_ in chosen)

    def corrected(self, cases: Sequence[Case], complete: Complete) -> list[Corrected]:
        """Corrections of these paths, read and judged."""
        asked = [
            Prompt(
                id=case.path.id,
                text=self.format.correction_prompt(case.question, case.wrong, self.without),
                chat=self.format.chat,
                seed=prompts.seed(self.seed, case.path.id),
                fields={"question": case.question.text, "solution": case.path.judged},
            )
            for case in cases
        ]
        replies = complete(asked, self.sampling)
        return [
            judged_correction(
                case,
                reply,
                wording=self.format.wording,
                without=self.without,
                verifier=self.task.verifier,
                corrector=self.engine.name,
            )
            for case, (reply,) in zip(cases, replies, strict=True)
        ]

    def sampled_again(self, questions: Sequence[Question], complete: Complete, work: Work) -> list[Solution]:
        """A second answer of the model to each question."""
        setting = Setting(
            task=self.task,
            format=self.format,
            sampling=self.answering.draws(self.again),
            seed=self.seed,
            reasoner=reasoner_name(self.engine, self.trained),
        )
        self.answering.check_engine(self.engine)
        with self.answering.open(setting, complete) as solve:
            samples = work.map("again", questions, solve, Solution, part=self.part, unit="questions")
        several: dict[str, list[Solution]] = {question.id: [] for question in questions}
        for sample in samples:
            several[sample.question_id].append(sample)
        verifier = self.task.verifier
        return [
            one
            for question in questions
            if several[question.id]
            for one in self.answering.settle(question, several[question.id], verifier).solutions
        ]

"""Stage C.1 of the paper (§2.3): CoT and correction examples, mixed, within a budget."""

from __future__ import annotations

import random
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from sys import intern
from typing import Any

from lema.base.errors import InputError
from lema.base.protocols import Task
from lema.base.question_slice import Slice
from lema.base.reasoning_steps import from_free_form
from lema.base.records import Correction, Example, Question, Solution
from lema.base.spec import Spec, since, spec
from lema.data.formats import Format
from lema.lessons.data_mix import Blend, Budget, spend
from lema.lessons.examples import correction_example, path_example, program_example
from lema.likeness import Decontamination
from lema.likeness.decontaminating import Dropped, decontaminate
from lema.lm.model import Model
from lema.stages.synthesise import Written
from lema.store import Artifact, Work
from lema.store.spool import Seen, Spool
from lema.store.stage import Inputs, Stage

COT = ("cot", "augmented", "program")  # sources of examples that are no corrections
REFINEMENT = "refinement"
COUNTED = 1024  # examples whose tokens are counted at once


@spec
class TestSet(Spec):
    """Questions that no training example may give away."""

    kind = "test_set"
    task: Task
    questions: Slice


@spec
class Mix(Stage):
    """Training examples in the order of training: `examples.jsonl`; what was left out as a leak: `dropped.jsonl`.

    `further` are corrections of evolved questions, and `augmented` further right paths. `tokenizer` is the
    model whose tokens a token budget counts, and None for other budgets. Examples are held on disk,
    so that memory grows by some bytes an example only. Of equal paths, and of equal corrections of equal wrong paths
    (an evolved question of two rounds), the first is kept and the others are counted. That does not depend on the
    form that the mix gives to corrections, so that mixes which should have as many of them do.

    `programs` is a synthesis, and `refinements` are repairs of programs that failed, of which the mix takes so many for
    each program (`Blend.refinements`). A mix may need the synthesis for its questions alone (`Blend.cot_on`).
    """

    kind = "mix"
    task: Task
    cot_questions: Slice | None
    corrections: Stage | None
    blend: Blend
    budget: Budget
    format: Format
    tokenizer: Model | None = None
    seed: int = 0
    augmented: Stage | None = since(None)
    further: tuple[Stage, ...] = since(())
    decontamination: Decontamination | None = since(None)
    tests: tuple[TestSet, ...] = since(())
    programs: Stage | None = since(default=None)
    refinements: Stage | None = since(default=None)

    def run(self, inputs: Inputs, work: Work) -> dict[str, Any]:
        artifacts = [inputs(stage) for stage in (self.corrections, *self.further) if stage is not None]
        augmented = None if self.augmented is None else inputs(self.augmented)
        programs = None if self.programs is None else inputs(self.programs)
        refinements = None if self.refinements is None else inputs(self.refinements)
        dropped = self.leaks(augmented, artifacts, programs)
        leaked = {row.question_id for row in dropped}
        sources: list[str] = []
        questions: list[str] = []
        seen = Seen()
        with Spool[Example](work.scratch / "examples.jsonl") as spool:
            made = [self.examples(augmented, artifacts, programs), self.program_examples(programs, refinements)]
            for example, made_of in chain.from_iterable(made):
                if example.question_id not in leaked and seen.new(*made_of):
                    spool.append(example)
                    sources.append(intern(example.source))
                    questions.append(intern(example.question_id))
            chosen = self.choose(sources, self.sizes(spool))
            work.write_chunks("examples.jsonl", spool.chunks(chosen))
        work.write("dropped.jsonl", dropped)
        return {
            "examples": len(chosen),
            "questions": len({questions[number] for number in chosen}),
            "sources": dict(sorted(Counter(sources[number] for number in chosen).items())),
            "duplicates": seen.repeats,
            "leaks": dict(sorted(Counter(row.rule for row in dropped).items())),
        }

    def choose(self, sources: list[str], tokens: Callable[[int], int]) -> list[int]:
        """Numbers of the examples that the budget buys, in the order of training."""
        cot = [number for number, source in enumerate(sources) if source in COT]
        corrections = [number for number, source in enumerate(sources) if source not in (*COT, REFINEMENT)]
        corrections += self.drawn_refinements(sources)
        return spend(self.budget, cot, corrections, tokens, self.seed)

    def drawn_refinements(self, sources: Sequence[str]) -> list[int]:
        """Numbers of the refinements that the mix takes, drawn by the seed.

        Raises:
            InputError: there are too few.
        """
        there = [number for number, source in enumerate(sources) if source == REFINEMENT]
        wanted = round(self.blend.refinements * sum(source == "program" for source in sources))
        if wanted > len(there):
            raise InputError(
                f"data_mix.refinements={self.blend.refinements:g} for each program needs {wanted:,} refinements, and "
                f"there are {len(there):,}. Lower data_mix.refinements, or make more: refinement.per_program, "
                "refinement.sampled."
            )
        return sorted(random.Random(f"refinements {self.seed}").sample(there, wanted))

    def leaks(
        self, augmented: Artifact | None, corrections: Iterable[Artifact], programs: Artifact | None = None
    ) -> list[Dropped]:
        """Training questions that give a test question away, each once."""
        if self.decontamination is None:
            return []
        tests = [(test.task, test.questions) for test in self.tests]
        rows = self.sources_of_questions(augmented, corrections, programs)
        return decontaminate(self.decontamination, tests, rows).dropped

    def sources_of_questions(
        self, augmented: Artifact | None, corrections: Iterable[Artifact], programs: Artifact | None = None
    ) -> Iterator[tuple[str, str, str]]:
        """Id, text and source of every question that examples are made of, each once."""
        seen: set[str] = set()
        told: list[tuple[str, Iterable[Question]]] = [("cot", self.cot_rows())]
        told += [("augmented", augmented.rows("questions.jsonl", Question))] if augmented is not None else []
        told += [("correction", artifact.rows("questions.jsonl", Question)) for artifact in corrections]
        told += [("program", programs.rows("questions.jsonl", Question))] if programs is not None else []
        for source, questions in told:
            for question in questions:
                if question.id not in seen:
                    seen.add(question.id)
                    yield question.id, question.text, source

    def cot_rows(self) -> list[Question]:
        """Questions whose reference paths are trained on."""
        where = self.cot_questions
        if where is None or not self.blend.cot:
            return []
        return self.task.questions(where.split, where.start, where.stop)

    def examples(
        self, augmented: Artifact | None, corrections: Iterable[Artifact], programs: Artifact | None = None
    ) -> Iterator[tuple[Example, Sequence[str]]]:
        """Every example of paths and corrections, before any budget, with the texts that decide whether two are made of
        the same."""
        taken = None if self.blend.cot_on == "all" else {row.id for row in of_programs(programs)}
        first = 0 if self.blend.target == "path" else -1  # the last step alone is the answer
        for question in self.cot_rows():
            if taken is None or question.id in taken:
                example = path_example(self.format, question, self.task.steps(question)[first:], "cot")
                yield example, ("path", example.prompt, example.completion)
        if augmented is not None and self.blend.cot:
            asked = {question.id: question for question in augmented.rows("questions.jsonl", Question)}
            for path in augmented.rows("paths.jsonl", Solution):
                if taken is not None and path.question_id not in taken:
                    continue
                steps = from_free_form(path.text, path.answer)[first:]
                example = path_example(self.format, asked[path.question_id], steps, "augmented")
                yield example, ("path", example.prompt, example.completion)
        for artifact in corrections:
            asked = {question.id: question for question in artifact.rows("questions.jsonl", Question)}
            for path, correction in corrected(artifact):
                wrong = from_free_form(path.text, path.answer)
                question = asked[path.question_id]
                example = correction_example(self.format, self.blend, question, wrong, correction)
                step = str(correction.step)
                yield example, (question.text, path.text, step, correction.explanation, *correction.solution)

    def program_examples(
        self, programs: Artifact | None, refinements: Artifact | None
    ) -> Iterator[tuple[Example, Sequence[str]]]:
        """Every program, then every repair of one, as examples."""
        if programs is None or not self.blend.programs:
            return
        asked = {question.id: question for question in of_programs(programs)}
        for row in programs.rows("programs.jsonl", Written):
            example = program_example(self.format, asked[row.question_id], row.text)
            yield example, ("program", example.prompt, example.completion)
        for repair in refinements.rows("refinements.jsonl", Example) if refinements is not None else ():
            yield repair, ("refinement", repair.prompt, repair.completion)

    def sizes(self, spool: Spool[Example]) -> Callable[[int], int]:
        """How many target tokens each example has, by the tokenizer of the model that learns."""
        if self.tokenizer is None:
            return lambda _: 0
        from lema.lm.encoding import encode
        from lema.lm.loading import load_tokenizer

        tokenizer = load_tokenizer(self.tokenizer, None)
        sizes = array("Q")
        for start in range(0, len(spool), COUNTED):
            rows = spool.rows(range(start, min(start + COUNTED, len(spool))), Example)
            sizes.extend(example.targets for example in encode(tokenizer, list(rows), chat=self.format.chat))
        return sizes.__getitem__


def of_programs(programs: Artifact | None) -> Iterator[Question]:
    """The questions of a synthesis that have a program."""
    return iter(()) if programs is None else programs.rows("questions.jsonl", Question)


def corrected(artifact: Artifact) -> Iterator[tuple[Solution, Correction]]:
    """Each accepted correction with its path; both files are in one order, so that neither is held."""
    paths = artifact.rows("paths.jsonl", Solution)
    for correction in artifact.rows("corrections.jsonl", Correction):
        yield next(path for path in paths if path.id == correction.solution_id), correction

"""Stage C.1 of the paper (§2.3): the examples of a mix's lessons, within a budget."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from sys import intern
from typing import Any

from lema.base.protocols import Task
from lema.base.question_slice import Slice
from lema.base.records import Example, Question
from lema.base.spec import Spec, since, spec
from lema.data.formats import Format
from lema.lessons.data_budget import Budget, spend
from lema.lessons.data_mix import DataMix
from lema.lessons.lesson import Material, MaterialName
from lema.likeness import Decontamination
from lema.likeness.decontaminating import Dropped, decontaminate
from lema.lm.model import Model
from lema.store import Artifact, Work
from lema.store.spool import Seen, Spool
from lema.store.stage import Inputs, Stage

QUESTIONS = "questions.jsonl"
COUNTED = 1024  # examples whose tokens are counted at once
#: How questions of a material are called where they are left out as leaks.
SOURCES = {"right_paths": "augmented", "corrections": "correction", "programs": "program"}


@spec
class TestSet(Spec):
    """Questions that no training example may give away."""

    kind = "test_set"
    task: Task
    questions: Slice


@spec
class Made(Spec):
    """The stages that make one of the materials that lessons need, in the order in which it is taught."""

    kind = "made"
    material: MaterialName
    stages: tuple[Stage, ...]


@spec
class Mix(Stage):
    """Training examples in the order of training: `examples.jsonl`; what was left out as a leak: `dropped.jsonl`.

    `cot_questions` are questions whose reference paths are right paths too. `tokenizer` is the model whose tokens a
    token budget counts, and None for other budgets. Examples are held on disk, so that memory grows by some bytes an
    example only. Of what is made of the same (equal paths; equal corrections of equal wrong paths, as an evolved
    question of two rounds can have), a lesson teaches the first, and the others are counted. Examples that say the same
    for another reason (a reference path, and a correction's solution) all stay, and those beyond the first are counted
    as `same_text`: they are no new text, but the same once more.
    """

    kind = "mix"
    version = 2
    task: Task
    data_mix: DataMix
    budget: Budget
    format: Format
    made: tuple[Made, ...] = ()
    cot_questions: Slice | None = None
    tokenizer: Model | None = None
    seed: int = 0
    decontamination: Decontamination | None = since(None)
    tests: tuple[TestSet, ...] = since(())

    def run(self, inputs: Inputs, work: Work) -> dict[str, Any]:
        material = self.material(inputs)
        dropped = self.leaks(material)
        leaked = {row.question_id for row in dropped}
        lessons = array("H")  # of each example
        sources: list[str] = []
        questions: list[str] = []
        texts = array("Q")  # of each example, a digest of what is learned
        seen = Seen()
        with Spool[Example](work.scratch / "examples.jsonl") as spool:
            for number, lesson in enumerate(self.data_mix.lessons):
                for example, same in lesson.examples(material, self.format):
                    if example.question_id not in leaked and seen.new(lesson.kind, *same):
                        spool.append(example)
                        lessons.append(number)
                        sources.append(intern(example.source))
                        questions.append(intern(example.question_id))
                        texts.append(int(example.id[:16], 16))
            chosen = self.choose(lessons, self.sizes(spool))
            work.write_chunks("examples.jsonl", spool.chunks(chosen))
        work.write("dropped.jsonl", dropped)
        return {
            "examples": len(chosen),
            "questions": len({questions[number] for number in chosen}),
            "sources": dict(sorted(Counter(sources[number] for number in chosen).items())),
            "duplicates": seen.repeats,
            "same_text": len(chosen) - len({texts[number] for number in chosen}),
            "leaks": dict(sorted(Counter(row.rule for row in dropped).items())),
        }

    def material(self, inputs: Inputs) -> Material:
        """What the lessons are given."""
        where = self.cot_questions
        return Material(
            task=self.task,
            reference=[] if where is None else self.task.questions(where.split, where.start, where.stop),
            artifacts={one.material: [inputs(stage) for stage in one.stages] for one in self.made},
        )

    def choose(self, lessons: array[int], tokens: Callable[[int], int]) -> list[int]:
        """Numbers of the examples that the budget buys, in the order of training.

        Args:
            lessons: the number of each example's lesson.
            tokens: target tokens of an example, by its number.
        """
        kinds = [lesson.kind for lesson in self.data_mix.lessons]
        taught = Counter(kinds[number] for number in lessons)
        of: dict[str, list[int]] = {"cot": [], "corrections": []}
        for own, lesson in enumerate(self.data_mix.lessons):
            there = [number for number, lesson_of in enumerate(lessons) if lesson_of == own]
            of[lesson.counts_as] += lesson.drawn(there, taught, self.seed)
        return spend(self.budget, of["cot"], of["corrections"], tokens, self.seed)

    def leaks(self, material: Material) -> list[Dropped]:
        """Training questions that give a test question away, each once."""
        if self.decontamination is None:
            return []
        tests = [(test.task, test.questions) for test in self.tests]
        return decontaminate(self.decontamination, tests, self.sources_of_questions(material)).dropped

    def sources_of_questions(self, material: Material) -> Iterator[tuple[str, str, str]]:
        """Id, text and source of every question that examples are made of, each once."""
        seen: set[str] = set()
        told: list[tuple[str, Iterable[Question]]] = [("cot", material.reference)]
        for name, artifacts in material.artifacts.items():
            told += [(SOURCES.get(name, name), asked(artifact)) for artifact in artifacts]
        for source, questions in told:
            for question in questions:
                if question.id not in seen:
                    seen.add(question.id)
                    yield question.id, question.text, source

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


def asked(artifact: Artifact) -> Iterator[Question]:
    """The questions of an artifact; none where it is made of another's."""
    return artifact.rows(QUESTIONS, Question) if QUESTIONS in artifact.manifest.files else iter(())

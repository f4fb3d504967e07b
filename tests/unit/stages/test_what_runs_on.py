"""A path that runs on, or was thought in tags first: what was judged is what is corrected, learned and compared."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from toys.lab import run_stage

from lema.base.protocols import Engine, Sampling
from lema.base.question_slice import Slice
from lema.base.records import Correction, Example, Solution, Verdict
from lema.correctors.teacher import Teacher
from lema.data.formats import Format
from lema.discrimination.asking import Asking
from lema.engines.scripted import Scripted
from lema.lessons.corrections import Corrections
from lema.lessons.cot import Cot
from lema.lessons.cot_from_corrections import CotFromCorrections
from lema.lessons.data_budget import Budget
from lema.lessons.data_mix import DataMix
from lema.lessons.mistake_in_target import MistakeInTarget
from lema.lessons.resume import Resume
from lema.lm.model import Model
from lema.stages.augment import Augment
from lema.stages.correct import Correct
from lema.stages.delta_ppl import DeltaPerplexity
from lema.stages.discriminate import Discriminate
from lema.stages.generate import Generate
from lema.stages.mix import Made, Mix
from lema.store import Artifact, Store
from lema.store.stage import Stage
from lema.tasks.gsm8k import Gsm8k
from lema.verifiers.numbers import Numbers

RIGHT = "Step 1: 2 + 2 = 4 pens.\nStep 2: The answer is 4."
WRONG = "Step 1: 2 + 2 = 5 pens.\nStep 2: The answer is 5."
BEHIND = "\n\nQuestion: How many stars are on it?\nAnswer:\nStep 1: 30 + 20 = 50 stars.\nStep 2: The answer is 50."
THOUGHT = "<think>Perhaps 50 stars. So the answer is 50.</think>\n"
REPLY = " Step 1.\nExplanation: 2 + 2 is 4.\nCorrect Solution:\n{\nStep 1: 2 + 2 = 4.\nStep 2: The answer is 4.\n}"
RULES = (("pens does Ann", RIGHT + BEHIND), ("pens does Bob", WRONG + BEHIND), ("pens does Cid", THOUGHT + WRONG))
FORM = Format()


@dataclass
class Way:
    """Stages in a store; calling it with one runs that and what it needs."""

    store: Store
    task: Gsm8k
    paths: Generate
    correct: Correct
    augment: Augment

    def __call__(self, stage: Stage) -> Artifact:
        run_stage(self.store, stage)
        return self.store.get(stage)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Way:
    folder = tmp_path_factory.mktemp("running-on")
    names = ("Ann", "Bob", "Cid")
    rows = [{"question": f"How many pens does {name} have?", "answer": "Two and two.\n#### 4"} for name in names]
    (folder / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    task = Gsm8k(verifier=Numbers(), path=str(folder))
    # A teacher that is shown what runs on answers with that.
    engine: Engine = Scripted(rules=(("stars", "I see them."),), default=REPLY)
    paths = Generate(
        task=task, questions=Slice(split="train"), engine=Scripted(rules=RULES), format=FORM, sampling=Sampling()
    )
    correct = Correct(paths=paths, task=task, corrector=Teacher(engine=engine))
    augment = Augment(paths=paths, task=task)
    return Way(store=Store(folder / "store"), task=task, paths=paths, correct=correct, augment=augment)


def test_a_solution_keeps_its_text_and_which_stretch_of_it_was_judged(made: Way) -> None:
    ann, bob, cid = made(made.paths).rows("solutions.jsonl", Solution)
    assert (ann.verdict, ann.judged, ann.text) == (Verdict.RIGHT, RIGHT, RIGHT + BEHIND)
    assert (bob.verdict, bob.answer, bob.judged, cid.judged) == (Verdict.WRONG, "5", WRONG, WRONG)
    assert ann.stretch == (0, len(RIGHT)) and cid.stretch == (len(THOUGHT), len(THOUGHT + WRONG))


def test_rows_that_were_written_before_are_judged_whole() -> None:
    row = {"question_id": "q", "reasoner": "m", "sample": 0, "text": "The answer is 4.", "verdict": "right"}
    old = msgspec.json.decode(json.dumps(row), type=Solution)
    assert old.stretch is None and old.judged == "The answer is 4."


def test_a_teacher_is_shown_what_was_judged(made: Way) -> None:
    accepted = list(made(made.correct).rows("corrections.jsonl", Correction))
    assert [correction.step for correction in accepted] == [1, 1]


def test_no_lesson_teaches_what_ran_on(made: Way) -> None:
    made(made.augment), made(made.correct)
    lessons = (Cot(), Corrections(), CotFromCorrections(), MistakeInTarget(), Resume())
    mix = Mix(
        task=made.task,
        data_mix=DataMix(name="all", lessons=lessons),
        budget=Budget(),
        format=FORM,
        made=(
            Made(material="right_paths", stages=(made.augment,)),
            Made(material="corrections", stages=(made.correct,)),
        ),
    )
    examples = list(made(mix).rows("examples.jsonl", Example))
    assert sorted({example.source for example in examples}) == [
        "augmented", "correction", "cot_from_correction", "mistake_in_target", "resume"
    ]  # fmt: skip
    for example in examples:
        assert "50" not in example.prompt + example.completion and "stars" not in example.completion
    (augmented,) = (example.completion for example in examples if example.source == "augmented")
    assert augmented == RIGHT


def test_delta_ppl_and_picks_are_of_what_was_judged(made: Way) -> None:
    made(made.correct)
    delta = DeltaPerplexity(corrections=made.correct, model=Model(name="tiny", shipped="tiny"), format=FORM)
    assert [(pair.wrong, "50" in pair.right) for pair in delta.pairs(made.store.get)] == [(WRONG, False)] * 2
    picks = Discriminate(
        candidates=made.paths,
        task=made.task,
        engine=Scripted(),
        format=FORM,
        asking=Asking(read_out="likelihood", view="full_solution", shots=0),
    )
    (ann, *_) = made(made.paths).rows("solutions.jsonl", Solution)
    (question, *_) = made.task.questions("train")
    assert picks.case(0, question, [ann], []).texts == (RIGHT,)


def test_equal_paths_that_run_on_differently_are_one(tmp_path: Path, made: Way) -> None:
    other = msgspec.structs.replace(next(iter(made(made.paths).rows("solutions.jsonl", Solution))), sample=1)
    longer = msgspec.structs.replace(other, sample=2, text=RIGHT + BEHIND + BEHIND)
    wrong = [msgspec.structs.replace(one, verdict=Verdict.WRONG) for one in (other, longer)]
    questions = {question.id: question for question in made.task.questions("train")}
    assert len(made.augment.select(questions, [other, longer])[0]) == 1
    assert len(made.correct.select(questions, wrong)[0]) == 1

"""Training sets of the paper's Fig. 4 and Fig. 12 on a handful of questions, every example written out by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from conftest import ROOT
from toys.lab import LastWord, run_stage

from lema.base.protocols import Complete, Prompt, Reply, Sampling, Verifier
from lema.base.protocols import Correct as Correcting
from lema.base.question_slice import Slice
from lema.base.records import Correction, Example, Question, Solution
from lema.base.spec import Spec, spec
from lema.config.config import build
from lema.data.formats import Format
from lema.lessons.cot import Cot
from lema.lessons.data_budget import TOLERANCE, Budget
from lema.lessons.data_mix import DataMix
from lema.lm.encoding import encode
from lema.lm.loading import load_tokenizer
from lema.lm.model import Model
from lema.stages.correct import Correct
from lema.stages.generate import Generate
from lema.stages.mix import Made, Mix
from lema.store import Store
from lema.tasks.gsm_synth import GsmSynth
from lema.verifiers.integers import Integers

#: Five questions; the model is right on the first three, and wrong in the second step on the last two.
ASKED = {
    "q1": ("1 + 1?", "2"),
    "q2": ("2 + 2?", "4"),
    "q3": ("3 + 3?", "6"),
    "q4": ("4 + 4?", "8"),
    "q5": ("5 + 5?", "10"),
}
WRONG = {"4 + 4?": "9", "5 + 5?": "11"}


@spec
class Five(Spec):
    kind = "five"
    name: str = "five"
    splits: tuple[str, ...] = ("train",)
    test_split: str = "train"

    @property
    def verifier(self) -> Verifier:
        return LastWord()

    def questions(self, split: str, start: int = 0, stop: int | None = None) -> list[Question]:
        made = [Question(id=id_, task="five", text=text, answer=answer) for id_, (text, answer) in ASKED.items()]
        return made[start:stop]

    def steps(self, question: Question) -> list[str]:
        return [f"Sum up {question.text[:-1]}.", f"The answer is {question.answer}."]


@spec
class Slips(Spec):
    """One path a question: two steps of work, of which the second may slip."""

    kind = "slips"
    name: str = "slips"

    @contextmanager
    def open(self, *, checkpoint: Path | None = None, replies: Path | None = None) -> Iterator[Complete]:
        def complete(prompts: Sequence[Prompt], sampling: Sampling) -> list[list[Reply]]:
            return [[self.reply(prompt.fields["question"])] for prompt in prompts]

        yield complete

    def reply(self, question: str) -> Reply:
        said = WRONG.get(question) or next(answer for text, answer in ASKED.values() if text == question)
        text = f"Step 1: Take {question[0]}.\nStep 2: Twice is {said}.\nStep 3: The answer is {said}."
        return Reply(text=text, prompt_tokens=1, completion_tokens=1)


@spec
class Mends(Spec):
    """The second step is wrong, and two steps follow in its place."""

    kind = "mends"
    name: str = "mends"

    @contextmanager
    def open(self, *, replies: Path | None = None) -> Iterator[Correcting]:
        def correct(pairs: Sequence[tuple[Question, Solution]]) -> list[Correction]:
            return [
                Correction(
                    question_id=question.id,
                    solution_id=path.id,
                    corrector="mends",
                    step=2,
                    explanation="One too many.",
                    solution=(f"Twice is {question.answer}.", f"The answer is {question.answer}."),
                )
                for question, path in pairs
            ]

        yield correct


def mix(tmp_path: Path, name: str, budget: Budget | None = None) -> list[Example]:
    """The training set of conf/data_mix/`name`, by the real stages."""
    generate = Generate(
        task=Five(), questions=Slice(split="train"), engine=Slips(), format=Format(), sampling=Sampling(temperature=0.7)
    )
    correct = Correct(paths=generate, task=Five(), corrector=Mends())
    data_mix = build(yaml.safe_load((ROOT / "conf" / "data_mix" / f"{name}.yaml").read_text()), "data_mix")
    assert isinstance(data_mix, DataMix)
    stage = Mix(
        task=Five(),
        cot_questions=Slice(split="train"),
        made=(Made(material="corrections", stages=(correct,)),) if "corrections" in data_mix.needs else (),
        data_mix=data_mix,
        budget=budget or Budget(),
        format=Format(),
    )
    store = Store(tmp_path / "store")
    run_stage(store, stage)
    return list(store.get(stage).rows("examples.jsonl", Example))


def told(examples: Sequence[Example]) -> Counter[tuple[str, str]]:
    return Counter((example.question_id, example.completion) for example in examples)


#: By hand. Reference solutions, in numbered steps.
COT = {
    ("q1", "Step 1: Sum up 1 + 1.\nStep 2: The answer is 2."),
    ("q2", "Step 1: Sum up 2 + 2.\nStep 2: The answer is 4."),
    ("q3", "Step 1: Sum up 3 + 3.\nStep 2: The answer is 6."),
    ("q4", "Step 1: Sum up 4 + 4.\nStep 2: The answer is 8."),
    ("q5", "Step 1: Sum up 5 + 5.\nStep 2: The answer is 10."),
}
#: The untouched first step of the wrong path, then the corrected ones.
EXTRACTED = {
    ("q4", "Step 1: Take 4.\nStep 2: Twice is 8.\nStep 3: The answer is 8."),
    ("q5", "Step 1: Take 5.\nStep 2: Twice is 10.\nStep 3: The answer is 10."),
}
#: Wrong step, reason, corrected steps: behind the cue that ends the input.
CORRECTIONS = {
    ("q4", " Step 2.\nReason: One too many.\nCorrect solution:\nStep 2: Twice is 8.\nStep 3: The answer is 8."),
    ("q5", " Step 2.\nReason: One too many.\nCorrect solution:\nStep 2: Twice is 10.\nStep 3: The answer is 10."),
}


def test_lema_45k_is_all_cot_and_all_corrections(tmp_path: Path) -> None:
    assert told(mix(tmp_path, "cot_and_corrections")) == Counter([*COT, *CORRECTIONS])


def test_cot_45k_is_all_cot_and_the_solutions_that_the_corrections_contain(tmp_path: Path) -> None:
    examples = mix(tmp_path, "cot_matched")
    assert told(examples) == Counter([*COT, *EXTRACTED])
    assert all("Twice is 9" not in e.prompt + e.completion for e in examples)


def test_lema_32k_has_as_many_rows_as_cot_32k_and_keeps_every_correction(tmp_path: Path) -> None:
    cot = mix(tmp_path, "cot")
    assert told(cot) == Counter(COT)
    lema = told(mix(tmp_path, "cot_and_corrections", Budget(examples="cot")))
    assert lema.total() == len(cot) == 5
    assert set(lema) >= CORRECTIONS
    assert len(set(lema) & COT) == 3 and max(lema.values()) == 1
    assert lema == told(mix(tmp_path, "cot_and_corrections", Budget(examples=5)))


#: Fig. 12: what is left of q4's correction.
LEFT = {
    "without_step": " One too many.\nCorrect solution:\nStep 2: Twice is 8.\nStep 3: The answer is 8.",
    "without_explanation": " Step 2.\nCorrect solution:\nStep 2: Twice is 8.\nStep 3: The answer is 8.",
    "without_solution": " Step 2.\nReason: One too many.",
    "in_target": "Step 1: Take 4.\nStep 2: Twice is 9.\nWrong step: Step 2.\nReason: One too many.\n"
    "Correct solution:\nStep 2: Twice is 8.\nStep 3: The answer is 8.",
    "changed_steps": " Step 2.\nReason: One too many.\nCorrect solution:\n"
    "Step 2: Twice is 8.\nStep 3: The answer is 8.",
}


@pytest.mark.parametrize("name", LEFT)
def test_a_control_changes_what_it_says_and_leaves_cot_alone(name: str, tmp_path: Path) -> None:
    examples = mix(tmp_path, name)
    assert {pair for pair in told(examples) if pair in COT} == COT and len(examples) == 7
    (changed,) = [e.completion for e in examples if e.question_id == "q4" and e.source != "cot"]
    assert changed == LEFT[name]


@pytest.mark.parametrize(
    ("name", "unlearned"), [("in_target", ""), ("in_target_masked", "Step 2: Twice is 9."), ("without_step", "")]
)
def test_what_is_not_learned_is_what_the_mix_says(name: str, unlearned: str, tmp_path: Path) -> None:
    (example,) = [e for e in mix(tmp_path, name) if e.question_id == "q4" and e.source != "cot"]
    assert "".join(example.completion[start:end] for start, end in example.unlearned).strip() == unlearned


def test_nothing_but_changed_steps_is_learned_of_a_correction(tmp_path: Path) -> None:
    for example in mix(tmp_path, "changed_steps"):
        hidden = "".join(example.completion[start:end] for start, end in example.unlearned)
        assert ("Twice" not in hidden and "Reason" in hidden) if example.source == "correction" else hidden == ""


@pytest.mark.parametrize("wanted", [3_000, 7_500])
def test_a_token_budget_is_met_to_half_a_percent_by_the_models_own_tokens(wanted: int, tmp_path: Path) -> None:
    tiny = build(yaml.safe_load((ROOT / "conf" / "model" / "tiny.yaml").read_text()), "model")
    assert isinstance(tiny, Model)
    stage = Mix(
        task=GsmSynth(verifier=Integers()),
        cot_questions=Slice(split="train", stop=200),
        data_mix=DataMix(name="cot", lessons=(Cot(),)),
        budget=Budget(target_tokens=wanted),
        format=Format(),
        tokenizer=tiny,
    )
    store = Store(tmp_path / "store")
    run_stage(store, stage)
    rows = list(store.get(stage).rows("examples.jsonl", Example))
    spent = sum(example.targets for example in encode(load_tokenizer(tiny, None), rows, chat=False))
    assert wanted * (1 - TOLERANCE) <= spent <= wanted

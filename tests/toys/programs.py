"""A student of programs in a second: an engine that writes right, wrong and broken ones, and learns nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lema.answering.program import RunProgram
from lema.base.protocols import Complete, Prompt, Reply, Sampling
from lema.base.question_slice import Slice
from lema.base.records import Question
from lema.base.spec import Spec, spec
from lema.experiment.experiment import Experiment
from lema.experiment.refinement import Refinement
from lema.experiment.sections import Evaluation
from lema.experiment.synthesis import Synthesis
from lema.lessons.answers import Answers
from lema.lessons.cot import Cot
from lema.lessons.data_budget import Budget
from lema.lessons.data_mix import DataMix
from lema.lessons.programs import Programs
from lema.lessons.repairs import Repairs
from lema.pad.demos import program_of
from lema.pad.teachers import Traces
from lema.programs.sandbox import Sandbox
from lema.synth.draw import Draw
from lema.tasks.gsm_synth import GsmSynth
from lema.verifiers.integers import Integers
from toys.lab import ToyTrainer
from toys.lab import experiment as toy_experiment

TASK = GsmSynth(verifier=Integers())
BODY = RunProgram(form="body", sandbox=Sandbox(workers=1))
PROGRAMS = DataMix(name="programs", lessons=(Programs(),))
REFINED = DataMix(name="programs_and_refinements", lessons=(Programs(), Repairs(refinements=0.5)))
SAME_QUESTIONS = DataMix(name="paths_on_programs", lessons=(Cot(questions="with_programs"),))
ANSWERS = DataMix(name="answers_on_programs", lessons=(Answers(questions="with_programs"),))


def broken(right: str, kind: str) -> str:
    """A program that fails with this class, or gives a wrong value."""
    match kind:
        case "wrong":
            return f"{right}\nAnswer = Answer + 1"
        case "NameError":
            return f"{right}\nAnswer = Answer + Nobody"
        case "UnboundLocalError":
            return f"Omar = Answer + 1\n{right}"
        case "SyntaxError":
            return f"{right}\nAnswer ="
    return right


@spec
class Programmer(Spec):
    """Answers questions of splits that it knows: each program is right or has one of the faults, by the prompt's seed.

    Asked for a repair, it writes the right program; a stubborn one writes the same broken program again.
    """

    kind = "programmer"
    name: str = "programmer"
    faults: tuple[str, ...] = ("right", "wrong", "NameError", "UnboundLocalError", "SyntaxError")
    stubborn: bool = False

    @contextmanager
    def open(self, *, checkpoint: Path | None = None, replies: Path | None = None) -> Iterator[Complete]:
        known = {q.text: q for split in ("train", "test") for q in TASK.questions(split, 0, 60)}

        def complete(prompts: Sequence[Prompt], sampling: Sampling) -> list[list[Reply]]:
            return [
                [self.reply(prompt, known[prompt.fields["question"]], sample) for sample in range(sampling.n)]
                for prompt in prompts
            ]

        yield complete

    def reply(self, prompt: Prompt, question: Question, sample: int) -> Reply:
        right = program_of(question, "body") or "Answer = 0"
        fault = Draw(question.id, sample).pick(self.faults)
        if "Wrong solution" in prompt.text:
            fault = fault if self.stubborn else "right"
        return Reply(text=broken(right, fault), prompt_tokens=10, completion_tokens=5)


def experiment(mix: DataMix, seed: int = 0, **changed: Any) -> Experiment:
    """One point: programs of 40 questions, scored on 30."""
    fields: dict[str, Any] = {
        "task": TASK,
        "data_mix": mix,
        "data_budget": Budget(),
        "trainer": ToyTrainer(),
        "cot_questions": Slice(split="train", stop=40),
        "answering": BODY,
        "synthesis": Synthesis(
            questions=Slice(split="train", stop=40), teacher=Traces(variants=6, wrong=0.2, broken=0.1)
        ),
        "refinement": Refinement(sampled=Sampling(n=2, temperature=0.7)),
        "evaluation": Evaluation(
            questions=Slice(split="test", stop=30),
            engine=Programmer(),
            sampling=Sampling(),
            base=False,
        ),
    }
    return toy_experiment("cot", seed, **{**fields, **changed})

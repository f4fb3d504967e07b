"""Programs of generated problems: right in every variant, and in words that the shipped model has."""

from __future__ import annotations

import itertools

import pytest
from toys.programs import BODY, TASK

from lema.base.records import Verdict
from lema.data.program_wording import told
from lema.pad.executing import Executing
from lema.pad.forms import Form, source, written
from lema.pad.judging import judge
from lema.programs.program import Outcome, Status
from lema.synth.problem import read_trace
from lema.synth.programs import VARIANTS, program_lines
from lema.synth.tokenizer import build_tokenizer
from lema.tasks.gsm_synth import GsmSynth
from lema.verifiers.integers import Integers

HARD = GsmSynth(verifier=Integers(), difficulty="hard")


@pytest.mark.parametrize(("form", "naming"), [("function", "snake"), ("body", "words")])
@pytest.mark.parametrize("task", [TASK, HARD], ids=["default", "hard"])
def test_every_variant_of_every_problem_gives_its_answer(task: GsmSynth, form: Form, naming: str) -> None:
    questions = [(question, variant) for question in task.questions("train", 0, 12) for variant in range(VARIANTS)]
    lines = [program_lines(read_trace(question.trace), variant, naming) for question, variant in questions]  # type: ignore[arg-type]
    told = [(question, written(one, form)) for (question, _), one in zip(questions, lines, strict=True) if one]
    assert len(told) > (0.9 if task is TASK or form == "function" else 0.4) * len(questions)
    executing = Executing(form=form, sandbox=BODY.sandbox)
    with BODY.sandbox.open() as run:
        outcomes = executing.run(run, [text for _, text in told])
    verdicts = {
        judge(o, question, task.verifier, "exact").verdict for o, (question, _) in zip(outcomes, told, strict=True)
    }
    assert verdicts == {Verdict.RIGHT}


def test_bodies_come_back_from_the_shipped_tokenizer_to_the_letter_and_cost_less_than_paths() -> None:
    tokenizer = build_tokenizer()
    programs, paths = 0, 0
    for question, variant in itertools.product(TASK.questions("train", 0, 60), range(VARIANTS)):
        lines = program_lines(read_trace(question.trace), variant, "words")
        if lines is None:
            continue
        ids = tokenizer(written(lines, "body"), add_special_tokens=False)["input_ids"]
        assert tokenizer.unk_token_id not in ids and tokenizer.decode(ids) == written(lines, "body")
        programs += len(ids)
        paths += len(tokenizer(question.solution, add_special_tokens=False)["input_ids"])
    assert programs < 0.75 * paths


@pytest.mark.parametrize("error", ["NameError", "UnboundLocalError", "SyntaxError", "ZeroDivisionError"])
def test_what_the_shipped_model_is_told_of_a_failure_is_in_its_words(error: str) -> None:
    tokenizer = build_tokenizer()
    outcome = Outcome(status=Status.ERROR, level="fresh", error=error, message="name 'Mia' is not defined", line=3)
    said = f"Reason: {told('brief', outcome)}\n"
    ids = tokenizer(said, add_special_tokens=False)["input_ids"]
    assert tokenizer.decode(ids) == said and tokenizer.unk_token_id not in ids


def test_variants_differ_in_names_of_given_numbers_of_the_answer_and_in_the_order_of_sums() -> None:
    question = next(q for q in TASK.questions("train", 0, 50) if "+" in q.solution)
    problem = read_trace(question.trace)
    made = [program_lines(problem, variant, "snake") for variant in range(VARIANTS)]
    assert len({source(written(lines, "function"), "function") for lines in made if lines}) == VARIANTS


def test_the_first_variants_have_a_line_for_each_sentence_that_matters_in_the_order_of_the_problem() -> None:
    for question in TASK.questions("train", 0, 20):
        problem = read_trace(question.trace)
        *lines, last = program_lines(problem, 0, "snake") or []
        assert [line.split(" = ")[0] for line in lines] == [
            f"{owner.lower()}_{thing}" if owner else thing
            for owner, thing in (problem.nodes[node].name for node in sorted(problem.needed))
        ]
        assert last == f"= {lines[-1].split(' = ')[0]}"
        inline = program_lines(problem, 4, "snake") or []
        assert len(inline) == 1 + len(problem.order)

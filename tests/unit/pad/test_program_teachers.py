"""Demonstrations are training questions with programs that were run; an engine is asked once with each set."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from toys.programs import BODY, TASK

from lema.base.errors import InputError
from lema.base.protocols import Sampling
from lema.base.question_slice import Slice
from lema.base.records import Question
from lema.engines.scripted import Scripted
from lema.pad.demos import demonstrations, noted_lines, program_of
from lema.pad.executing import Executing, Run
from lema.pad.forms import written
from lema.pad.slips import blunder
from lema.pad.teachers import Asked, Traces
from lema.synth.draw import Draw

FUNCTION = Executing(form="function", sandbox=BODY.sandbox)
DEMOS = Slice(split="train", start=0, stop=12)
ASKED = Asked(engine=Scripted(default="def solution():\n    return {seed}"), demos=DEMOS, sets=3, shots=2)


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    with BODY.sandbox.open() as running:
        yield running


def question(solution: str, answer: str) -> Question:
    return Question(id=solution[:9], task="gsm8k", text="?", answer=answer, solution=solution)


def test_calculator_notes_are_lines_and_what_they_found_is_used_again() -> None:
    notes = "She has 48/2 = <<48/2=24>>24.\nIn all 24 + 48 = <<24+48=72>>72, of 07 <<72*07=504>>504."
    assert noted_lines(notes) == ["step_1 = 48/2", "step_2 = step_1+48", "step_3 = step_2*7", "= step_3"]
    assert noted_lines("No note at all.") == []


def test_a_note_is_arithmetic_and_nothing_else() -> None:
    assert noted_lines("<<__import__('os')=1>> <<2+2=4>>") == ["step_1 = 2+2", "= step_1"]


def test_demonstrations_that_do_not_run_or_are_wrong_are_left_out(run: Run) -> None:
    held = [
        question("a <<2+2=4>>", "4"),
        question("b <<2+2=4>>", "5"),
        question("c <<2++=4>>", "4"),
        question("d", "4"),
    ]
    assert [one.id for one, _ in demonstrations(TASK, held, FUNCTION, run)] == [held[0].id]


def test_each_set_asks_once_with_demonstrations_of_its_own(run: Run) -> None:
    sets = ASKED.demonstrations(TASK, FUNCTION, run)
    known = {one.id: one for one in TASK.questions("train", 0, 12)}
    ids = [one.id for shown in sets for one, _ in shown]
    assert len(sets) == 3 and len(set(ids)) == 6 and set(ids) <= set(known)
    (other,) = TASK.questions("train", 50, 51)
    asked = [ASKED.ask(other, sets, number, "{{examples}}|{{question}}").text for number in range(3)]
    for text, shown in zip(asked, sets, strict=True):
        assert all(one.text in text and (program_of(one, "function") or "") in text for one, program in shown)
        assert text.endswith(f"|{other.text}") and text.count("def solution") == 2
    with ASKED.open(TASK, FUNCTION, run) as write:
        (replies,) = write([other])
    assert len({reply.text for reply in replies}) == len(replies) == ASKED.per_question == 3


def test_a_question_is_no_demonstration_of_itself(run: Run) -> None:
    sets = ASKED.demonstrations(TASK, FUNCTION, run)
    own = sets[0][0][0]
    text = ASKED.ask(own, sets, 0, "{{examples}}|{{question}}").text
    assert text.count(own.text) == 1 and text.count("def solution") == 1


def test_several_samples_of_a_set_are_all_programs_of_the_question(run: Run) -> None:
    twice = Asked(
        engine=Scripted(default="{a|b|c|d}"), demos=DEMOS, sets=3, shots=2, sampling=Sampling(n=2, temperature=1.0)
    )
    with twice.open(TASK, FUNCTION, run) as write:
        found = write(TASK.questions("train", 50, 52))
    assert [len(one) for one in found] == [6, 6]


def test_too_few_demonstrations_are_an_error(run: Run) -> None:
    many = Asked(engine=Scripted(), demos=Slice(split="train", start=0, stop=5), sets=3, shots=2)
    with pytest.raises(InputError, match="need 6 questions"), many.open(TASK, FUNCTION, run):
        pass


def test_a_question_without_a_trace_has_no_program_of_it(run: Run) -> None:
    with Traces().open(TASK, FUNCTION, run) as write, pytest.raises(InputError, match="trace"):
        write([question("a", "1")])


def test_slips_are_at_their_share_and_change_one_thing(run: Run) -> None:
    lines = ["a = 3 + 4", "b = a * 2", "= b - 1"]
    assert blunder(lines, Draw(0), broken=True) == lines[1:]
    for seed in range(20):
        slipped = blunder(lines, Draw(seed), broken=False)
        assert sum(one != other for one, other in zip(slipped, lines, strict=True)) == 1
    questions = TASK.questions("train", 0, 60)
    with Traces(variants=4, wrong=0.3, broken=0.1).open(TASK, FUNCTION, run) as write:
        found = [reply.text for several in write(questions) for reply in several]
    with Traces(variants=4).open(TASK, FUNCTION, run) as write:
        right = [reply.text for several in write(questions) for reply in several]
    assert 60 < sum(one != other for one, other in zip(found, right, strict=True)) < 135  # of 240, 96 expected
    assert written(["= 1"], "function") == "def solution():\n    return 1"

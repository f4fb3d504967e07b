"""Every injected error fails with the class that was meant, and its message says so."""

from __future__ import annotations

import itertools

import pytest
from toys.programs import BODY, TASK

from lema.pad.demos import program_of
from lema.pad.executing import Executing
from lema.pad.forms import Form
from lema.pad.injecting import KINDS, broken
from lema.synth.draw import Draw

COMMENTED = """def solution():
    # what there is at first
    first = 12
    second = first + 30  # and more
    rate = 2.5
    result = second * rate
    return result"""


@pytest.mark.parametrize("form", ["function", "body"])
def test_the_message_of_every_injected_error_names_its_class(form: Form) -> None:
    executing = Executing(form=form, sandbox=BODY.sandbox)
    texts = [text for question in TASK.questions("train", 0, 12) if (text := program_of(question, form))]
    texts += [COMMENTED] if form == "function" else []
    with executing.sandbox.open() as run:
        for kind in KINDS:
            versions = [list(itertools.islice(broken(text, form, kind, Draw(text)), 4)) for text in texts]
            assert all(versions), f"no program without a version that fails with {kind}"
            flat = [text for several in versions for text in several]
            outcomes = executing.run(run, flat)
            meant = [outcome for outcome in outcomes if outcome.paper_error == kind]
            assert all(o.feedback.startswith(kind) or o.error in ("IndentationError", "TabError") for o in meant)
            assert len(meant) > 0.6 * len(flat), kind
            if kind != "SyntaxError":  # where a line can lose an operand and still be Python (`= - 3`)
                assert len(meant) == len(flat), kind


def test_lines_that_are_not_changed_stay_as_they_are() -> None:
    for kind in KINDS:
        for text in broken(COMMENTED, "function", kind, Draw(0)):
            assert "# what there is at first" in text
            assert len(set(text.split("\n")) - set(COMMENTED.split("\n"))) <= 1


def test_a_fence_and_prose_around_a_program_stay() -> None:
    text = f"Here it is:\n```python\n{COMMENTED}\n```"
    versions = list(broken(text, "function", "NameError", Draw(0)))
    assert versions and all(one.startswith("Here it is:\n```python\ndef solution") for one in versions)
    assert all(len(one.split("\n")) in (len(text.split("\n")), len(text.split("\n")) - 1) for one in versions)


def test_versions_are_drawn_by_the_seed() -> None:
    first, again, other = (list(broken(COMMENTED, "function", "SyntaxError", Draw(seed))) for seed in (0, 0, 1))
    assert first == again and sorted(first) == sorted(other) and first != other

"""Asking a model for corrections."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from toys.canned import CUT, Canned

from lema.base import prompts
from lema.base.errors import ConfigError
from lema.base.protocols import Complete, Reply, Sampling
from lema.base.records import Question, Solution, Verdict
from lema.base.spec import Spec, key, spec
from lema.correctors.teacher import Teacher

QUESTION = Question(
    id="q1", task="toy", text="Ann has 3 bags of 4 pens. How many pens?", answer="12", solution="secret 12 #### 12"
)
TEXT = "Ann has 3 + 4 = <<3+4=7>>7 pens.\nA: 7"
GOOD = (
    " Step 1.\nExplanation: The bags are multiplied.\nCorrect Solution:\n{\nStep 1: Ann has 3 * 4 = 11 pens.\n"
    "Step 2: The answer is 11.\n}"
)


@spec
class Silent(Spec):
    """Has one reply, to one prompt."""

    kind = "silent"
    name: str = "silent"
    only: str
    about: str

    @contextmanager
    def open(self, *, checkpoint: Path | None = None, replies: Path | None = None) -> Iterator[Complete]:
        yield lambda prompts, sampling: [[Reply(text=self.only)] if p.id == self.about else [] for p in prompts]


def path(sample: int = 0, text: str = TEXT) -> Solution:
    return Solution(question_id="q1", reasoner="small", sample=sample, text=text, verdict=Verdict.WRONG, answer="7")


def teacher(*replies: str, **fields: object) -> Teacher:
    return Teacher(engine=Canned(replies=replies), **fields)  # type: ignore[arg-type]


def test_the_prompt_holds_the_numbered_path_and_not_the_reference() -> None:
    prompt = teacher(GOOD).ask(QUESTION, path(), "Q {{question}}\n{{solution}}\nIncorrect Step:")
    assert prompt.text == (
        "Q Ann has 3 bags of 4 pens. How many pens?\n"
        "Step 1: Ann has 3 + 4 = 7 pens.\nStep 2: The answer is 7.\nIncorrect Step:"
    )
    assert prompt.id == "q1#small#0"
    assert prompt.fields == {
        "question": QUESTION.text,
        "solution": "Step 1: Ann has 3 + 4 = 7 pens.\nStep 2: The answer is 7.",
    }
    assert "12" not in prompt.text + str(prompt.fields)
    assert "secret" not in prompt.text


def test_a_hinted_corrector_is_told_the_answer_and_all_that_it_says_is_labelled() -> None:
    told = teacher(GOOD, hinted=True, prompt="math_corrections_hinted")
    told.check()
    prompt = told.ask(QUESTION, path(), prompts.read(told.prompt))
    assert prompt.text.endswith("}\nRight Answer: 12\nIncorrect Step:") and "secret" not in prompt.text
    with told.open() as correct:
        (correction,) = correct([(QUESTION, path())])
    assert correction.hinted and correction.id == "q1#small#0~canned-hinted"
    assert key(told) != key(teacher(GOOD))


@pytest.mark.parametrize(("hinted", "prompt"), [(True, "math_corrections"), (False, "choice_corrections_hinted")])
def test_a_prompt_that_does_not_fit_the_label_is_refused(hinted: bool, prompt: str) -> None:
    with pytest.raises(ConfigError, match=r"corrector.hinted: it is (true|false).*teacher_hinted"):
        teacher(GOOD, hinted=hinted, prompt=prompt).check()


def test_a_hinted_corrector_of_choices_is_told_which_prompt_fits() -> None:
    told = teacher(GOOD, hinted=True, prompt="math_corrections_hinted")
    asked = Question(id="q2", task="csqa", text="Where?", answer="sea", choices=("sea", "bank"))
    with pytest.raises(ConfigError, match=r"corrector.prompt=choice_corrections_hinted"):
        told.ask(asked, path(), prompts.read(told.prompt))


def test_a_correction_is_not_judged_by_who_makes_it() -> None:
    with teacher(GOOD).open() as correct:
        (correction,) = correct([(QUESTION, path())])
    assert correction.reject == ""  # although 11 is wrong: the stage judges
    assert (correction.step, correction.answer, correction.reply) == (1, "11", GOOD)
    assert correction.id == "q1#small#0~canned"


def test_a_malformed_reply_is_counted_and_not_raised() -> None:
    with teacher("no idea").open() as correct:
        corrections = correct([(QUESTION, path(n)) for n in range(3)])
    assert [c.reject for c in corrections] == ["no_step"] * 3
    assert [c.solution_id for c in corrections] == ["q1#small#0", "q1#small#1", "q1#small#2"]


def test_a_path_that_the_engine_has_no_reply_for_is_counted_and_the_others_are_corrected() -> None:
    engine = Silent(only=GOOD, about="q1#small#1")
    with Teacher(engine=engine).open() as correct:
        corrections = correct([(QUESTION, path(n)) for n in range(3)])
    assert [c.reject for c in corrections] == ["no_reply", "", "no_reply"]
    assert [c.solution_id for c in corrections] == ["q1#small#0", "q1#small#1", "q1#small#2"]
    assert {c.corrector for c in corrections} == {"silent"}


def test_a_reply_cut_at_the_token_limit_is_truncated() -> None:
    with teacher(GOOD[:-1] + CUT).open() as correct:
        assert correct([(QUESTION, path())])[0].reject == "truncated"


def test_further_attempts_ask_again_only_where_a_reply_could_not_be_read() -> None:
    warm = Sampling(temperature=0.7)
    with teacher("no idea", GOOD, "never asked", attempts=3, sampling=warm).open() as correct:
        assert [c.reject for c in correct([(QUESTION, path()), (QUESTION, path(1))])] == ["", ""]
    with teacher("no idea", GOOD, attempts=1, sampling=warm).open() as correct:
        assert correct([(QUESTION, path())])[0].reject == "no_step"


def test_nothing_in_nothing_out() -> None:
    with teacher(GOOD).open() as correct:
        assert correct([]) == []


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"corrector\.attempts"):
        teacher(GOOD, attempts=2).check()
    with pytest.raises(ConfigError, match=r"corrector\.sampling\.n"):
        teacher(GOOD, sampling=Sampling(n=2)).check()
    with pytest.raises(ConfigError, match=r"corrector\.prompt"):
        teacher(GOOD, prompt="none").check()


def test_the_text_of_the_prompt_is_in_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    before = key(teacher(GOOD))
    monkeypatch.setattr("lema.base.prompts.read", lambda name: "other words {{question}} {{solution}}")
    assert key(teacher(GOOD)) != before

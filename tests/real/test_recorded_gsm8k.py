"""GSM8K as published, and real solutions and corrections of it, against what was recorded of them."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import msgspec
import pytest
from conftest import require_data

from lema.base.reasoning_steps import from_free_form, number_steps, split_steps
from lema.base.records import Correction, Question, Verdict
from lema.correctors.replies import parse
from lema.data.formats import Format
from lema.tasks.gsm8k import Gsm8k
from lema.verifiers.numbers import Numbers

pytestmark = pytest.mark.real
NUMBERS = Numbers()
LEMA = Format(wording="lema_v1")

#: Recorded solutions that reach no answer: all end in the middle of a line, at the models' length
#: limit. The record calls them incorrect, and so they are; the verifier says that nothing was answered.
CUT_OFF = {
    (5, "175b_finetuning"): "ends in `5 * 1`",
    (48, "175b_finetuning"): "ends in the digits of 4/12",
    (150, "6b_finetuning"): "ends in the digits of 3/440",
    (150, "175b_finetuning"): "ends in the digits of 3/440",
    (162, "175b_finetuning"): "ends in `$<<41.472+8.`",
    (593, "6b_finetuning"): "ends in `32768 feet * 2 =`",
    (633, "6b_finetuning"): "ends in the digits of 14/11",
    (756, "175b_finetuning"): "ends in `Subtracting x from both`",
    (936, "6b_finetuning"): "ends in `pesos for an`",
}
#: Recorded as incorrect, and not a number: `A: 10+John's age` for 50.
UNDECIDED = {(931, "175b_finetuning")}
#: Questions where the record of `is_correct` is found wrong. None is: every answer line was compared
#: with the reference exactly, and the 744 right ones are the 744 recorded as correct.
WRONG_RECORDS: set[tuple[int, str]] = set()


def rows(name: str) -> Iterator[dict[str, Any]]:
    with (require_data("gsm8k") / name).open("rb") as lines:
        yield from map(json.loads, lines)


def task() -> Gsm8k:
    return Gsm8k(verifier=NUMBERS, path=str(require_data("gsm8k")))


def asked(row: dict[str, Any]) -> Question:
    answer = row["ground_truth"].rpartition("A: ")[2]
    return Question(id=str(row["question_index"]), task="gsm8k", text=row["question"], answer=answer)


def test_verdicts_agree_with_the_record_on_all_2638_solutions() -> None:
    disagree, unanswered, undecided, total = set(), set(), set(), 0
    for row in rows("model_solutions.jsonl"):
        found = NUMBERS.judge(row["solution"], asked(row))
        which = (row["question_index"], row["model"])
        total += 1
        if (found.verdict is Verdict.RIGHT) != row["is_correct"]:
            disagree.add(which)
        if found.verdict is Verdict.NO_ANSWER:
            unanswered.add(which)
        elif found.verdict is Verdict.UNDECIDED:
            undecided.add(which)
        else:
            assert found.rung == "answer_line"
    assert total == 2638
    assert disagree == WRONG_RECORDS
    assert unanswered == CUT_OFF.keys()
    assert undecided == UNDECIDED


@pytest.mark.parametrize(("split", "size"), [("train", 7473), ("test", 1319)])
def test_every_reference_answer_is_right_by_itself_and_by_its_own_solution(split: str, size: int) -> None:
    questions = task().questions(split)
    assert len(questions) == size
    for question in questions:
        assert NUMBERS.equal(question.answer, question.answer)
        assert NUMBERS.judge(question.solution, question).verdict is Verdict.RIGHT
        assert NUMBERS.judge(" ".join(task_steps(question)), question).verdict is Verdict.RIGHT


def task_steps(question: Question) -> list[str]:
    return Gsm8k(verifier=NUMBERS, path="unused").steps(question)


def test_train_and_test_share_no_question() -> None:
    data = task()
    ids = [question.id for split in data.splits for question in data.questions(split)]
    assert len(set(ids)) == len(ids) == 8792


def test_recorded_solutions_become_the_numbered_steps_that_the_teacher_was_shown() -> None:
    recorded = {(row["question_index"], row["model"]): row for row in rows("model_solutions.jsonl")}
    replies = list(rows("teacher_replies.jsonl"))
    assert len(replies) == 100
    for reply in replies:
        row = recorded[reply["question_index"], reply["model"]]
        answer = NUMBERS.judge(row["solution"], asked(row)).answer
        assert row["question"] == reply["question"]
        assert number_steps(from_free_form(row["solution"], answer)) == reply["original_solution"]
        assert number_steps(split_steps(row["solution"])) == reply["original_solution"]


def corrections() -> Iterator[tuple[dict[str, Any], Question, Correction]]:
    questions = {row["question_index"]: asked(row) for row in rows("model_solutions.jsonl")}
    for row in rows("teacher_replies.jsonl"):
        draft = parse(row["reply"], split_steps(row["original_solution"]))
        question = questions[row["question_index"]]
        yield (
            row,
            question,
            Correction(
                question_id=question.id,
                solution_id=f"{question.id}#{row['model']}#0",
                corrector="teacher",
                step=draft.step,
                explanation=draft.explanation,
                solution=draft.solution,
                answer=draft.answer,
                reject=draft.reject,
                reply=row["reply"],
            ),
        )


def test_97_of_the_recorded_replies_are_right_3_are_wrong_and_none_is_unreadable() -> None:
    wrong = set()
    verdicts: Counter[Verdict] = Counter()
    for row, question, correction in corrections():
        assert correction.reject == "", row["question_index"]
        text = number_steps(correction.solution, first=correction.step or 1)
        verdict = NUMBERS.judge(text, question).verdict
        verdicts[verdict] += 1
        if verdict is not Verdict.RIGHT:
            wrong.add(row["question_index"])
        assert NUMBERS.judge(row["reply"], question).verdict is verdict  # the closing brace is no obstacle
    assert verdicts == {Verdict.RIGHT: 97, Verdict.WRONG: 3}
    assert wrong == {368, 768, 823}


def test_examples_of_the_recorded_replies_are_exactly_in_the_format() -> None:
    for row, question, correction in corrections():
        wrong = split_steps(row["original_solution"])
        prompt = LEMA.correction_prompt(question, wrong)
        question_line = re.sub(r"[ \t\r\n]+", " ", row["question"]).strip(" ")
        head, _, tail = prompt.partition("\n\n")
        assert head.count("\n") == 0
        assert tail == (
            "Question: "
            + question_line
            + "\nOriginal Solution:\n{\n"
            + row["original_solution"]
            + "\n}\nIncorrect Step:"
        )
        assert LEMA.correction_completion(correction) == " " + row["reply"]


STEP = re.compile(r"Step (\d+): ")


def test_completions_name_a_step_and_go_on_from_it_one_by_one() -> None:
    for row, _, correction in corrections():
        lines = LEMA.correction_completion(correction).split("\n")
        named = int(re.fullmatch(r" Step (\d+)\.", lines[0])[1])  # type: ignore[index]
        assert lines[1].startswith("Explanation: ") and lines[2:4] == ["Correct Solution:", "{"] and lines[-1] == "}"
        body = lines[4:-1]
        assert (body[0] == "...") == (named > 1), row["question_index"]
        steps = body[1:] if named > 1 else body
        assert [int(STEP.match(line)[1]) for line in steps] == list(range(named, named + len(steps)))  # type: ignore[index]
        assert re.fullmatch(r"Step \d+: The answer is .+\.", steps[-1])
        assert 1 <= named <= len(split_steps(row["original_solution"]))


def recovered_completion(answer: str) -> str:
    """The completion of a row by the recovered rule, character by character from its description."""
    body, result = answer.split("####")
    sentences = []
    for line in body.split("\n"):
        while "<<" in line:
            start = line.index("<<")
            line = line[:start] + line[line.index(">>", start) + 2 :]
        words = " ".join(word for word in line.split(" ") if word)
        if not words:
            continue
        if words[-1] != ".":
            words += "."
        spaced = ""
        for at, character in enumerate(words):
            operator = character in "+-*/" and at > 0 and not words[at - 1].isspace()
            spaced += f" {character} " if operator or character == "=" else character
        sentences.append(" ".join(word for word in spaced.split(" ") if word))
    return " ".join(sentences) + " The answer is " + result.strip().replace(",", "") + "."


def recovered_prompt(question: str) -> str:
    words = []
    word = ""
    for character in question + " ":
        if character in " \n\t\r":
            words += [word] if word else []
            word = ""
        else:
            word += character
    joined = " ".join(words)
    return f"Please solve the following math problem.\nQuestion: {joined}\nAnswer: Let's think step by step.\n"


def test_prompts_and_completions_of_all_test_rows_follow_the_recovered_rule() -> None:
    data = task()
    questions = data.questions("test")
    published = list(rows("test.jsonl"))
    assert len(questions) == len(published) == 1319
    for question, row in zip(questions, published, strict=True):
        assert LEMA.cot_prompt(question) == recovered_prompt(row["question"])
        assert LEMA.cot_completion(data.steps(question)) == recovered_completion(row["answer"])


def test_reading_is_exact_where_floating_point_is_not() -> None:
    """Recorded answers of ten decimals or more are the fractions that they write, to the last digit."""
    long = 0
    for row in rows("model_solutions.jsonl"):
        answer = re.search(r"\nA: (-?\d+\.\d{10,})$", row["solution"])
        if answer:
            long += 1
            exact = Fraction(answer[1])
            same = Question(id="q", task="gsm8k", text="", answer=f"{exact.numerator}/{exact.denominator}")
            near = msgspec.structs.replace(same, answer=f"{exact.numerator * 10**20 + 1}/{exact.denominator * 10**20}")
            assert NUMBERS.judge(row["solution"], same).verdict is Verdict.RIGHT
            assert NUMBERS.judge(row["solution"], near).verdict is Verdict.WRONG
    assert long == 36

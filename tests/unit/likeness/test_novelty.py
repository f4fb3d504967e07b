"""Evolved questions that are old ones in other words."""

from __future__ import annotations

from lema.base.records import Question
from lema.likeness import NearDuplicates
from lema.likeness.novelty import novel

PENS = "Mia has 12 red pens in a box, and Tom has 5 more pens than she has. How many pens do they have together?"
TRAIN = "A train with 14 wagons needs 3 hours for the way to the coast. How long do 6 such trains need one by one?"
BREAD = "The baker sold 40 loaves before noon and half as many after it. What did he earn at 3 dollars a loaf?"


def question(number: str, text: str, parent: str | None = None) -> Question:
    return Question(id=number, task="t", text=text, answer="1", parent=parent)


KNOWN = [question("s1", PENS), question("s2", TRAIN)]


def test_repeats_of_seeds_known_questions_and_each_other_are_left_out_and_told_apart() -> None:
    new = [
        question("e1", PENS.replace("12", "30").replace("Mia", "Bo"), "s1"),
        question("e2", TRAIN.lower(), "s1"),
        question("e3", BREAD, "s2"),
        question("e4", BREAD.replace("40", "sixty"), "s1"),
    ]
    result = novel(NearDuplicates(), KNOWN, new, templated=False)
    assert [kept.id for kept in result.kept] == ["e3"]
    told = [(repeat.question_id, repeat.of, repeat.what) for repeat in result.repeats]
    assert told == [("e1", "s1", "seed"), ("e2", "s2", "known"), ("e4", "e3", "new")]
    assert result.counts == {"known": 1, "new": 1, "seed": 1}


def test_known_questions_may_repeat_one_another() -> None:
    result = novel(NearDuplicates(), [*KNOWN, question("s3", PENS)], [], templated=False)
    assert (result.kept, result.repeats) == ([], [])


def test_of_a_templated_task_only_equal_questions_repeat() -> None:
    new = [question("e1", PENS.replace("12", "30"), "s1"), question("e2", PENS.upper(), "s1")]
    result = novel(NearDuplicates(), KNOWN, new, templated=True)
    assert [repeat.question_id for repeat in result.repeats] == ["e2"]

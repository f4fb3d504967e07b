"""New questions that say nothing new are found: of a seed, of one another, of what is scored."""

from __future__ import annotations

from msgspec.structs import replace
from toys.lab import Sums

from lema.base.question_slice import Slice
from lema.base.records import Question
from lema.base.spec import spec
from lema.likeness import Decontamination, NearDuplicates
from lema.likeness.repeats import Likeness, Tests, likenesses
from lema.synth.difficulty import LEVELS
from lema.synth.draw import Draw
from lema.synth.problem import read_trace
from lema.synth.splits import make_question, stream
from lema.synth.wording import tell
from lema.tasks.gsm_synth import GsmSynth
from lema.verifiers.integers import Integers

BAKER = (
    "A baker in {town} bakes {n} trays of rolls before dawn, and each tray holds {m} rolls. By noon he has sold half "
    "of all the rolls, and in the afternoon he gives {k} of those that are left to a school. How many rolls does he "
    "have in the evening?"
)
POND = (
    "Every evening the gardener pours eleven buckets of water into a pond that loses two buckets to the sun each day. "
    "After how many days has the pond gained ninety buckets?"
)
TRAIN = (
    "Two trains leave the same station at noon, one to the north and one to the east, with sixty and eighty kilometres "
    "an hour. How far are they from each other at two o'clock?"
)


def asked(name: str, text: str) -> Question:
    return Question(id=name, task="prose", text=text, answer="1")


def baker(name: str, town: str, n: int, m: int, k: int) -> Question:
    return asked(name, BAKER.format(town=town, n=n, m=m, k=k))


@spec
class Prose(Sums):
    """A task of these questions."""

    kind = "prose"
    name: str = "prose"
    texts: tuple[str, ...]

    def questions(self, split: str, start: int = 0, stop: int | None = None) -> list[Question]:
        return [asked(f"{split}-{number}", text) for number, text in enumerate(self.texts)][start:stop]


def scored(*texts: str) -> Tests:
    return [(Prose(texts=texts), Slice(split="test"))]


def found(made: list[Question], seeds: list[Question], tests: Tests) -> list[Likeness]:
    return likenesses(made, seeds, tests, NearDuplicates(), Decontamination())


def child_of(seed: Question, made: Question) -> Question:
    return replace(made, parent=seed.id)


def test_a_seed_with_other_names_and_numbers_is_not_new() -> None:
    seed = baker("seed", "Ghent", 20, 30, 50)
    made = [child_of(seed, baker("child", "Bergen", 14, 12, 9)), child_of(seed, asked("pond", POND))]
    assert found(made, [seed], []) == [("like_seed", "seed"), ("", "")]
    assert found(made, [replace(seed, id="another")], []) == [("like_other_seed", "another"), ("", "")]


def test_of_new_questions_that_are_alike_the_first_is_new() -> None:
    made = [asked("pond", POND), baker("b1", "Ghent", 4, 6, 2), asked("train", TRAIN), baker("b2", "Oslo", 8, 6, 2)]
    made.append(made[0])
    repeated = [("like_evolved", "b1"), ("like_evolved", "pond")]
    assert found(made, [asked("seed", "What is one and one?")], []) == [("", "")] * 3 + repeated


def test_a_question_that_is_scored_is_dropped_as_such_in_other_words_and_even_when_a_seed_is_like_it() -> None:
    tests = scored(TRAIN, BAKER.format(town="Lyon", n=8, m=9, k=10))
    seed = baker("seed", "Ghent", 4, 6, 2)
    made = [child_of(seed, baker("child", "Bergen", 14, 12, 9)), asked("pond", POND)]
    assert found(made, [seed], tests) == [("like_test", "test-1"), ("", "")]


def retold(question: Question, number: int) -> Question:
    """The same problem in other sentences."""
    problem = read_trace(question.trace)
    return make_question(problem, tell(problem, Draw("retold", number), shuffle=True), parent=question.id)


def test_generated_problems_repeat_one_another_only_by_structure_numbers_and_names() -> None:
    task = GsmSynth(verifier=Integers())
    seeds, tests = stream(LEVELS["default"], "train", 0, range(50)), task.questions("test", 0, 50)
    slices = [(task, Slice(split="test", stop=50))]
    fresh = stream(LEVELS["default"], "train", 1, range(300))  # from the same templates, and all new
    assert found(fresh, seeds, slices) == [("", "")] * 300
    copies = [retold(seeds[3], 1), replace(retold(seeds[3], 2), parent="x"), retold(tests[4], 3), fresh[0]]
    copies.append(retold(fresh[0], 4))
    assert found(copies, seeds, slices) == [
        ("like_seed", seeds[3].id),
        ("like_other_seed", seeds[3].id),
        ("like_test", tests[4].id),
        ("", ""),
        ("like_evolved", fresh[0].id),
    ]


def test_questions_written_about_generated_ones_are_compared_by_their_words() -> None:
    seed = stream(LEVELS["default"], "train", 0, range(1))[0]
    made = [child_of(seed, asked("copy", seed.text)), child_of(seed, asked("pond", POND))]
    tests = [(GsmSynth(verifier=Integers()), Slice(split="test", stop=50))]
    assert found(made, [seed], tests) == [("like_seed", seed.id), ("", "")]


def test_nothing_made_is_nothing_repeated() -> None:
    assert found([], [asked("seed", POND)], scored(TRAIN)) == []

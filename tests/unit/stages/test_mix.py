"""Mixing with the real stage in a real store: planted leaks and equal examples go, and nothing else."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from toys.lab import run_stage
from toys.planted import Planted, planted

from lema.base.question_slice import Slice
from lema.base.records import Correction, Example, Question, Solution, Verdict, load
from lema.data.formats import Format
from lema.lessons.corrections import Corrections
from lema.lessons.cot import Cot
from lema.lessons.cot_from_corrections import CotFromCorrections
from lema.lessons.data_budget import Budget
from lema.lessons.data_mix import DataMix
from lema.lessons.lesson import Lesson
from lema.lessons.mistake_in_target import MistakeInTarget
from lema.likeness import Decontamination
from lema.likeness.decontaminating import Dropped
from lema.stages import mix
from lema.store import Artifact, Store
from lema.tasks.gsm8k import Gsm8k
from lema.verifiers.numbers import Numbers

PENS = "Mia has 12 red pens in a box, and Tom has 5 more pens than Mia has. How many pens do they have together?"
TRAIN = "A train with 14 wagons needs 3 hours for the way to the coast. How long do 6 such trains need one by one?"
#: The same two with other names and numbers.
PENS_AGAIN = PENS.replace("Mia", "Zoe").replace("Tom", "Ravi").replace("12", "40").replace("5", "17")
TRAIN_AGAIN = TRAIN.replace("14", "20").replace("6", "9")
OWN = [
    "Lena bakes 24 rolls every morning and sells half of them. How many rolls are left over?",
    "A pond with 90 frogs loses a third of its frogs in autumn. How many frogs stay there?",
    "Each shelf of the library carries 35 books, and there are 4 shelves. How many books is that?",
]
ALL = DataMix(name="all", lessons=(Cot(), Corrections()))


def question(name: str, text: str) -> Question:
    return Question(id=name, task="gsm8k", text=text, answer="4", solution="")


def path(of: Question, sample: int, text: str = "Step 1: The answer is 4.", right: bool = True) -> Solution:
    verdict = Verdict.RIGHT if right else Verdict.WRONG
    return Solution(
        question_id=of.id, reasoner="toy", sample=sample, text=text, verdict=verdict, answer="4" if right else "5"
    )


def corrections(folder: Path, questions: list[Question]) -> Planted:
    """One correction of one wrong path of each question."""
    wrong = [path(of, 0, "Step 1: The answer is 5.", right=False) for of in questions]
    fixed = [
        Correction(
            question_id=of.question_id,
            solution_id=of.id,
            corrector="toy",
            step=1,
            explanation="It is one less.",
            solution=("The answer is 4.",),
            answer="4",
        )
        for of in wrong
    ]
    return planted(folder, questions=questions, paths=wrong, corrections=fixed)


def gsm8k(folder: Path, train: list[str]) -> Gsm8k:
    for split, texts in (("train", train), ("test", [PENS, TRAIN])):
        rows = [{"question": text, "answer": "Count.\n#### 4"} for text in texts]
        (folder / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return Gsm8k(verifier=Numbers(), path=str(folder))


def made_by(**stages: list[Planted]) -> tuple[mix.Made, ...]:
    return tuple(mix.Made(material=name, stages=tuple(held)) for name, held in stages.items())  # type: ignore[arg-type]


def mixed(folder: Path, task: Gsm8k, **fields: Any) -> Artifact:
    given: dict[str, Any] = {
        "task": task,
        "cot_questions": Slice(split="train"),
        "data_mix": ALL,
        "budget": Budget(),
        "format": Format(),
        "decontamination": Decontamination(),
        "tests": (mix.TestSet(task=task, questions=Slice(split="test")),),
    }
    store = Store(folder / "store")
    stage = mix.Mix(**(given | fields))
    run_stage(store, stage)
    return store.get(stage)


def everywhere(folder: Path, leak: str | None) -> tuple[Artifact, dict[str, str]]:
    """A mix of all four sources, each with the leak if there is one; and the id of the leak by its source."""
    extra = [leak] if leak else []
    task = gsm8k(folder, [*OWN, *extra])
    ids = {"cot": task.questions("train")[-1].id}
    rows = {
        name: [question(f"{name}-{n}", f"{name}: {text}") for n, text in enumerate(OWN)]
        for name in ("augmented", "base", "round")
    }
    for name in rows if leak else ():
        ids[name] = f"{name}-leak"
        rows[name].append(question(ids[name], leak or ""))
    augmented = planted(
        folder / "augmented", questions=rows["augmented"], paths=[path(of, 0) for of in rows["augmented"]]
    )
    made = mixed(
        folder,
        task,
        made=made_by(
            right_paths=[augmented],
            corrections=[corrections(folder / "base", rows["base"]), corrections(folder / "round", rows["round"])],
        ),
    )
    return made, ids


@pytest.mark.parametrize(
    ("leak", "rule"),
    [(PENS, "exact"), (PENS.upper(), "exact"), (PENS_AGAIN, "names"), (TRAIN_AGAIN, "numbers")],
    ids=["verbatim", "shouted", "renamed and renumbered", "renumbered"],
)
def test_a_leak_is_dropped_from_every_source_and_listed_and_nothing_else_is(
    tmp_path: Path, leak: str, rule: str
) -> None:
    (tmp_path / "with").mkdir()
    (tmp_path / "without").mkdir()
    made, ids = everywhere(tmp_path / "with", leak)
    clean, _ = everywhere(tmp_path / "without", None)
    dropped = list(made.rows("dropped.jsonl", Dropped))
    sources = {"cot": "cot", "augmented": "augmented", "base": "correction", "round": "correction"}
    assert [(row.question_id, row.source, row.rule) for row in dropped] == [
        (ids[name], sources[name], rule) for name in sources
    ]
    assert made.summary["leaks"] == {rule: 4}
    kept = {row.id for row in made.rows("examples.jsonl", Example)}
    assert kept == {row.id for row in clean.rows("examples.jsonl", Example)} and len(kept) == 4 * len(OWN)
    assert clean.summary["leaks"] == {} and not list(clean.rows("dropped.jsonl", Dropped))
    assert made.summary["sources"] == {"augmented": 3, "correction": 6, "cot": 3}


def test_without_decontamination_the_leak_stays(tmp_path: Path) -> None:
    made = mixed(tmp_path, gsm8k(tmp_path, [*OWN, PENS]), decontamination=None)
    assert made.summary["examples"] == len(OWN) + 1 and made.summary["leaks"] == {}


def test_of_equal_examples_the_first_stays_and_the_others_are_counted(tmp_path: Path) -> None:
    task = gsm8k(tmp_path, OWN)
    first = [question(f"one-{n}", f"again: {text}") for n, text in enumerate(OWN)]
    second = [question(f"two-{n}", f"again: {text}") for n, text in enumerate(OWN[:2])]  # the same in another round
    twice = planted(
        tmp_path / "augmented",
        questions=first[:1],
        paths=[path(first[0], 0), path(first[0], 1), path(first[0], 2, "Step 1: Look.\nStep 2: The answer is 4.")],
    )
    made = mixed(
        tmp_path,
        task,
        made=made_by(
            right_paths=[twice],
            corrections=[corrections(tmp_path / "base", first), corrections(tmp_path / "round", second)],
        ),
    )
    rows = list(made.rows("examples.jsonl", Example))
    assert made.summary["duplicates"] == 2 + 1
    assert made.summary["sources"] == {"augmented": 2, "correction": 3, "cot": 3}
    assert Counter((row.prompt, row.completion) for row in rows).most_common(1)[0][1] == 1
    assert {row.question_id for row in rows if row.source == "correction"} == {of.id for of in first}


@pytest.mark.parametrize(
    "lesson", [Corrections(), CotFromCorrections(), MistakeInTarget()], ids=lambda lesson: lesson.kind
)
def test_a_mix_has_as_many_corrections_in_every_form(tmp_path: Path, lesson: Lesson) -> None:
    """Corrections of different wrong paths can contain one and the same right path, which is then taught twice."""
    asked = question("one", f"again: {OWN[0]}")
    wrong = [path(asked, n, f"Step 1: The answer is {5 + n}.", right=False) for n in range(2)]
    fixed = [
        Correction(
            question_id=of.question_id,
            solution_id=of.id,
            corrector="toy",
            step=1,
            explanation="No.",
            solution=("The answer is 4.",),
            answer="4",
        )
        for of in wrong
    ]
    held = planted(tmp_path / "held", questions=[asked], paths=wrong, corrections=fixed)
    data_mix = DataMix(name="all", lessons=(Cot(), lesson))
    made = mixed(tmp_path, gsm8k(tmp_path, OWN), made=made_by(corrections=[held]), data_mix=data_mix)
    assert made.summary["examples"] == len(OWN) + 2 and made.summary["duplicates"] == 0
    assert made.summary["same_text"] == (1 if lesson.kind == "cot_from_corrections" else 0)


def test_every_example_leads_back_to_the_rows_that_it_was_made_of(tmp_path: Path) -> None:
    made, _ = everywhere(tmp_path, None)
    sampled: set[str] = set()
    fixed: dict[str, str] = {}
    for name in ("augmented", "base", "round"):
        sampled |= {row.id for row in load(tmp_path / name / "paths.jsonl", Solution)}
    for name in ("base", "round"):
        fixed |= {row.id: row.solution_id for row in load(tmp_path / name / "corrections.jsonl", Correction)}
    told: Counter[str] = Counter()
    for example in made.rows("examples.jsonl", Example):
        of = example.made_of
        assert of is not None and of.question == example.question_id
        match example.source:
            case "cot":
                assert (of.path, of.correction) == ("reference", "")
            case "augmented":
                assert of.path in sampled and of.correction == ""
            case _:
                assert of.path in sampled and fixed[of.correction] == of.path
        told[of.path if of.path == "reference" else of.path.split("-")[0]] += 1
    assert told == {"reference": 3, "augmented": 3, "base": 3, "round": 3}


def test_a_mix_without_equal_examples_counts_none(tmp_path: Path) -> None:
    assert mixed(tmp_path, gsm8k(tmp_path, OWN)).summary["duplicates"] == 0

"""Which corrections a stage keeps, and what is said of those by a corrector that was told the right answer."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import msgspec
import pytest
from material.planted_slips import plant
from servers.faulty import Fault, Faulty
from toys.lab import Sums, ToyCorrector, experiment, points, run
from toys.planted import planted
from toys.store import make

from lema.base.errors import ConfigError, InputError
from lema.base.protocols import Sampling
from lema.base.question_slice import Slice
from lema.base.records import Correction, Example, Question, Solution
from lema.base.spec import key, since, spec
from lema.correctors.symbolic import Symbolic
from lema.correctors.teacher import Teacher
from lema.engines.openai.engine import OpenAI
from lema.experiment.sections import Generation
from lema.lm.model import Model
from lema.report.output.html import render_html
from lema.report.read import finished
from lema.stages.correct import Correct
from lema.store import Store
from lema.tasks.gsm8k import Gsm8k
from lema.tasks.gsm_synth import GsmSynth
from lema.verifiers.integers import Integers
from lema.verifiers.numbers import Numbers

CASES = [*plant("wrong_operand", 150), *plant("arithmetic_slip", 150)]
UNSAID = {"message": {"role": "assistant", "content": None}}
TASK = GsmSynth(verifier=Integers())


@spec
class Told(ToyCorrector):
    """The toy corrector, told the right answer or not."""

    kind = "told_corrector"
    hinted: bool = since(default=False)

    def correction(self, question: Question, path: Solution) -> Correction:
        made = super().correction(question, path)
        return msgspec.structs.replace(made, corrector="toy-hinted", hinted=self.hinted)


def behind(thought: str, path: Solution) -> Solution:
    """The same path behind what a model thought before it."""
    stretch = (len(thought), len(thought) + len(path.text)) if thought else None
    return msgspec.structs.replace(path, text=thought + path.text, stretch=stretch)


def rejects(folder: Path, strength: float, keep: str, thought: str = "") -> Counter[str]:
    """Reasons of rejection, the empty one of what is kept, by the real stage with a corrector of this strength.

    `thought` stands before each path and is no part of it.
    """
    paths = planted(
        folder / "paths",
        questions=list({case.question.id: case.question for case in CASES}.values()),
        solutions=[behind(thought, case.solution) for case in CASES],
    )
    correct = Correct(paths=paths, task=TASK, corrector=Symbolic(strength=strength), keep=keep)  # type: ignore[arg-type]
    store = Store(folder / "store")
    make(store, paths)
    made = make(store, correct)
    assert made.summary["funnel"]["accepted"] == len(list(made.rows("corrections.jsonl", Correction)))
    return Counter(row.reject for file in ("corrections", "rejected") for row in made.rows(f"{file}.jsonl", Correction))


def test_the_trace_keeps_every_sound_correction(tmp_path: Path) -> None:
    by_trace = rejects(tmp_path, 1.0, "trace")
    assert set(by_trace) == {""} and by_trace[""] > 200


def test_the_trace_reads_what_was_judged_of_a_path_and_nothing_before_it(tmp_path: Path) -> None:
    thought = "<think>Step 1: Nobody has 2 + 2 = 5.\nStep 2: The answer is 5.</think>\n"
    by_trace = rejects(tmp_path, 1.0, "trace", thought)
    assert set(by_trace) == {""} and by_trace[""] > 200


def test_the_trace_rejects_what_the_answer_lets_through(tmp_path: Path) -> None:
    by_answer, by_trace = rejects(tmp_path / "a", 0.0, "answer"), rejects(tmp_path / "t", 0.0, "trace")
    assert by_answer[""] > 100 and by_trace[""] == 0
    assert by_trace.total() == by_answer.total()
    assert by_trace["wrong_answer"] == by_answer["wrong_answer"] > 0
    assert by_trace["other_step_named"] > 20 and by_trace["other_class_named"] > 20


def test_a_question_without_a_trace_cannot_be_filtered_by_it(tmp_path: Path) -> None:
    bare = [msgspec.structs.replace(case.question, trace=None) for case in CASES[:1]]
    judging = Correct(paths=planted(tmp_path / "p"), task=TASK, corrector=Symbolic(), keep="trace")
    (draft,) = Symbolic().correct([(CASES[0].question, CASES[0].solution)])
    with pytest.raises(InputError, match="no trace"):
        judging.judge(bare[0], CASES[0].solution, draft)
    by_trace = Generation(questions=Slice(split="train", stop=9), sampling=Sampling(), keep_corrections="trace")
    gsm8k = Gsm8k(verifier=Numbers(), path="somewhere")
    with pytest.raises(ConfigError, match=r"generation.keep_corrections: gsm8k has no traces"):
        experiment("cot", 0, task=gsm8k, generation=by_trace).check_reasoners()


def test_the_papers_filter_leaves_keys_as_they_were(tmp_path: Path) -> None:
    paths = planted(tmp_path / "p")
    plain = Correct(paths=paths, task=Sums(), corrector=ToyCorrector())
    assert key(plain) == key(Correct(paths=paths, task=Sums(), corrector=ToyCorrector(), keep="answer"))
    assert key(plain) != key(Correct(paths=paths, task=Sums(), corrector=ToyCorrector(), keep="trace"))


def test_hinted_corrections_are_labelled_in_records_mix_arm_and_note(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    run(store, points(["cot", "cot_and_corrections"], [0], corrector=Told(hinted=True)))
    run(store, points(["cot_and_corrections"], [0], model=Model(name="toy", hub="toy/toy", revision="0" * 40)))
    held = finished(tmp_path / "store")
    mixes = [artifact for artifact in held.artifacts if artifact.manifest.kind == "mix"]
    sources = [set(mix.summary["sources"]) for mix in mixes]
    assert sorted(map(sorted, sources)) == [["correction", "cot"], ["cot"], ["cot", "hinted_correction"]]
    rows = [row for mix in mixes for row in mix.rows("examples.jsonl", Example) if "hinted" in row.source]
    assert rows and all(row.made_of is not None and row.made_of.correction.endswith("~toy-hinted") for row in rows)
    names = {arm.arm for arm in held.report.arms}
    label = "[answer-hinted corrections]"
    assert len([name for name in names if label in name]) == 1 and len(names) == 4
    assert any(label in note.text and "told the right answer" in note.text for note in held.report.notes)
    assert [funnel.name for funnel in held.report.funnels if "answer-hinted" in funnel.name]
    hinted = [view for view in held.report.corrections if view.hinted]
    assert hinted and len(hinted) < len(held.report.corrections)
    assert render_html(held.report).count(">answer-hinted</span>") == len(hinted)
    assert any(label in comparison.arm for comparison in held.report.comparisons)


def test_corrections_of_before_are_read_as_not_hinted() -> None:
    row = b'{"question_id":"q","solution_id":"q#m#0","corrector":"c"}'
    assert msgspec.json.decode(row, type=Correction).hinted is False


def test_wrong_paths_that_a_server_refuses_for_good_are_in_the_funnel_by_name(faulty: Faulty, tmp_path: Path) -> None:
    chosen = CASES[:12]
    paths = planted(
        tmp_path / "paths",
        questions=list({case.question.id: case.question for case in chosen}.values()),
        solutions=[case.solution for case in chosen],
    )
    faulty.next = [Fault(), Fault(status=400, message="flagged by the content filter"), Fault(patch=UNSAID)]
    engine = OpenAI(model="toy", base_url=faulty.url, concurrency=1, max_retries=0)
    store = Store(tmp_path / "store")
    make(store, paths)
    funnel = make(store, Correct(paths=paths, task=TASK, corrector=Teacher(engine=engine))).summary["funnel"]
    assert funnel["rejected"]["refused"] == funnel["rejected"]["no_content"] == 1
    assert funnel["corrected"] == len(faulty.requests) == funnel["rejected"]["no_step"] + 2

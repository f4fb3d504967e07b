"""The stage that lets a model pick: known discriminators on toy candidates, through the real store."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from toys.lab import Sums, run_stage
from toys.pickers import discriminated, sampled
from toys.store import make

from lema.base.errors import ConfigError, InputError
from lema.base.protocols import Sampling
from lema.base.records import Solution
from lema.base.spec import key
from lema.discrimination.asking import Asking
from lema.discrimination.picking import Pick
from lema.engines.recorded import Recorded
from lema.engines.scripted import Scripted
from lema.stages.discriminate import Discriminate, Pool
from lema.store import Artifact, Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def run(store: Store, stage: Discriminate) -> Artifact:
    run_stage(store, stage)
    return store.get(stage)


def measured(store: Store, stage: Discriminate) -> dict[str, Any]:
    found: dict[str, Any] = run(store, stage).summary["measured"]
    return found


def test_the_oracle_gets_all_there_is_and_silence_the_worst(store: Store) -> None:
    best, none = measured(store, discriminated("oracle")), measured(store, discriminated("silent"))
    assert best["disc"] == best["oracle"] > best["gen"] > best["worst"] and best["invalid"] == 0
    assert best["normalised"] == pytest.approx(1)
    assert none["disc"] == none["worst"] and none["invalid"] == 1


def test_both_phases_score_the_same_candidates(store: Store) -> None:
    stage = discriminated("random")
    artifact = run(store, stage)
    solutions = list(store.get(stage.candidates).rows("solutions.jsonl", Solution))
    pools = list(artifact.rows("pools.jsonl", Pool))
    assert [value for pool in pools for value in pool.values] == [float(s.verdict.value == "right") for s in solutions]
    assert [answer for pool in pools for answer in pool.answers] == [s.answer for s in solutions]
    of_phase_1 = sum(s.verdict.value == "right" for s in solutions) / len(solutions)
    assert artifact.summary["measured"]["gen"] == pytest.approx(of_phase_1)
    assert measured(store, discriminated("first"))["gen"] == pytest.approx(of_phase_1)


def test_a_candidate_without_an_answer_keeps_its_place(store: Store) -> None:
    pools = list(run(store, discriminated()).rows("pools.jsonl", Pool))
    assert any(None in pool.answers for pool in pools) and {len(pool.values) for pool in pools} == {4}


def test_a_pick_by_position_is_undone_by_the_order_and_one_by_content_is_not(store: Store) -> None:
    first = list(run(store, discriminated("first", cyclic=True)).rows("picks.jsonl", Pick))
    assert [pick.order for pick in first[:8]] == [0, 1, 2, 3] * 2
    assert {pick.chosen for pick in first[:4]} == {0, 1, 2, 3}
    assert all(pick.chosen == pick.shown[0] for pick in first)
    cyclic = measured(store, discriminated("first", cyclic=True))
    assert cyclic["difference"] == pytest.approx(0), "each candidate is picked once"
    pools = {pool.question_id: pool for pool in run(store, discriminated()).rows("pools.jsonl", Pool)}
    picks: dict[str, set[str | None]] = {}
    for pick in run(store, discriminated("largest", cyclic=True)).rows("picks.jsonl", Pick):
        assert pick.chosen is not None
        picks.setdefault(pick.question_id, set()).add(pools[pick.question_id].answers[pick.chosen])
    assert all(len(answers) == 1 for answers in picks.values())


@pytest.mark.parametrize("read_out", ["verbatim", "pairwise", "pointwise"])
def test_every_written_read_out_finds_what_the_model_says(read_out: str, store: Store) -> None:
    engine = Scripted(
        rules=(
            (r"Answer: (\d)0\nScore:$", " {1}"),
            (r"Answer 1: 90\nAnswer 2: \d+\nThe right one is$", " 1."),
            (r"Answer 1: \d+\nAnswer 2: 90\nThe right one is$", " 2."),
            (r"Answer 2: \d+\nThe right one is$", " 1."),
            (r"The right one is$", " 90."),
        )
    )
    solutions = Scripted(default="It is {10|20|30|90}.")
    candidates = sampled(40, engine=solutions, sampling=Sampling(n=4, temperature=1.0))
    stage = discriminated(candidates=candidates, engine=engine, asking=Asking(read_out=read_out, shots=0), demos=None)  # type: ignore[arg-type]
    artifact = run(store, stage)
    pools = {pool.question_id: pool for pool in artifact.rows("pools.jsonl", Pool)}
    seen = 0
    for pick in artifact.rows("picks.jsonl", Pick):
        answers = pools[pick.question_id].answers
        if "90" in answers:
            assert pick.chosen is not None and answers[pick.chosen] == "90", pick
            seen += 1
        elif read_out == "verbatim":
            assert pick.chosen is None
    assert seen > 15


@pytest.mark.parametrize("read_out", ["label_logprob", "pointwise_logprob"])
def test_the_likeliest_label_is_the_pick_and_ties_go_to_the_candidate_sampled_first(
    read_out: str, store: Store
) -> None:
    engine = Scripted(rules=((r"Answer: 90\nThis answer is$", " right"), (r"Answer 3: 90\n", " 3")), default="?")
    candidates = sampled(40, engine=Scripted(default="It is {10|20|30|90}."), sampling=Sampling(n=4, temperature=1.0))
    stage = discriminated(
        candidates=candidates,
        engine=engine,
        asking=Asking(read_out=read_out, shots=0),  # type: ignore[arg-type]
        demos=None,
        cyclic=True,
    )
    artifact = run(store, stage)
    pools = {pool.question_id: pool for pool in artifact.rows("pools.jsonl", Pool)}
    for pick in artifact.rows("picks.jsonl", Pick):
        answers = pools[pick.question_id].answers
        told = answers.index("90") if "90" in answers else 0
        if read_out == "label_logprob":
            told = pick.shown[2] if answers[pick.shown[2]] == "90" else 0
        assert pick.chosen == told and len(pick.scores) == 4
    assert artifact.summary["invalid"] == 0


def test_a_pair_that_is_not_decided_makes_the_pick_invalid(store: Store) -> None:
    engine = Scripted(rules=((r"Answer 1: 10\n", " 1."),), default=" neither")
    candidates = sampled(40, engine=Scripted(default="It is {10|20}."), sampling=Sampling(n=2, temperature=1.0))
    stage = discriminated(candidates=candidates, engine=engine, asking=Asking(read_out="pairwise", shots=0), demos=None)
    picks = list(run(store, stage).rows("picks.jsonl", Pick))
    assert any(pick.chosen is None for pick in picks) and any(pick.chosen is not None for pick in picks)


def test_an_odd_number_of_candidates_has_a_winner_too(store: Store) -> None:
    candidates = sampled(30, n=5)
    stage = discriminated("oracle", candidates, asking=Asking(read_out="pairwise"))
    found = measured(store, stage)
    assert found["disc"] == found["oracle"] and found["invalid"] == 0


def test_what_a_killed_run_had_asked_is_not_asked_again(tmp_path: Path) -> None:
    def stage(fail_after: int | None) -> Discriminate:
        engine = Scripted(rules=((r"What is \d*[02468] ", " 1."),), default=" 2.", fail_after=fail_after)
        return discriminated(engine=engine, part=25)

    whole, broken = Store(tmp_path / "whole"), Store(tmp_path / "broken")
    assert key(stage(60)) == key(stage(None))
    run_stage(broken, stage(60).candidates)
    with pytest.raises(RuntimeError, match="fails after 60"):
        make(broken, stage(60))
    make(broken, stage(70))  # 120 questions, of which 50 are in two finished parts
    files = [run(store, stage(None)).file("picks.jsonl").read_bytes() for store in (whole, broken)]
    assert files[0] == files[1]


def test_questions_with_too_few_candidates_are_left_out_and_counted(store: Store, tmp_path: Path) -> None:
    rows = [("What is 1 + 1?", "2"), ("What is 1 + 1?", "3"), ("What is 2 + 2?", "4")]
    file = tmp_path / "recorded.jsonl"
    file.write_text("".join(json.dumps({"question": q, "solution": a}) + "\n" for q, a in rows))
    engine = Recorded(path=str(file), text="solution", match={"question": "question"}, missing="skip")
    candidates = sampled(10, engine=engine, sampling=Sampling(n=2, temperature=0.7))
    summary = run(store, discriminated("oracle", candidates)).summary
    assert (summary["questions"], summary["left_out"]) == (1, 9)
    with pytest.raises(InputError, match="no question has 3 candidates"):
        run(store, discriminated("oracle", sampled(10, engine=engine, sampling=Sampling(n=3, temperature=0.7))))


def test_simplified_distractors_are_shown_and_not_scored(store: Store) -> None:
    own, other = discriminated("oracle"), discriminated("oracle", asking=Asking(distractors="other_questions"))
    assert run(store, own).file("pools.jsonl").read_bytes() == run(store, other).file("pools.jsonl").read_bytes()
    assert key(own) != key(other)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"candidates": sampled(n=1)}, "2 to 9 candidates, got 1"),
        ({"candidates": sampled(n=10)}, "2 to 9 candidates, got 10"),
        ({"asking": Asking(read_out="likelihood")}, "read_outs: likelihood scores whole solutions"),
        ({"demos": None}, "demos: say which training questions"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_runs(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        discriminated(**changed).check()


def test_settings_that_only_say_how_it_runs_are_in_no_key() -> None:
    assert key(discriminated(part=7, device="cpu", batch_tokens=5)) == key(discriminated())
    assert len({key(discriminated(**c)) for c in ({}, {"cyclic": True}, {"seed": 1}, {"max_tokens": 9})}) == 4
    assert discriminated().loads == discriminated(asking=Asking(shots=5)).loads
    assert msgspec.json.encode(discriminated().loads) and Sums().name == "sums"

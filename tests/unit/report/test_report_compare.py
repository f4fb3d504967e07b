"""Comparing arms: pairing, refusals, and what is said."""

from __future__ import annotations

import msgspec
import pytest
from toys.report import results

from lema.base.errors import InputError
from lema.report.findings.compare import compare
from lema.report.findings.results import ArmResult


def answers(right: int, n: int = 100, first: int = 0) -> dict[str, bool]:
    return {f"q{i:03}": first <= i < first + right for i in range(n)}


def test_an_interval_says_whether_it_is_of_new_runs_too() -> None:
    one = [result for result in results(n=200) if result.arm != "cot" or result.seed == 0]
    summaries, _ = compare(one, base="base")
    assert [(s.arm, s.interval) for s in summaries] == [
        ("base", "Wilson, new questions"),
        ("cot", "Wilson, new questions"),
        ("cot_and_corrections", "new questions"),
    ]
    summaries, _ = compare(results(n=200, seeds=(0, 1, 2)), base="base")
    assert [s.interval for s in summaries] == ["Wilson, new questions", *["new questions and runs"] * 2]
    assert all(s.low < s.accuracy < s.high and s.n == 200 for s in summaries)


def test_every_arm_meets_the_baseline_and_every_arm_meets_the_base_model() -> None:
    _, comparisons = compare(results(n=200), baseline="cot", base="base")
    assert [(c.arm, c.baseline) for c in comparisons] == [
        ("cot_and_corrections", "cot"),
        ("cot", "base"),
        ("cot_and_corrections", "base"),
    ]


def test_the_difference_is_that_of_the_accuracies_over_all_runs() -> None:
    arms = [
        ArmResult(arm="a", seed=1, right=answers(50)),
        ArmResult(arm="a", seed=0, right=answers(60)),
        ArmResult(arm="b", seed=0, right=answers(70)),
        ArmResult(arm="b", seed=7, right=answers(90)),
    ]
    _, (c,) = compare(arms)
    assert (c.arm, c.baseline, c.seeds, c.baseline_seeds) == ("b", "a", (0, 7), (0, 1))
    assert c.difference == pytest.approx(0.25) and (c.won, c.lost) == (40, 0)
    assert c.about == "runs" and c.run_df == 2 and c.p_exact is None


def test_the_order_in_which_questions_are_given_does_not_matter() -> None:
    arms = results(n=150)
    backwards = [msgspec.structs.replace(a, right=dict(reversed(list(a.right.items())))) for a in arms]
    assert compare(arms, base="base") == compare(backwards, base="base")


def test_different_question_sets_are_refused_and_the_difference_is_named() -> None:
    arms = [ArmResult(arm="a", seed=0, right=answers(3, 10)), ArmResult(arm="b", seed=0, right=answers(3, 12))]
    with pytest.raises(InputError, match=r"2 only in arm 'b', seed 0 \(q010, q011\)"):
        compare(arms)


@pytest.mark.parametrize(
    ("arms", "message"),
    [
        ([ArmResult(arm="a", seed=0, right={})], "answered no questions"),
        ([ArmResult(arm="a", seed=0, right=answers(1))] * 2, "given twice"),
    ],
)
def test_what_cannot_be_compared_is_refused(arms: list[ArmResult], message: str) -> None:
    with pytest.raises(InputError, match=message):
        compare(arms)


def test_an_unknown_baseline_is_refused() -> None:
    with pytest.raises(InputError, match="baseline 'cots' is none of the evaluated arms: base, cot"):
        compare(results(n=50), baseline="cots")


def test_arms_of_different_seeds_and_of_different_numbers_of_runs_are_compared() -> None:
    arms = [ArmResult(arm="a", seed=s, right=answers(50 + s)) for s in (0, 1, 2)]
    arms += [ArmResult(arm="b", seed=9, right=answers(50))]
    _, (c,) = compare(arms)
    assert (c.seeds, c.baseline_seeds, c.about, c.run_df) == ((9,), (0, 1, 2), "runs", 2)


def test_a_clear_gain_is_better_a_clear_loss_worse_and_a_small_one_cannot_be_told() -> None:
    said = {}
    for gain in (0.08, -0.08, 0.002):
        _, comparisons = compare(results(n=1000, seeds=(0, 1, 2), gain=gain), baseline="cot", base="base")
        said[gain] = comparisons[0]
    assert [c.verdict for c in said.values()] == ["better", "worse", "cannot tell"]
    assert "is better than cot by" in said[0.08].words and "1,000 questions, 3 runs against 3" in said[0.08].words
    assert "runs spread by" in said[0.08].words and "(4 df)" in said[0.08].words
    assert said[0.002].words.startswith("Cannot tell cot_and_corrections from cot: ")
    assert "points or more would probably have been found." in said[0.002].words


def test_single_runs_of_a_training_are_two_models_and_nothing_is_said_of_runs() -> None:
    _, (c,) = compare([ArmResult(arm=a, seed=0, right=answers(r)) for a, r in (("a", 50), ("b", 62))])
    assert (c.verdict, c.about, c.run_sd) == ("above", "these models", None)
    assert c.words.startswith("These two models differ: b is 12.0 points above a (95 % interval +")
    assert c.doubt_sd is not None and 0 < c.doubt_sd < 0.12 / 1.96
    doubt = f"they would not be called different if runs spread by {100 * c.doubt_sd:.1f} points or more."
    assert c.words.endswith(doubt) and "better" not in c.words and "cannot be said from one run each" in c.words
    assert c.p_exact == pytest.approx(2 * 0.5**12)
    _, (c,) = compare([ArmResult(arm=a, seed=0, right=answers(r)) for a, r in (("a", 50), ("b", 51))])
    assert c.verdict == "cannot tell" and c.doubt_sd is None
    assert c.words.endswith("would probably have been found between these two models.")


def test_two_models_before_training_are_just_two_models() -> None:
    arms = [ArmResult(arm=a, seed=None, right=answers(r)) for a, r in (("a", 50), ("b", 70))]
    _, (c,) = compare(arms)
    assert c.verdict == "above" and c.doubt_sd is None and "new runs" not in c.words


def test_arms_of_the_same_training_lend_what_they_tell_of_runs_and_others_do_not() -> None:
    def arm(name: str, seeds: int, training: str) -> list[ArmResult]:
        return [ArmResult(arm=name, seed=s, right=answers(50 + s), training=training) for s in range(seeds)]

    _, (c,) = compare([*arm("a", 1, "x"), *arm("b", 1, "x"), *arm("c", 3, "x")], baseline=[("b", "a")])
    assert (c.about, c.run_df, c.lent_df) == ("runs", 0, 2)
    assert "runs spread by" in c.words and "(2 df, of which 2 from other arms)" in c.words
    for others in (arm("c", 3, "y"), arm("c", 1, "x")):
        _, (c,) = compare([*arm("a", 1, "x"), *arm("b", 1, "x"), *others], baseline=[("b", "a")])
        assert (c.about, c.lent_df) == ("these models", 0)
    _, (c,) = compare([*arm("a", 1, ""), *arm("b", 1, ""), *arm("c", 3, "")], baseline=[("b", "a")])
    assert c.about == "these models", "nothing is known of what kind of training these are"


def test_several_arms_against_one_baseline_are_adjusted_together() -> None:
    arms = [ArmResult(arm="a", seed=0, right=answers(50))]
    arms += [ArmResult(arm="b", seed=0, right=answers(60)), ArmResult(arm="c", seed=0, right=answers(57))]
    _, comparisons = compare(arms)
    one, two = (c.p for c in comparisons)
    assert [c.p_adjusted for c in comparisons] == pytest.approx([2 * one, max(2 * one, two)])
    assert {c.family for c in comparisons} == {2}
    _, (alone,) = compare(arms[:2])
    assert alone.p == one and alone.high - alone.low < comparisons[0].high - comparisons[0].low
    assert alone.smallest < comparisons[0].smallest


def test_a_bound_at_zero_is_more_than_zero() -> None:
    arms = [ArmResult(arm="a", seed=0, right=answers(50))]
    arms += [ArmResult(arm="b", seed=0, right=answers(80)), ArmResult(arm="c", seed=0, right=answers(57))]
    arms += [ArmResult(arm="d", seed=0, right=answers(75))]
    _, comparisons = compare(arms)
    assert comparisons[1].low == 0 and comparisons[1].verdict == "above"
    assert "95 % interval more than 0 to +" in comparisons[1].words


def test_arms_are_compared_within_each_task() -> None:
    arms = [
        ArmResult(arm=arm, seed=0, right={f"{task}-{id_}": ok for id_, ok in answers(right).items()}, task=task)
        for task in ("easy", "hard")
        for arm, right in (("cot", 60), ("mix", 80))
    ]
    _, comparisons = compare(arms)
    assert [(c.task, c.arm) for c in comparisons] == [("easy", "mix"), ("hard", "mix")]
    assert "These two models differ on hard: mix is 20.0 points above cot" in comparisons[1].words

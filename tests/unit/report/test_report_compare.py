"""Comparing arms: pairing, refusals, and what is said."""

from __future__ import annotations

import msgspec
import pytest
from toys.report import results

from lema.base.errors import InputError
from lema.report.findings.compare import ArmResult, compare


def answers(right: int, n: int = 100, first: int = 0) -> dict[str, bool]:
    return {f"q{i:03}": first <= i < first + right for i in range(n)}


def test_one_seed_has_a_wilson_interval_and_several_a_bootstrap_over_questions() -> None:
    summaries, _, _ = compare(results(n=200), base="base")
    assert [(s.arm, s.interval) for s in summaries] == [
        ("base", "Wilson"),
        ("cot", "bootstrap"),
        ("cot_and_corrections", "bootstrap"),
    ]
    assert all(s.low < s.accuracy < s.high and s.n == 200 for s in summaries)


def test_every_arm_meets_the_baseline_and_every_arm_meets_the_base_model() -> None:
    _, comparisons, _ = compare(results(n=200), baseline="cot", base="base")
    assert [(c.arm, c.baseline) for c in comparisons] == [
        ("cot_and_corrections", "cot"),
        ("cot", "base"),
        ("cot_and_corrections", "base"),
    ]


def test_the_difference_is_that_of_the_accuracies_and_seeds_are_paired_with_themselves() -> None:
    arms = [
        ArmResult(arm="a", seed=1, right=answers(50)),
        ArmResult(arm="a", seed=0, right=answers(60)),
        ArmResult(arm="b", seed=0, right=answers(70)),
        ArmResult(arm="b", seed=1, right=answers(90)),
    ]
    _, (c,), _ = compare(arms)
    assert (c.arm, c.baseline, c.seeds) == ("b", "a", (0, 1))
    assert c.by_seed == pytest.approx((0.10, 0.40)) and c.difference == pytest.approx(0.25)
    assert c.p_by_seed == pytest.approx((2 * 0.5**10, 2 * 0.5**40))
    assert (c.won, c.lost) == (40, 0)


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
        ([ArmResult(arm=a, seed=s, right=answers(1)) for a, s in (("a", 0), ("b", 1))], "none in common"),
    ],
)
def test_what_cannot_be_compared_is_refused(arms: list[ArmResult], message: str) -> None:
    with pytest.raises(InputError, match=message):
        compare(arms)


def test_an_unknown_baseline_is_refused() -> None:
    with pytest.raises(InputError, match="baseline 'cots' is none of the evaluated arms: base, cot"):
        compare(results(n=50), baseline="cots")


def test_seeds_that_one_arm_lacks_are_left_out_and_said() -> None:
    arms = [ArmResult(arm="a", seed=s, right=answers(50)) for s in (0, 1, 2)]
    arms += [ArmResult(arm="b", seed=s, right=answers(50)) for s in (0, 1)]
    _, (c,), notes = compare(arms)
    assert c.seeds == (0, 1)
    assert [note.text for note in notes] == ["b and a are compared on their common seeds; left out: 2."]


def test_a_clear_gain_is_better_a_clear_loss_worse_and_a_small_one_cannot_be_told() -> None:
    said = {}
    for gain in (0.06, -0.06, 0.002):
        _, comparisons, _ = compare(results(n=1000, gain=gain), baseline="cot", base="base")
        said[gain] = comparisons[0]
    assert [c.verdict for c in said.values()] == ["better", "worse", "cannot tell"]
    assert "is better than cot by" in said[0.06].words and "1,000 questions, 2 seeds" in said[0.06].words
    assert said[0.002].words.startswith("Cannot tell cot_and_corrections from cot: ")
    assert "points or more would probably have been found" in said[0.002].words


def test_several_arms_against_one_baseline_are_adjusted_together() -> None:
    arms = [ArmResult(arm="a", seed=0, right=answers(50))]
    arms += [ArmResult(arm="b", seed=0, right=answers(57)), ArmResult(arm="c", seed=0, right=answers(56))]
    _, comparisons, _ = compare(arms)
    assert [c.p for c in comparisons] == pytest.approx([2 / 128, 2 / 64])
    assert [c.p_adjusted for c in comparisons] == pytest.approx([4 / 128, 4 / 128])
    arms.append(ArmResult(arm="d", seed=0, right=answers(50)))
    _, comparisons, _ = compare(arms)
    assert [c.p_adjusted for c in comparisons] == pytest.approx([6 / 128, 8 / 128, 1.0])
    assert comparisons[1].verdict == "cannot tell" and "the exact test does not agree" in comparisons[1].words


def test_arms_are_compared_within_each_task() -> None:
    arms = [
        ArmResult(arm=arm, seed=0, right={f"{task}-{id_}": ok for id_, ok in answers(right).items()}, task=task)
        for task in ("easy", "hard")
        for arm, right in (("cot", 60), ("mix", 80))
    ]
    _, comparisons, _ = compare(arms)
    assert [(c.task, c.arm) for c in comparisons] == [("easy", "mix"), ("hard", "mix")]
    assert "is better than cot on hard by 20.0 points" in comparisons[1].words

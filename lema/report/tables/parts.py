"""Parts of a report about data and checkpoints: what became of questions and paths, and what else was measured.

`lema.report.model` has the parts about accuracy, and the report itself.
"""

from __future__ import annotations

from typing import Literal

import msgspec


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all parts of a report."""


By = Literal["all", "reasoner", "difficulty", "error"]


class SuccessRow(Part, frozen=True, kw_only=True):
    """Paths of one group that were given to a corrector, and how many corrections were accepted.

    `low` and `high` are Wilson's bounds of the rate, which takes paths as independent; paths of one question are
    not quite. Lengths are means over accepted corrections, None where there is none.
    """

    corrector: str
    by: By
    name: str
    sent: int
    accepted: int
    rate: float
    low: float
    high: float
    mean_steps: float | None  # corrected steps
    mean_words: float | None  # of explanation and corrected steps


class Level(Part, frozen=True, kw_only=True):
    """Of what came to one level of a sieve: what was left out, and what stayed, which `name` says in words."""

    name: str
    came: int
    left_out: dict[str, int]  # reason -> how many
    stayed: int


class Sieve(Part, frozen=True, kw_only=True):
    """What became of every draw of a seed question (evolution), every further path (augmentation), or every program
    (synthesis)."""

    name: str
    top: str  # what came to the first level
    levels: tuple[Level, ...]

    def check(self) -> None:
        """Raise AssertionError when something is lost or counted twice: that is a bug, not an input error."""
        came = self.levels[0].came
        for level in self.levels:
            counted = sum(level.left_out.values()) + level.stayed
            if not came == level.came == counted:
                raise AssertionError(
                    f"{self.name!r} does not sum at {level.name!r}: left out + stayed is {counted}, came is {came}"
                )
            came = level.stayed


class LeakCount(Part, frozen=True, kw_only=True):
    """Training questions of one source that an arm's mixes left out as leaks, by rule.

    An arm whose training questions were compared with test questions and are all clean has one row without source.
    """

    arm: str
    seeds: tuple[int, ...]
    source: str
    dropped: dict[str, int]  # rule -> questions


class LeakPair(Part, frozen=True, kw_only=True):
    """A training question that was left out, and the test question that it gives away: texts, or ids where a store
    holds no texts."""

    question: str
    test_question: str
    test_set: str
    source: str
    rule: str
    share: float  # of the test question's n-grams; 1 for rules other than "overlap"


class Leaks(Part, frozen=True, kw_only=True):
    """What decontamination left out of the mixes; `pairs` are some of the `distinct` ones."""

    counts: tuple[LeakCount, ...]
    pairs: tuple[LeakPair, ...]
    distinct: int


class Choice(Part, frozen=True, kw_only=True):
    """The kept checkpoints of one training run on the questions that one of them was chosen on.

    `best_three` is the mean accuracy of the three best of them, which the paper prints in its Table 5: chosen and
    measured on the same questions. None of fewer than three. `paper` is the paper's, where it has one and `by` is its
    choice.
    """

    arm: str
    seed: int
    by: str  # best_on_dev or best_on_test
    on: str  # task and slice
    questions: int
    chosen: int  # step
    steps: tuple[int, ...]
    accuracies: tuple[float, ...]  # shares of 1, one a step
    best_three: float | None = None
    paper: float | None = None


class DeltaPpl(Part, frozen=True, kw_only=True):
    """Delta-PPL of one model (paper, appendix D.5): mean of PPL(wrong path) - PPL(path of its correction).

    `low` and `high` bound the mean, by a bootstrap over questions. None where there is too little to say a number.
    """

    model: str
    arm: str  # of the report, or `base` before training
    seed: int | None
    corrections_of: str  # whose paths were corrected
    corrections: int
    questions: int
    mean: float | None
    low: float | None
    high: float | None
    median: float | None
    wrong_ppl: float | None  # means of the two perplexities
    right_ppl: float | None


class ProgramRow(Part, frozen=True, kw_only=True):
    """Programs of one arm and seed: counts of `n` questions."""

    arm: str
    seed: int | None
    task: str
    n: int
    right: int
    executed: int  # left a value
    errors: dict[str, int]  # class of the others -> how many; after refinement, if there is any
    refined: int  # answers that are a repair
    refined_executed: int  # of these, how many left a value
    right_pad_v1: int  # by the rounding of the paper's code


class MeasureRow(Part, frozen=True, kw_only=True):
    """What an answering says of its answers beside their verdicts: one measure of one arm and seed, as shares of 1."""

    arm: str
    seed: int | None
    task: str
    measure: str
    n: int  # questions
    mean: float
    low: float
    high: float


class PickRow(Part, frozen=True, kw_only=True):
    """One model's picks among sampled answers (SELF-[IN]CORRECT), by one read-out. Scores are shares of 1.

    `mixed_*` are on questions with right and wrong answers. None where there is nothing that a number could be of.
    """

    model: str
    arm: str  # of the report, or `base` before training
    seed: int | None  # of training
    task: str
    answers_of: str  # who sampled the answers, when it is not the model that picks
    asked: str  # how
    questions: int
    left_out: int  # questions with too few answers, over all seeds of sampling
    answers: int  # a question
    samplings: int  # seeds of sampling
    orders: int
    gen: float
    gen_random: float
    disc: float
    difference: float
    low: float  # simultaneous 95 % over all rows of the report; a bound of just 0 means more (or less) than 0
    high: float
    lower: float  # one-sided 95 % bounds, simultaneous too
    upper: float
    margin: float
    p: float  # two-sided: this model on new questions
    p_adjusted: float  # Holm, over all rows of the report
    family: int  # how many these are
    smallest: float  # true gain that would be found with 80 % power
    invalid: float
    worst: float
    oracle: float
    majority: float
    over_majority: float
    over_majority_low: float
    over_majority_high: float
    headroom: float
    normalised: float | None
    normalised_low: float | None
    normalised_high: float | None
    mixed_questions: int
    mixed_gen: float | None
    mixed_disc: float | None
    mixed_difference: float | None
    mixed_low: float | None
    mixed_high: float | None
    chosen_at: tuple[float, ...]  # share of valid picks at each position
    right_at: tuple[float, ...]  # share of right answers at each position
    found_at: tuple[float | None, ...]  # how often the only right answer is picked, by its position
    p_position: float | None  # chi-square, picks of the first orders against equal shares
    consistency: float | None  # share of pairs of orders with the same pick
    verdict: str
    words: str


class PickPair(Part, frozen=True, kw_only=True):
    """Two arms by one read-out: what the second has more of than the first. Shares of 1, with 95 % intervals.

    `about`, `p`, the interval of `difference` and the verdict are as in a comparison of accuracies; the other intervals
    are not adjusted and nothing is judged by them.
    """

    model: str
    task: str
    asked: str
    first: str
    second: str
    questions: int
    gen: tuple[float, float, float]  # value, low, high
    difference: tuple[float, float, float]  # of DG-DIFF
    runs: tuple[int, int]  # trainings of each; 0 for a model before training
    about: str  # runs, or these models
    run_sd: float | None  # of DG-DIFF
    run_df: float
    lent_df: float
    p: float
    p_adjusted: float  # Holm, over all rows
    family: int
    smallest: float
    headroom: tuple[float, float, float]
    vote: tuple[float, float, float]  # of the majority's gain over S_gen
    verdict: str


class PaperPick(Part, frozen=True, kw_only=True):
    """The paper's figures of one model and task, and ours of the same where there are any."""

    model: str
    task: str
    questions: int
    gen: float
    disc: float
    difference: float
    p: float | None
    largest_p: float | None  # that its own counts allow
    impossible: bool  # p is larger than that
    ours_gen: float | None
    ours_disc: float | None
    ours_difference: float | None
    ours_asked: str
    printed: str
    note: str

"""Parts of a report about output spaces (PaD, arXiv 2305.13888)."""

from __future__ import annotations

from lema.report.tables.parts import Part

Value = tuple[float, float | None, float | None]  # with its 95 % interval; None for fewer than 2 questions


class SpaceRow(Part, frozen=True, kw_only=True):
    """Predictions of one model on gold targets of held-out questions, of those that every model measured on the same
    slice has a target for."""

    model: str
    arm: str  # of the report, or `base` before training
    seed: int | None
    where: str  # task and slice
    target: str  # path, answer or program
    questions: int
    left_out: int  # of the slice: some model has no target for them
    tokens: int  # of all targets, end tokens with them
    question_bits: Value  # -log2 of a target's probability
    token_bits: Value
    entropy: Value  # of a next token, in bits
    vocabulary: Value  # exp of it
    top: Value  # share of tokens that the model finds likeliest where they stand


class SpacePair(Part, frozen=True, kw_only=True):
    """One model less another on the same questions, seeds that both have put together."""

    model: str
    where: str
    arm: str
    against: str
    seeds: tuple[int, ...]  # of training
    questions: int
    question_bits: Value
    entropy: Value
    vocabulary: Value
    top: Value

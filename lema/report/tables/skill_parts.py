"""Parts of a report about whether models learned to correct."""

from __future__ import annotations

from typing import Literal

from lema.report.tables.parts import Part

Learned = Literal["learned", "not learned", "cannot tell"]


class Share(Part, frozen=True, kw_only=True):
    """A share of 1 with its 95 % interval, over the runs of an arm."""

    value: float
    low: float
    high: float
    interval: str  # how low and high were made
    by_seed: tuple[float, ...]


class Beside(Part, frozen=True, kw_only=True):
    """How much more often a correction ends right than a second sample of the same model; shares of 1."""

    difference: float
    low: float  # simultaneous 95 % over the arms with corrections of a report
    high: float
    about: str  # new runs, or these models
    p_adjusted: float
    verdict: str  # of a comparison


class OwnCorrections(Part, frozen=True, kw_only=True):
    """An arm's answers to mistakes of its own training set, counted over its runs."""

    asked: int
    as_taught: int  # letter by letter
    well_formed: int
    step_named: int | None  # the step that was taught; None where corrections name none
    right: int | None


class SkillRow(Part, frozen=True, kw_only=True):
    """One arm, asked to correct held-out mistakes of the model before training in the form in which corrections are
    taught. `taught` is whether it learned from such corrections; where not, `beside`, `verdict` and `words` are empty.

    Shares are of all mistakes, whether or not a reply is well-formed. None: nobody can know it.
    """

    arm: str
    where: str  # whose mistakes
    seeds: tuple[int, ...]
    taught: bool
    mistakes: int
    well_formed: Share
    step_named: Share | None  # the first wrong one
    step_guess: float | None  # the same of who names one and the same step always, the commonest one
    right: Share | None  # the final answer
    sound: Share | None  # well-formed, the first wrong step named, and no step wrong
    again: Share  # a second sample of the same model is right
    beside: Beside | None
    malformed: dict[str, float]  # first fault of the form -> share of all mistakes
    own: OwnCorrections | None
    verdict: Learned | Literal[""]
    words: str

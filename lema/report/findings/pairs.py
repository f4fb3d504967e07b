"""Which arm is compared with which: the policy of a sweep's report.

An arm with corrections is compared with the arms of the same model and training that have CoT alone; where those are
many, with the one of the nearest size. Where no arm has CoT alone and some have evolved questions, these are compared
with those that have none, and with one another. Arms that answer with programs are also compared with the first of
them, and others that differ in nothing but how they answer with the first of these. Every arm is compared with its own
model before training.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lema.report.findings.arms import Evaluated, Form, identity, leaves_of, seedless
from lema.report.findings.compare import Pairs
from lema.report.findings.evolved import evolution_rounds

MOST = 3  # CoT arms that one arm is compared with


def pairings(arms: Sequence[Evaluated], sizes: Mapping[str, float]) -> tuple[Pairs | None, Pairs]:
    """Pairs of arms and their baselines, and of arms and their models before training.

    The first is None where no arm has corrections, or none is without, and no questions were evolved: then all are
    compared with the first.

    Args:
        sizes: of the arms' training sets, as far as they are known.
    """
    forms = {arm.arm: seedless(arm.form) for arm in arms}
    bases = {arm.arm: forms[arm.arm] for arm in arms if arm.trained is None}
    trained = {arm.arm: forms[arm.arm] for arm in arms if arm.trained is not None}
    cot = {arm.arm: recipe(forms[arm.arm]) for arm in arms if arm.only_cot}
    others = [name for name in trained if name not in cot]
    against = [(name, one) for name in others for one in baselines(name, nearest(recipe(forms[name]), cot), sizes)]
    against = against or evolved(trained)
    programs = [name for name, form in trained.items() if runs_programs(form)]
    against += [(name, programs[0]) for name in programs[1:]]
    voting = otherwise_answered({name: form for name, form in trained.items() if name not in programs})
    if voting and not against:
        plain = [name for name in trained if name not in dict(voting)]
        against = [(name, plain[0]) for name in plain[1:]]
    against += voting
    before = [(name, nearest(untrained(form), bases)[0]) for name, form in trained.items() if bases]
    return against or None, before


def runs_programs(arm: Form) -> bool:
    """Whether a model answers with programs that are run."""
    kinds = {held for at, held in leaves_of(arm.get("answering") or {}) if at.endswith(".kind")}
    return "executing" in arm or "program" in kinds


def otherwise_answered(trained: Mapping[str, Form]) -> list[tuple[str, str]]:
    """Arms that differ in nothing but how they answer, each with the one that answers with a path, else the first."""
    first: dict[str, str] = {}
    for name in sorted(trained, key=lambda name: "answering" in trained[name]):
        first.setdefault(identity(model_alone(trained[name])), name)
    pairs = [(name, first[identity(model_alone(form))]) for name, form in trained.items()]
    return [(name, one) for name, one in pairs if name != one]


def model_alone(arm: Form) -> Form:
    return {name: held for name, held in arm.items() if name != "answering"}


def evolved(trained: Mapping[str, Form]) -> list[tuple[str, str]]:
    """Pairs that say what evolution does: arms without it against the first of them, then each arm with it against
    those without, and against those with it that come before; none where no arm has it."""
    rounds = {name: evolution_rounds(form["trained"]) for name, form in trained.items()}
    plain = [name for name, number in rounds.items() if not number]
    more = [name for name, number in rounds.items() if number]
    if not more or len(more) > MOST or len(plain) > MOST:
        return []
    among = [(name, one) for name in more for one in (*plain, *more[: more.index(name)])]
    return [*((name, plain[0]) for name in plain[1:]), *among]


def baselines(name: str, alike: Sequence[str], sizes: Mapping[str, float]) -> Sequence[str]:
    """All of these arms where they are few, else the one of the nearest size; of several such, the first."""
    if len(alike) <= MOST:
        return alike
    return [min(alike, key=lambda one: abs(sizes.get(one, 0.0) - sizes.get(name, 0.0)))]


def recipe(arm: Form) -> Form:
    """A trained arm without its examples: which model, trained how."""
    return {**arm, "trained": {name: held for name, held in arm["trained"].items() if name != "examples"}}


def untrained(arm: Form) -> Form:
    """An arm as its model before training would be."""
    return {name: arm[name] for name in ("engine", "format", "answering") if name in arm}


def nearest(form: Form, others: Mapping[str, Form]) -> list[str]:
    """Names of the forms that differ in the fewest fields."""
    own = set(leaves_of(form))
    apart = {name: len(own ^ set(leaves_of(other))) for name, other in others.items()}
    return [name for name, fields in apart.items() if fields == min(apart.values())]

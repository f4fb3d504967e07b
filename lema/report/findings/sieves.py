"""What became of the draws of evolution stages, the paths of augmentation stages and the programs of synthesis."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from lema.report.findings.arms import Form, distinct
from lema.report.findings.corrections import by_size, funnel_name
from lema.report.findings.evolved import strategy
from lema.report.tables.parts import Level, Sieve
from lema.report.tables.text import count
from lema.store import Artifact


def sieves(
    evolved: Sequence[Artifact], augmented: Sequence[Artifact], synthesised: Sequence[Artifact] = ()
) -> tuple[Sieve, ...]:
    """One for each finished stage, under names that tell them apart.

    Raises:
        AssertionError: the counts of a stage do not sum.
    """
    made = [
        *named({artifact.key: (evolution_name(artifact.manifest.spec), artifact) for artifact in evolved}, evolution),
        *named({artifact.key: (augmentation_name(artifact.manifest.spec), artifact) for artifact in augmented}, kept),
        *named(
            {artifact.key: (synthesis_name(artifact.manifest.spec), artifact) for artifact in synthesised}, programs
        ),
    ]
    for sieve in made:
        sieve.check()
    return tuple(made)


def named(stages: Mapping[str, tuple[str, Artifact]], read: Callable[[str, Artifact], Sieve]) -> list[Sieve]:
    names = distinct({key: (name, artifact.manifest.spec) for key, (name, artifact) in stages.items()})
    return [read(names[key], artifact) for key, (_, artifact) in stages.items()]


def evolution_name(spec: Form) -> str:
    """The strategy, and who writes the questions."""
    evolver = spec["evolver"]
    writer = (evolver.get("engine") or {}).get("model") or evolver.get("engine") or evolver
    kind = strategy(spec)
    return f"{kind[:1].upper()}{kind[1:]} evolution by {writer.get('name') or writer.get('kind')}"


def augmentation_name(spec: Form) -> str:
    return f"Augmentation by {funnel_name(spec)}"


def synthesis_name(spec: Form) -> str:
    teacher = spec["teacher"].get("engine") or spec["teacher"]
    teacher = teacher.get("model") or teacher
    return f"Programs by {teacher.get('name') or teacher.get('kind')}"


def evolution(name: str, artifact: Artifact) -> Sieve:
    """From drawn seeds to kept questions: unreadable replies, then repetitions and leaks, then questions that a vote
    gives no label."""
    counts = artifact.summary["funnel"]
    voted = artifact.manifest.spec.get("voting") is not None
    levels = [
        Level(
            name="new questions written",
            came=counts["seeds"],
            left_out=by_size(counts["rejected"]),
            stayed=counts["evolved"],
        ),
        Level(
            name="unlike any other question" if voted else "kept, unlike any other question",
            came=counts["evolved"],
            left_out=by_size(counts["duplicates"]),
            stayed=counts["distinct"],
        ),
        Level(
            name="kept, labelled by a majority",
            came=counts["distinct"],
            left_out=by_size(counts["unlabelled"]),
            stayed=counts["kept"],
        ),
    ]
    top = f"drawn from {count(counts['distinct_seeds'])} different seed questions"
    return Sieve(name=name, top=top, levels=tuple(levels if voted else levels[:2]))


def kept(name: str, artifact: Artifact) -> Sieve:
    """From sampled paths to those that are trained on."""
    counts = artifact.summary
    level = Level(
        name=f"kept, of {count(counts['questions'])} questions",
        came=counts["sampled"],
        left_out=by_size(counts["dropped"]),
        stayed=counts["kept"],
    )
    return Sieve(name=name, top="sampled paths", levels=(level,))


def programs(name: str, artifact: Artifact) -> Sieve:
    """From written programs to those that are learned from: what does not run, what is wrong, what is there already."""
    counts = artifact.summary
    reasons = {"right": ("wrong", "several_lines"), "kept": ("duplicate", "over_per_question")}
    later = {reason for several in reasons.values() for reason in several}
    steps = [
        ("ran and left a value", [reason for reason in counts["dropped"] if reason not in later], counts["executed"]),
        ("with the right value", reasons["right"], counts["right"]),
        (f"kept, of {count(counts['questions'])} questions", reasons["kept"], counts["kept"]),
    ]
    levels = []
    came = counts["sampled"]
    for said, left_out, stayed in steps:
        dropped = {reason: counts["dropped"][reason] for reason in left_out if reason in counts["dropped"]}
        levels.append(Level(name=said, came=came, left_out=by_size(dropped), stayed=stayed))
        came = stayed
    return Sieve(name=name, top=f"programs written for {count(counts['asked'])} questions", levels=tuple(levels))

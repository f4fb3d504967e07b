"""What became of the draws of evolution stages, and of the paths of augmentation stages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from lema.report.arms import Form, distinct
from lema.report.corrections import by_size, funnel_name
from lema.report.evolved import strategy
from lema.report.parts import Level, Sieve
from lema.report.text import count
from lema.store import Artifact


def sieves(evolved: Sequence[Artifact], augmented: Sequence[Artifact]) -> tuple[Sieve, ...]:
    """One for each finished stage, under names that tell them apart.

    Raises:
        AssertionError: the counts of a stage do not sum.
    """
    made = [
        *named({artifact.key: (evolution_name(artifact.manifest.spec), artifact) for artifact in evolved}, evolution),
        *named({artifact.key: (augmentation_name(artifact.manifest.spec), artifact) for artifact in augmented}, kept),
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

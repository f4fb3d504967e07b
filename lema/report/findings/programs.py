"""What running a model's programs showed, and what the majority of several answers comes to (PaD, arXiv 2305.13888)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from lema.base.records import Solution, Verdict
from lema.base.stats import clustered_mean
from lema.pad.judging import vote_class
from lema.report.findings.arms import Evaluated, identity
from lema.report.tables.parts import ProgramRow, VoteRow
from lema.store import Artifact


def program_rows(arms: Sequence[Evaluated]) -> tuple[ProgramRow, ...]:
    """One row an arm, seed and task whose answers are programs."""
    found = []
    for arm in arms:
        counts = arm.artifact.summary.get("programs")
        if counts is not None and not arm.grader:
            found.append(
                ProgramRow(
                    arm=arm.arm,
                    seed=arm.seed,
                    task=arm.task,
                    n=arm.artifact.summary["questions"],
                    right=arm.artifact.summary["right"],
                    executed=counts["executed"],
                    errors=counts["errors"],
                    refined=counts["refined"],
                    refined_executed=counts["refined_executed"],
                    right_pad_v1=counts["right_pad_v1"],
                )
            )
    return tuple(found)


def vote_rows(generated: Sequence[Artifact], arms: Sequence[Evaluated]) -> tuple[VoteRow, ...]:
    """One row an arm, seed and task that several answers to each question were sampled from."""
    sampled = {model_and_questions(artifact.manifest.spec): artifact for artifact in generated}
    found = []
    for arm in arms:
        artifact = sampled.get(model_and_questions(arm.form))
        if artifact is None or arm.grader or artifact.manifest.spec["sampling"]["n"] < 2:
            continue
        shares = list(majorities(artifact))
        mean = clustered_mean([[share] for share in shares])
        found.append(
            VoteRow(
                arm=arm.arm,
                seed=arm.seed,
                task=arm.task,
                k=artifact.manifest.spec["sampling"]["n"],
                n=len(shares),
                accuracy=mean.estimate,
                low=mean.low,
                high=mean.high,
                single=artifact.summary["right"] / max(1, artifact.summary["sampled"]),
            )
        )
    return tuple(found)


def model_and_questions(form: object) -> str:
    """Equal for stages that ask the same model the same questions in the same way."""
    held = form if isinstance(form, dict) else {}
    names = ("task", "questions", "engine", "format", "trained", "executing", "seed")
    return identity({name: held.get(name) for name in names})


def majorities(artifact: Artifact) -> Iterator[float]:
    """For each question whether the answer of most samples is right: 1 or 0; of answers with equally many, the share
    that is right, since one of them would be drawn. Samples without an answer do not vote."""
    answered: dict[str, list[Solution]] = defaultdict(list)
    for solution in artifact.rows("solutions.jsonl", Solution):
        answered[solution.question_id].append(solution)
    for several in answered.values():
        votes = Counter(vote_class(one.answer) for one in several if one.answer is not None)
        right = {vote_class(one.answer or "") for one in several if one.verdict is Verdict.RIGHT}
        first = [answer for answer, number in votes.items() if number == max(votes.values())]
        yield sum(answer in right for answer in first) / len(first) if first else 0.0

"""From finished artifacts to a report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from lema.base.errors import InputError
from lema.config.options import Point
from lema.experiment.pipeline import pipeline
from lema.report import model
from lema.report.findings.arms import BASE, CHOICE, Evaluated, evaluated, regraded
from lema.report.findings.beside import beside
from lema.report.findings.compare import compare
from lema.report.findings.corrections import funnels, views
from lema.report.findings.delta_ppl import delta_ppls
from lema.report.findings.leaks import leaks
from lema.report.findings.measures import measure_rows
from lema.report.findings.notes import notes as notes_on
from lema.report.findings.pairs import pairings
from lema.report.findings.paper import Paper
from lema.report.findings.paper_picks import PaperCell
from lema.report.findings.picks import beside as picks_beside
from lema.report.findings.picks import picks
from lema.report.findings.programs import program_rows
from lema.report.findings.results import summaries
from lema.report.findings.runs import choices, curves, mixes, provenance, stage_line
from lema.report.findings.sieves import sieves
from lema.report.findings.skills import not_asked, skills
from lema.report.findings.soundness import notes as sound_notes
from lema.report.findings.soundness import soundness
from lema.report.findings.spaces import spaces
from lema.report.findings.success import success
from lema.report.findings.trends import sizes_of, trends
from lema.report.model import Report
from lema.store import Artifact, Store
from lema.store.stage import Stage

QUESTION = "Does learning from corrected mistakes help?"


def collect(
    points: Sequence[Point],
    store: Store,
    command: str,
    *,
    title: str = "",
    question: str = QUESTION,
    paper: Paper | None = None,
    paper_picks: Sequence[PaperCell] = (),
) -> Report:
    """The report of these experiments, as far as the store has them; what is missing is a warning.

    Args:
        command: what the user typed; secrets of the environment are removed.
        paper: figures to stand beside ours.
        paper_picks: those of picks among sampled answers.

    Raises:
        InputError: no evaluation of these experiments is finished.
    """
    pipelines = [pipeline(point.experiment) for point in points]
    wanted = {store.address(stage): stage for one in pipelines for target in one.targets() for stage in reach(target)}
    found = {address: store.find(stage) for address, stage in wanted.items()}
    artifacts = [artifact for artifact in found.values() if artifact is not None]
    missing = [address for address, artifact in found.items() if artifact is None]
    unfinished = [
        model.Note(level="warning", text=f"{count} {what} not finished and not shown here.")
        for kind, what in (
            ("evaluate-", "evaluation(s) are"),
            ("delta_ppl-", "measurement(s) of DeltaPPL are"),
            ("output_space-", "measurement(s) of output spaces are"),
            ("discriminate-", "set(s) of picks are"),
            ("correction_skill-", "measurement(s) of whether corrections were learned are"),
        )
        if (count := sum(address.startswith(kind) for address in missing))
    ]
    said = dict.fromkeys(text for point in points for text in point.experiment.notes())
    return assemble(
        artifacts,
        command=command,
        title=title
        or " and ".join(dict.fromkeys(f"{p.experiment.task.name}, {p.experiment.model.name}" for p in points)),
        question=question,
        paper=paper,
        paper_picks=paper_picks,
        notes=[*unfinished, *(model.Note(level="warning", text=text) for text in said)],
    )


def reach(stage: Stage) -> Iterable[Stage]:
    """A stage after everything that it needs."""
    for needed in stage.upstream():
        yield from reach(needed)
    yield stage


def assemble(
    artifacts: Sequence[Artifact],
    *,
    command: str = "",
    title: str = "",
    question: str = QUESTION,
    paper: Paper | None = None,
    paper_picks: Sequence[PaperCell] = (),
    notes: Sequence[model.Note] = (),
) -> Report:
    """The report of a set of artifacts, whichever stages they are of.

    Raises:
        InputError: there is no evaluation among them, or arms cannot be compared.
    """
    kinds = by_kind(artifacts)
    arms = in_order(evaluated(kinds.get("evaluate", [])))
    if not arms:
        raise InputError("there is no finished evaluation to report on. Run the experiment first: lema mode=run ...")
    names = list(dict.fromkeys(arm.arm for arm in arms))
    results = [arm.result() for arm in arms]
    mixed, trained, selected = ({a.key: a for a in kinds.get(kind, [])} for kind in ("mix", "train", CHOICE))
    learned = mixes(arms, mixed, trained)
    unit, sizes = sizes_of(arms, learned)
    against = pairings(arms, sizes)
    accuracies, comparisons = compare(results, *against)
    sound, sound_comparisons = soundness(arms, *against)
    skilled, skill_comparisons = skills(kinds.get("correction_skill", []), arms, against[0])
    accuracies = described(accuracies, arms)
    graded = in_order(regraded(kinds.get("grade", []), arms))
    of_graders = [
        summary
        for grader in dict.fromkeys(arm.grader for arm in graded)
        for same in [[arm for arm in graded if arm.grader == grader]]
        for summary in described(summaries([arm.result() for arm in same]), same)
    ]
    corrects = kinds.get("correct", [])
    looked, space_pairs = spaces(kinds.get("output_space", []), arms)
    picked, pick_pairs = picks(kinds.get("discriminate", []), arms)
    return Report(
        title=title,
        question=question,
        baseline=next((c.baseline for c in comparisons), names[0]),
        base=BASE if BASE in names else None,
        arms=accuracies,
        comparisons=comparisons,
        funnels=funnels(corrects),
        success=success(artifacts),
        sieves=sieves(kinds.get("evolve", []), kinds.get("augment", []), kinds.get("synthesise", [])),
        leaks=leaks(arms, mixed),
        curves=curves(arms, trained),
        corrections=views(corrects),
        mixes=learned,
        notes=(*notes, *sound_notes(sound), *notes_on(arms, learned)),
        provenance=provenance(arms, command),
        stages=tuple(stage_line(artifact) for artifact in artifacts),
        regraded=tuple(of_graders),
        trends=trends(arms, accuracies, unit, sizes),
        paper=beside(paper, arms, (*accuracies, *of_graders), sizes) if paper is not None else (),
        choices=choices(arms, selected, paper),
        delta_ppl=delta_ppls(kinds.get("delta_ppl", []), arms),
        spaces=looked,
        space_pairs=space_pairs,
        programs=program_rows(arms),
        soundness=sound,
        sound_comparisons=sound_comparisons,
        skills=skilled,
        skill_comparisons=skill_comparisons,
        not_asked=not_asked(skilled, arms),
        measures=measure_rows(arms),
        picks=picked,
        pick_pairs=pick_pairs,
        paper_picks=picks_beside(paper_picks, picked),
    )


def described(accuracies: Sequence[model.ArmSummary], arms: Sequence[Evaluated]) -> tuple[model.ArmSummary, ...]:
    """The accuracies with their runs, their graders and how their checkpoints were chosen."""
    found = []
    for accuracy in accuracies:
        own = [arm for arm in arms if (arm.arm, arm.task) == (accuracy.arm, accuracy.task)]
        found.append(
            msgspec.structs.replace(
                accuracy,
                grader=own[0].grader,
                selection=own[0].selection,
                runs=tuple(arm.artifact.key for arm in own),
            )
        )
    return tuple(found)


def by_kind(artifacts: Sequence[Artifact]) -> Mapping[str, list[Artifact]]:
    """Artifacts by the kind of their stage."""
    kinds: dict[str, list[Artifact]] = {}
    for artifact in artifacts:
        kinds.setdefault(artifact.manifest.kind, []).append(artifact)
    return kinds


def in_order(arms: Sequence[Evaluated]) -> list[Evaluated]:
    """Base models first, then arms of CoT alone, then the others as they come."""
    rank = {name: number for number, name in enumerate(dict.fromkeys(arm.arm for arm in arms))}
    return sorted(arms, key=lambda a: (a.trained is not None, not a.only_cot, rank[a.arm], a.seed or 0))

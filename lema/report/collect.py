"""From finished artifacts to a report."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec

from lema.errors import InputError
from lema.options import Point
from lema.pipeline import pipeline
from lema.records import Correction, Question, Solution
from lema.report import model
from lema.report.arms import BASE, Evaluated, evaluated, regraded
from lema.report.beside import beside
from lema.report.compare import compare, summaries
from lema.report.corrections import error_classes, funnel, pick
from lema.report.model import Report
from lema.report.pairs import pairings
from lema.report.paper import Paper
from lema.report.text import BEST_ON_TEST, SELECTION
from lema.report.trends import sizes_of, trends
from lema.stage import Stage
from lema.store import Artifact, Store
from lema.tracking import scrub

QUESTION = "Does learning from corrected mistakes help?"


def collect(
    points: Sequence[Point],
    store: Store,
    command: str,
    *,
    title: str = "",
    question: str = QUESTION,
    paper: Paper | None = None,
) -> Report:
    """The report of these experiments, as far as the store has them; what is missing is a warning.

    Args:
        command: what the user typed; secrets of the environment are removed.
        paper: figures to stand beside ours.

    Raises:
        InputError: no evaluation of these experiments is finished.
    """
    pipelines = [pipeline(point.experiment) for point in points]
    wanted = {store.address(stage): stage for one in pipelines for target in one.targets() for stage in reach(target)}
    found = {address: store.find(stage) for address, stage in wanted.items()}
    artifacts = [artifact for artifact in found.values() if artifact is not None]
    missing = [address for address, artifact in found.items() if artifact is None and address.startswith("evaluate-")]
    notes = [model.Note(level="warning", text=f"{len(missing)} evaluation(s) are not finished and not shown here.")]
    said = dict.fromkeys(text for point in points for text in point.experiment.notes())
    return assemble(
        artifacts,
        command=command,
        title=title
        or " and ".join(dict.fromkeys(f"{p.experiment.task.name}, {p.experiment.model.name}" for p in points)),
        question=question,
        paper=paper,
        notes=[*(notes if missing else []), *(model.Note(level="warning", text=text) for text in said)],
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
    mixed = mixes(arms, {a.key: a for a in kinds.get("mix", [])}, {a.key: a for a in kinds.get("train", [])})
    unit, sizes = sizes_of(arms, mixed)
    accuracies, comparisons, warnings = compare(results, *pairings(arms, sizes))
    accuracies = described(accuracies, arms)
    graded = in_order(regraded(kinds.get("grade", []), arms))
    of_graders = [
        summary
        for grader in dict.fromkeys(arm.grader for arm in graded)
        for same in [[arm for arm in graded if arm.grader == grader]]
        for summary in described(summaries([arm.result() for arm in same]), same)
    ]
    corrects = kinds.get("correct", [])
    rows = [(artifact, list(corrections_of(artifact))) for artifact in corrects]
    return Report(
        title=title,
        question=question,
        baseline=next((c.baseline for c in comparisons), names[0]),
        base=BASE if BASE in names else None,
        arms=accuracies,
        comparisons=comparisons,
        funnels=tuple(funnel(funnel_name(a), a.summary["funnel"]) for a in corrects if "funnel" in a.summary),
        errors=error_classes(correction for _, held in rows for correction in held),
        curves=curves(arms, {artifact.key: artifact for artifact in kinds.get("train", [])}),
        corrections=tuple(view for artifact, held in rows for view in views(artifact, held, len(rows)))[:10],
        mixes=mixed,
        notes=(*notes, *warnings, *selection_notes(arms), *cut_notes(arms), *seed_notes(arms)),
        provenance=provenance(arms, command),
        stages=tuple(stage_line(artifact) for artifact in artifacts),
        regraded=tuple(of_graders),
        trends=trends(arms, accuracies, unit, sizes),
        paper=beside(paper, arms, (*accuracies, *of_graders), sizes) if paper is not None else (),
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


def corrections_of(artifact: Artifact) -> Iterable[Correction]:
    """All corrections of a correction stage, accepted or not."""
    yield from artifact.rows("corrections.jsonl", Correction)
    yield from artifact.rows("rejected.jsonl", Correction)


def views(artifact: Artifact, corrections: Sequence[Correction], share: int) -> Sequence[model.SideBySide]:
    """Corrections of one stage to read: ten in all, from each stage as many."""
    questions = {question.id: question for question in artifact.rows("questions.jsonl", Question)}
    return pick(questions, artifact.rows("paths.jsonl", Solution), corrections, count=-(-10 // share))


def funnel_name(artifact: Artifact) -> str:
    """Who sampled on what, from the spec of the paths that were corrected."""
    paths = artifact.manifest.spec.get("paths") or {}
    where = paths.get("questions") or {}
    engine = paths.get("engine") or {}
    reasoner = (engine.get("model") or {}).get("name") or engine.get("name") or engine.get("kind") or "paths"
    return f"{reasoner} on {where.get('split', '?')}[{where.get('start', 0)}:{where.get('stop') or ''}]"


def curves(arms: Sequence[Evaluated], trained: Mapping[str, Artifact]) -> tuple[model.Curve, ...]:
    """The loss curve of each training run that was evaluated."""
    drawn = {}
    for arm in arms:
        artifact = trained.get(arm.trained or "")
        if artifact is not None and arm.seed is not None and "curve.jsonl" in artifact.manifest.files:
            rows = [json.loads(line) for line in artifact.file("curve.jsonl").read_text().splitlines()]
            steps, losses = tuple(row["step"] for row in rows), tuple(row["loss"] for row in rows)
            drawn[arm.trained] = model.Curve(arm=arm.arm, seed=arm.seed, steps=steps, losses=losses, run=artifact.key)
    return tuple(drawn.values())


def mixes(
    arms: Sequence[Evaluated], mixed: Mapping[str, Artifact], trained: Mapping[str, Artifact]
) -> tuple[model.Mix, ...]:
    """What each arm and seed was trained on."""
    found = {}
    for arm in arms:
        artifact, run = mixed.get(arm.mix or ""), trained.get(arm.trained or "")
        if artifact is not None and arm.seed is not None:
            tokens = None if run is None else run.summary.get("target_tokens")
            sources = dict(artifact.summary["sources"])
            found[arm.trained] = model.Mix(arm=arm.arm, seed=arm.seed, sources=sources, target_tokens=tokens)
    return tuple(found.values())


def cut_notes(arms: Sequence[Evaluated]) -> list[model.Note]:
    """Evaluations in which the token limit cut paths."""
    cut = [(arm, arm.artifact.summary.get("cut_at_limit", 0)) for arm in arms]
    return [
        model.Note(
            level="note",
            text=f"{count:,} of {arm.artifact.summary['sampled']:,} evaluation paths of {arm.arm}"
            f"{'' if arm.seed is None else f', seed {arm.seed}'} reached the token limit and were judged as they were.",
        )
        for arm, count in cut
        if count
    ]


def selection_notes(arms: Sequence[Evaluated]) -> list[model.Note]:
    """What a checkpoint chosen on the test set does to a number."""
    chosen = any(arm.selection == BEST_ON_TEST for arm in arms)
    text = (
        f"Arms marked [{SELECTION[BEST_ON_TEST]}] were scored on the questions on which their checkpoint was chosen. "
        "That is what the paper did; it makes these numbers higher than they would be on new questions."
    )
    return [model.Note(level="warning", text=text)] if chosen else []


def seed_notes(arms: Sequence[Evaluated]) -> list[model.Note]:
    """What few seeds cannot say."""
    seeds = {arm.seed for arm in arms if arm.seed is not None}
    few = {1: "One seed says nothing", 2: "Two seeds say little"}.get(len(seeds))
    text = f"{few} about how much training with another seed would change these numbers."
    return [model.Note(level="note", text=text)] if few else []


def provenance(arms: Sequence[Evaluated], command: str) -> model.Provenance:
    """Code, versions and seeds behind the evaluations."""
    manifests = [arm.artifact.manifest for arm in arms]
    commits = dict.fromkeys(manifest.commit or "not in a checkout" for manifest in manifests)
    versions: dict[str, str] = {}
    for manifest in manifests:
        for name, version in {"python": manifest.python, **manifest.packages}.items():
            known = versions.get(name)
            versions[name] = version if known in (None, version) else f"{known}, {version}"
    return model.Provenance(
        command=scrub(command),
        commit=", ".join(commits),
        dirty=any(manifest.dirty for manifest in manifests),
        versions=versions,
        seeds=tuple(sorted({arm.seed for arm in arms if arm.seed is not None})),
    )


def stage_line(artifact: Artifact) -> model.StageLine:
    """Time and tokens of one stage; the time is that of its last attempt."""
    manifest = artifact.manifest
    started = manifest.holders[-1].since if manifest.holders else manifest.started
    spent = datetime.fromisoformat(manifest.ended) - datetime.fromisoformat(started)
    return model.StageLine(
        name=manifest.kind,
        key=artifact.key,
        seconds=artifact.summary.get("seconds", spent.total_seconds()),
        prompt_tokens=artifact.summary.get("prompt_tokens"),
        completion_tokens=artifact.summary.get("completion_tokens"),
    )

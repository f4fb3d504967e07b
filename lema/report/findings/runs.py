"""The runs behind a report: their mixes, loss curves and chosen checkpoints, what they cost, and their code."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from statistics import fmean

from lema.report import model
from lema.report.findings.arms import Evaluated, identity, task_name
from lema.report.findings.beside import paper_arm
from lema.report.findings.paper import BEST_THREE, Paper
from lema.report.tables.parts import Choice
from lema.report.tables.text import BEST_ON_TEST
from lema.store import Artifact
from lema.tracking.runs import scrub


def mixes(
    arms: Sequence[Evaluated], mixed: Mapping[str, Artifact], trained: Mapping[str, Artifact]
) -> tuple[model.Mix, ...]:
    """What each arm and seed was trained on; of arms that ask one model in several ways, the first."""
    found = {}
    for arm in arms:
        artifact, run = mixed.get(arm.mix or ""), trained.get(arm.trained or "")
        if artifact is not None and arm.seed is not None and arm.trained not in found:
            found[arm.trained] = model.Mix(
                arm=arm.arm,
                seed=arm.seed,
                sources=dict(artifact.summary["sources"]),
                target_tokens=None if run is None else run.summary.get("target_tokens"),
                same_text=artifact.summary.get("same_text"),
                repeats=artifact.summary.get("duplicates"),
            )
    return tuple(found.values())


def curves(arms: Sequence[Evaluated], trained: Mapping[str, Artifact]) -> tuple[model.Curve, ...]:
    """The loss curve of each training run that was evaluated."""
    drawn = {}
    for arm in arms:
        artifact = trained.get(arm.trained or "")
        if artifact is None or arm.seed is None or arm.trained in drawn:
            continue
        if "curve.jsonl" in artifact.manifest.files:
            rows = [json.loads(line) for line in artifact.file("curve.jsonl").read_text().splitlines()]
            steps, losses = tuple(row["step"] for row in rows), tuple(row["loss"] for row in rows)
            drawn[arm.trained] = model.Curve(arm=arm.arm, seed=arm.seed, steps=steps, losses=losses, run=artifact.key)
    return tuple(drawn.values())


def choices(
    arms: Sequence[Evaluated], selected: Mapping[str, Artifact], paper: Paper | None = None
) -> tuple[Choice, ...]:
    """The checkpoints of each training run on the questions that one of them was chosen on; each choice once."""
    found = {}
    for arm in arms:
        key = identity(arm.form["trained"])
        artifact = selected.get(key)
        if artifact is not None and arm.seed is not None and "accuracies" in artifact.summary and key not in found:
            summary = artifact.summary
            steps = tuple(sorted(map(int, summary["accuracies"])))
            found[key] = Choice(
                arm=arm.arm,
                seed=arm.seed,
                by=summary["by"],
                on=f"{task_name(artifact.manifest.spec)} {summary['on']}",
                questions=summary["questions"],
                chosen=summary["chosen"],
                steps=steps,
                accuracies=tuple(summary["accuracies"][str(step)] for step in steps),
                best_three=best_three(summary["accuracies"].values()),
                paper=papers_best_three(paper, arm) if summary["by"] == BEST_ON_TEST else None,
            )
    return tuple(found.values())


def best_three(accuracies: Iterable[float]) -> float | None:
    """The mean of the three best; None of fewer than three (paper, Table 5)."""
    best = sorted(accuracies, reverse=True)[:3]
    return fmean(best) if len(best) == 3 else None


def papers_best_three(paper: Paper | None, arm: Evaluated) -> float | None:
    """The paper's mean of its three best checkpoints of this model, arm and task, as a share of 1."""
    cell = paper and paper.find(arm.model, paper_arm(arm.form), arm.tested, of=BEST_THREE)
    return cell.share if cell else None


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

"""Delta-PPL of the models of a report, before and after training (paper, appendix D.5)."""

from __future__ import annotations

from collections.abc import Sequence

from lema.report.findings.arms import BASE, Evaluated, Form, distinct, identity, mix_name_of, names_of_models, run_of
from lema.report.findings.corrections import funnel_name
from lema.report.tables.parts import DeltaPpl
from lema.store import Artifact

NUMBERS = ("corrections", "questions", "mean", "low", "high", "median", "wrong_ppl", "right_ppl")


def delta_ppls(artifacts: Sequence[Artifact], arms: Sequence[Evaluated]) -> tuple[DeltaPpl, ...]:
    """One row a model and set of corrections: models before training first, then the arms in their order."""
    names = names_of_models(arms)
    corrected = {identity(artifact.manifest.spec["corrections"]): artifact.manifest.spec for artifact in artifacts}
    sets = distinct({id_: (funnel_name(spec["corrections"]), spec["corrections"]) for id_, spec in corrected.items()})
    rows = []
    for artifact in artifacts:
        spec = artifact.manifest.spec
        run = run_of(spec)
        row = DeltaPpl(
            model=str(spec["model"]["name"]) + (", 4-bit" if spec["quantised"] else ""),
            arm=BASE if run is None else names.get(identity(spec["trained"]), unscored(spec)),
            seed=None if run is None else run.get("seed", 0),
            corrections_of=sets[identity(spec["corrections"])],
            **{name: artifact.summary[name] for name in NUMBERS},
        )
        rows.append(row)
    rank = {name: number for number, name in enumerate(dict.fromkeys(names.values()), 1)}
    return tuple(sorted(rows, key=lambda row: (row.model, row.corrections_of, rank.get(row.arm, 0), row.seed or 0)))


def unscored(spec: Form) -> str:
    """A name for a model that no evaluation of the report scores."""
    return f"{mix_name_of(spec) or spec['trained']['kind']} (not scored here)"

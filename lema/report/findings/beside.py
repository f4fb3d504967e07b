"""Our accuracies beside the paper's: which of the paper's arms one of ours is, and in what the two still differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lema.report.findings.arms import Evaluated, Form, run_of
from lema.report.findings.evolved import evolution_rounds, strategy
from lema.report.findings.mix_forms import mix_form, mix_name
from lema.report.findings.paper import Cell, Paper
from lema.report.model import ArmSummary, PaperCell
from lema.report.tables.text import BEST_ON_TEST, SELECTION, count

AUTHORS_GRADER = "lema_v1"
#: CoT with as many target tokens as LEMA, and with more (Table 2).
COT_OF_TOKENS = {5_800_000: "cot_same_tokens", 6_800_000: "cot_more_tokens"}


def beside(
    paper: Paper, arms: Sequence[Evaluated], accuracies: Sequence[ArmSummary], sizes: Mapping[str, float]
) -> tuple[PaperCell, ...]:
    """Every accuracy of a model, arm and task that the paper has a figure of.

    Args:
        accuracies: of these arms, by whichever grader.
        sizes: examples, or target tokens, of each arm's training set.
    """
    known = {(arm.arm, arm.task): arm for arm in arms}
    found = []
    for ours in accuracies:
        arm = known[ours.arm, ours.task]
        cell = paper.find(arm.model, paper_arm(arm.form), arm.tested)
        if cell is not None:
            found.append(
                PaperCell(
                    model=arm.model,
                    arm=ours.arm,
                    task=arm.tested,
                    grader=ours.grader,
                    ours=ours.accuracy,
                    low=ours.low,
                    high=ours.high,
                    paper=cell.share,
                    difference=ours.accuracy - cell.share,
                    printed=", ".join(cell.printed),
                    note=differences(ours, cell, sizes.get(ours.arm), hinted=arm.hinted),
                )
            )
    return tuple(found)


def paper_arm(form: Form) -> str:
    """The paper's name (`experiments/paper_numbers.yaml`) of an evaluation's arm; empty where the paper has none."""
    trained = run_of(form)
    if trained is None:
        return "base"
    examples = trained.get("examples") or {}
    if mix_form(examples) is None:
        return ""
    full = "full_" if trained["trainer"].get("method") == "full" else ""
    rounds = evolution_rounds(trained)
    if rounds:
        name = strategy(trained).replace("-", "_")
        return full + (name if rounds == 1 else f"{name}_{rounds}")
    return full + sized(examples) if sized(examples) else ""


def sized(examples: Form) -> str:
    """A mix by its name and its budget; empty for a size that the paper does not have."""
    name, budget = mix_name(examples), examples["budget"]
    tokens, rows = budget["target_tokens"], budget["examples"]
    if tokens is not None:
        return COT_OF_TOKENS.get(tokens, "") if name == "cot" else name if tokens in COT_OF_TOKENS else ""
    if rows is None:
        return name
    in_place_of_cot = budget["keep"] == "corrections" and rows == "cot"
    return f"{name}_sized" if name == "cot_and_corrections" and in_place_of_cot else ""


def differences(ours: ArmSummary, cell: Cell, size: float | None, *, hinted: bool = False) -> str:
    """In what our number and the paper's differ beside their runs, as far as is known; what the figure itself needs."""
    said = [] if size is None else [f"training data (ours: {count(size)})"]
    said += ["corrections (ours: the corrector was told the right answer)"] if hinted else []
    said += [] if ours.grader == AUTHORS_GRADER else ["grader (ours: the task's own)"]
    full = cell.arm.startswith("full_")  # of which the paper takes the last checkpoint
    if ours.seeds and ours.selection != ("last" if full else BEST_ON_TEST):
        said.append(f"checkpoint (ours: {SELECTION[ours.selection]})")
    return "; ".join([*said, *([cell.note] if cell.note else [])])

"""What the likelihood is averaged over: computed by hand, and however a global batch is split."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest

from lema.base.errors import ConfigError
from lema.base.spec import key
from lema.trainers.finetune import Finetune
from lema.trainers.likelihood import IGNORED, Likelihood

PLAIN: dict[str, Any] = {"method": "full", "learning_rate": 1e-4, "epochs": 1.0, "batch_size": 12}
ROWS, POSITIONS, VOCABULARY = 10, 7, 11
TARGETS = (6, 6, 5, 4, 4, 3, 2, 1, 1, 0)  # tokens with loss, of each row


def batch() -> tuple[Any, Any]:
    """Logits and labels of a short global batch."""
    import torch

    torch.manual_seed(0)
    logits = torch.randn(ROWS, POSITIONS, VOCABULARY, requires_grad=True)
    labels = torch.full((ROWS, POSITIONS), IGNORED)
    for row, targets in enumerate(TARGETS):
        labels[row, POSITIONS - targets :] = torch.randint(0, VOCABULARY, (targets,))
    return logits, labels


def each_token(logits: Any, labels: Any) -> list[list[float]]:
    """Cross-entropies by row, one token at a time."""
    return [
        [
            math.log(sum(math.exp(float(x)) for x in logits[row, at - 1])) - float(logits[row, at - 1, labels[row, at]])
            for at in range(1, POSITIONS)
            if labels[row, at] != IGNORED
        ]
        for row in range(ROWS)
    ]


def average(rows: list[list[float]], group: int | None) -> float:
    parts = [rows] if group is None else [rows[at : at + group] for at in range(0, len(rows), group)]
    means = [sum(flat) / len(flat) if (flat := [x for row in part for x in row]) else 0.0 for part in parts]
    return sum(means) / len(means)


#: A micro-batch holds whole groups.
GROUPED = [(group, micro) for micro in (12, 4) for group in (None, 1, 2, 4, 12) if group is None or micro % group == 0]


@pytest.mark.parametrize(("group", "micro"), GROUPED)
def test_the_shares_of_micro_batches_add_up_to_the_average_that_is_asked_for(group: int | None, micro: int) -> None:
    logits, labels = batch()
    objective = Likelihood(group=group)
    items = objective.items(sum(TARGETS), ROWS)
    shares = [
        objective.loss(SimpleNamespace(logits=logits[at : at + micro]), labels[at : at + micro], items)
        for at in range(0, ROWS, micro)
    ]
    assert float(sum(shares)) == pytest.approx(average(each_token(logits, labels), group), rel=1e-5)
    sum(shares).backward()
    assert (logits.grad[:9].abs().sum((1, 2)) > 0).all() and (logits.grad[9] == 0).all()


def test_a_rank_without_rows_adds_nothing_and_can_be_learned_from() -> None:
    logits, labels = batch()
    empty = Likelihood(group=2).loss(SimpleNamespace(logits=logits), labels * 0 + IGNORED, 3)
    empty.backward()
    assert float(empty) == 0 and (logits.grad == 0).all()


def test_the_average_over_tokens_leaves_keys_as_they_were_and_a_group_is_part_of_them() -> None:
    keys = [key(Finetune(**PLAIN, objective=Likelihood(group=group))) for group in (None, 1, 2)]
    assert keys[0] == key(Finetune(**PLAIN)) and len(set(keys)) == 3


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"micro_batch": 4, "group": 3}, r"micro_batch is 4, and trainer\.objective looks at 3 examples together"),
        ({"micro_batch": 6, "group": 3, "packing": True}, r"objective\.group is 3, and packed rows hold several"),
    ],
)
def test_groups_that_cannot_be_kept_together_are_refused(changed: dict[str, Any], message: str) -> None:
    given = {**PLAIN, **changed}
    with pytest.raises(ConfigError, match=message):
        Finetune(objective=Likelihood(group=given.pop("group")), **given).check()


def test_a_job_takes_the_largest_micro_batch_that_holds_whole_groups() -> None:
    trainer = Finetune(**{**PLAIN, "batch_size": 96}, micro_batch=9, objective=Likelihood(group=3))
    assert (trainer.placed(1, 4).micro_batch, trainer.placed(2, 4).micro_batch) == (6, 6)
    with pytest.raises(ConfigError, match=r"leaves 4 examples for each of the job's 24 processes.*3 together"):
        trainer.placed(3, 8)

"""Likelihood: cross-entropy of the completions' tokens (paper §2.3)."""

from __future__ import annotations

from typing import Any

from lema.base.spec import spec
from lema.trainers.objective import Objective

IGNORED = -100  # the label of a token without loss


@spec
class Likelihood(Objective):
    """Every token that carries loss is to be likelier; all count alike, over the whole global batch."""

    kind = "likelihood"

    def loss(self, outputs: Any, labels: Any, num_items_in_batch: Any = None) -> Any:
        """Summed cross-entropy of the tokens that carry loss, by the number of them in the global batch."""
        import torch

        targets = labels[:, 1:]
        wanted = targets != IGNORED
        logits = outputs.logits[:, :-1][wanted].float()  # prompts need no softmax
        total = torch.nn.functional.cross_entropy(logits, targets[wanted], reduction="sum")
        return total / num_items_in_batch


LIKELIHOOD = Likelihood()

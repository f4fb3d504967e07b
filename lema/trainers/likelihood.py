"""Likelihood: cross-entropy of the completions' tokens (paper §2.3), and what it is averaged over."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from lema.base.errors import ConfigError
from lema.base.spec import since, spec
from lema.trainers.objective import Objective

IGNORED = -100  # the label of a token without loss


@spec
class Likelihood(Objective):
    """Every token that carries loss is to be likelier.

    Args:
        group: None: all tokens of the global batch count alike. A number: the loss is averaged over the tokens of as
            many examples, and then over these groups, so that a token counts for more among short completions. The
            code of LEMA's authors does this over each micro-batch (6 examples on GSM8K, 3 on MATH): the default
            deviates from it. 1: every example counts alike.

    Groups are neighbours in the order of length within a global batch, so that the loss depends on `group` and on the
    batch size, and not on how a batch is split over micro-batches and ranks.
    """

    kind = "likelihood"
    group: Annotated[int, Field(ge=1)] | None = since(default=None)

    @property
    def together(self) -> int:
        return self.group or 1

    def check_rows(self, *, packed: bool) -> None:
        if packed and self.group is not None:
            raise ConfigError(
                f"trainer.objective.group is {self.group}, and packed rows hold several examples each: use "
                "trainer.packing=false, or group=null (an average over tokens)"
            )

    def items(self, tokens: Any, rows: int) -> Any:
        return tokens if self.group is None else -(-rows // self.group)

    def loss(self, outputs: Any, labels: Any, num_items_in_batch: Any = None) -> Any:
        """Summed cross-entropy of the tokens that carry loss, by the number of them in the global batch; with `group`
        the sum of the groups' means, by the number of groups in the global batch."""
        import torch

        targets = labels[:, 1:]
        wanted = targets != IGNORED
        logits = outputs.logits[:, :-1][wanted].float()  # prompts need no softmax
        if self.group is None:
            total = torch.nn.functional.cross_entropy(logits, targets[wanted], reduction="sum")
            return total / num_items_in_batch
        each = torch.nn.functional.cross_entropy(logits, targets[wanted], reduction="none")
        of = wanted.nonzero()[:, 0] // self.group
        sizes = torch.bincount(of, minlength=1)
        return (each / sizes[of]).sum() / num_items_in_batch


LIKELIHOOD = Likelihood()

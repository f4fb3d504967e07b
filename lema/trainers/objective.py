"""How a model learns from an example: the seam for every loss. A new objective is one file and one YAML of `objective`.

A trainer's spec holds one. It says what it makes of the model's outputs for a micro-batch; order, packing, processes
and resuming are the trainer's, whatever the objective.
"""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter

from lema.base.errors import ConfigError
from lema.base.records import Example
from lema.base.spec import Spec

ALLOWED = ("lema.", "lema_plugins.")  # packages whose objectives a training process imports


class Objective(Spec):
    """Base of all objectives. Decorate each with `@spec` and give it a `kind`."""

    def check_examples(self, examples: Sequence[Example]) -> None:
        """Raise InputError for examples that this cannot be learned from."""

    @property
    def together(self) -> int:
        """Rows that are looked at together: a micro-batch holds a multiple of them."""
        return 1

    def check_rows(self, *, packed: bool) -> None:
        """Raise ConfigError for rows that this cannot be learned from: those of several packed examples."""

    def items(self, tokens: Any, rows: int) -> Any:  # noqa: ARG002
        """How many things the loss of a global batch is averaged over.

        Args:
            tokens: tokens with loss in the global batch.
            rows: rows in the global batch; the last one may be short.
        """
        return tokens

    def loss(self, outputs: Any, labels: Any, num_items_in_batch: Any = None) -> Any:
        """The share that a micro-batch has of the loss of its global batch: these add up to it.

        Args:
            outputs: the model's, with `logits` (rows, positions, vocabulary).
            labels: (rows, positions); -100 where a token carries no loss. A label stands where its token does, also in
                what a decoder is given: the position before predicts it.
            num_items_in_batch: what `items` says of the global batch.
        """
        raise NotImplementedError


def told(objective: Objective) -> dict[str, Any]:
    """An objective as plain values, for a training process."""
    cls = type(objective)
    fields = {f.name: getattr(objective, f.name) for f in dataclasses.fields(objective)}  # type: ignore[arg-type]
    return {"class": f"{cls.__module__}.{cls.__qualname__}", "fields": fields}


def restored(values: Mapping[str, Any]) -> Objective:
    """The objective that `told` told.

    Raises:
        ConfigError: it is not of a package whose objectives are known.
    """
    name, _, attribute = str(values["class"]).rpartition(".")
    if not f"{name}.".startswith(ALLOWED):
        raise ConfigError(f"trainer.objective: {values['class']} is not under {' or '.join(ALLOWED)}")
    cls = getattr(importlib.import_module(name), attribute)
    made = TypeAdapter[Any](cls).validate_python(values["fields"], strict=False)
    assert isinstance(made, Objective)
    return made

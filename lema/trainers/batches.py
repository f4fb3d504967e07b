"""Which tokens are seen at which step: rows, packing, and the order of training.

The order is a function of the rows, the seed and the global batch size alone. How a global batch is
split into micro-batches and over processes changes nothing but the place where it is computed.
"""

from __future__ import annotations

import bisect
import itertools
import math
import random
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lema.lm.encoding import Encoded
from lema.lm.pairs import padded
from lema.trainers.likelihood import IGNORED

#: One training sequence: a single example, or several packed ones that do not see each other.
Row = tuple[Encoded, ...]
NOTHING: Row = (Encoded(ids=array("i", [0, 0]), prompt=2),)  # for a rank that has no rows in a short last batch
NOTHING_READ: Row = (Encoded(ids=array("i", [0, 0]), prompt=2, read=array("i", [0])),)  # of an encoder-decoder


def length(row: Row) -> int:
    return sum(example.tokens for example in row)


def pack(examples: Sequence[Encoded], capacity: int) -> list[Row]:
    """Rows of at most `capacity` tokens by best-fit decreasing: longest first, into the tightest gap.

    Equal input gives equal rows. At most 22 % more rows than the best possible packing, and in
    practice within one percent of full where there are short examples.
    """
    rows: list[list[Encoded]] = []
    gaps: list[int] = []  # the sizes of gap that there are, ascending
    with_gap: dict[int, list[int]] = {}  # size of gap: rows that have it
    for example in sorted(examples, key=lambda e: -len(e.ids)):
        need = len(example.ids)
        at = bisect.bisect_left(gaps, need)
        if at == len(gaps):
            rows.append([])
            gap, row = capacity, len(rows) - 1
        else:
            gap = gaps[at]
            row = with_gap[gap].pop()
            if not with_gap[gap]:
                del with_gap[gap], gaps[at]
        rows[row].append(example)
        left = gap - need
        if left not in with_gap:
            with_gap[left] = []
            bisect.insort(gaps, left)
        with_gap[left].append(row)
    return [tuple(row) for row in rows]


@dataclass(frozen=True)
class Order:
    """The rows of every global batch of a run.

    Epochs follow each other without a seam, each in its own seeded order, so that every batch but
    the last has `batch_size` rows.
    """

    rows: Sequence[Row]
    batch_size: int
    seen: int  # rows in all, over all epochs
    sequence: Sequence[int]  # numbers of the rows, in order

    @property
    def steps(self) -> int:
        return math.ceil(self.seen / self.batch_size)

    def batch(self, step: int) -> list[Row]:
        """Rows of a global batch, the longest first, so that neighbours need little padding."""
        chosen = self.sequence[step * self.batch_size : (step + 1) * self.batch_size]
        return sorted((self.rows[number] for number in chosen), key=length, reverse=True)

    def rows_of(self, step: int) -> int:
        """How many rows a global batch has."""
        return min(self.batch_size, self.seen - step * self.batch_size)

    def targets(self) -> list[int]:
        """Target tokens seen by the end of each step."""
        of_row = [sum(example.targets for example in row) for row in self.rows]
        of_step = [
            sum(of_row[number] for number in self.sequence[start : start + self.batch_size])
            for start in range(0, self.seen, self.batch_size)
        ]
        return list(itertools.accumulate(of_step))


def order(rows: Sequence[Row], *, batch_size: int, epochs: float | None, max_steps: int | None, seed: int) -> Order:
    """The order of training for a number of epochs or of steps."""
    seen = math.ceil(len(rows) * epochs) if epochs is not None else (max_steps or 0) * batch_size
    sequence: list[int] = []
    for epoch in itertools.count():
        if len(sequence) >= seen:
            break
        # Python's own generator: its shuffle is the same in every version and on every machine.
        numbers = list(range(len(rows)))
        random.Random(f"{seed}:{epoch}").shuffle(numbers)
        sequence += numbers
    return Order(rows=rows, batch_size=batch_size, seen=seen, sequence=sequence[:seen])


@dataclass(frozen=True)
class MicroBatches:
    """The micro-batches of one process, as a map-style data set: `accumulation` of them a step."""

    order: Order
    micro_batch: int
    processes: int = 1
    rank: int = 0
    packed: bool = False
    flat: bool = False

    @property
    def accumulation(self) -> int:
        return self.order.batch_size // (self.micro_batch * self.processes)

    def __len__(self) -> int:
        return self.order.steps * self.accumulation

    def __getitem__(self, number: int) -> dict[str, Any]:
        step, part = divmod(number, self.accumulation)
        start = (part * self.processes + self.rank) * self.micro_batch
        rows = self.order.batch(step)[start : start + self.micro_batch]
        if self.order.rows[0][0].read is not None:
            return collate_pairs(rows or [NOTHING_READ])
        return collate(rows or [NOTHING], packed=self.packed, flat=self.flat)


def collate(rows: Sequence[Row], *, packed: bool, flat: bool = False) -> dict[str, Any]:
    """Tensors of a micro-batch, (rows, longest row), padded on the right.

    There is no attention mask: attention is causal, so no token sees the padding to its right.
    In packed rows positions start again with each example; transformers takes that as the border
    that attention does not cross. `flat` lays all rows end to end in one, without padding: flash
    attention knows packed examples only in a batch of one row.
    """
    import torch

    if flat:
        rows = [tuple(itertools.chain.from_iterable(rows))]
    shape = (len(rows), max(sum(len(example.ids) for example in row) for row in rows))
    ids = np.zeros(shape, dtype=np.int64)
    labels = np.full(shape, IGNORED, dtype=np.int64)
    positions = np.zeros(shape, dtype=np.int64)
    for line, row in enumerate(rows):
        start = 0
        for example in row:
            end = start + len(example.ids)
            ids[line, start:end] = example.ids
            labels[line, start + example.prompt : end] = example.ids[example.prompt :]
            for first, last in example.unlearned:
                labels[line, start + first : start + last] = IGNORED
            positions[line, start:end] = np.arange(end - start)
            start = end
        positions[line, start:] = np.arange(shape[1] - start)  # padding, as one more example
    tensors = {"input_ids": torch.from_numpy(ids), "labels": torch.from_numpy(labels)}
    return tensors | {"position_ids": torch.from_numpy(positions)} if packed or flat else tensors


def collate_pairs(rows: Sequence[Row]) -> dict[str, Any]:
    """Tensors of a micro-batch of an encoder-decoder: (rows, longest prompt) for its encoder, whose padding a mask
    hides, and (rows, longest completion) for its decoder, which is causal and needs none.

    As in `collate`, a label stands where its token does: the decoder's first column is its start token, without loss.
    """
    decoder = collate(rows, packed=False)
    read, mask = padded([example.read or () for (example,) in rows])
    return {
        "input_ids": read,
        "attention_mask": mask,
        "decoder_input_ids": decoder["input_ids"],
        "labels": decoder["labels"],
    }

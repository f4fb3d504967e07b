"""Rows, packing and the order of training."""

from __future__ import annotations

import random
from array import array

import pytest

from lema.lm.encoding import Encoded
from lema.trainers.batches import IGNORED, MicroBatches, Order, collate, length, order, pack


def toy_rows(n: int, seed: int = 0) -> list[Encoded]:
    draw = random.Random(seed)
    made = []
    for number in range(n):
        size = draw.randrange(3, 40)
        made.append(Encoded(ids=array("i", [number + 10] * size), prompt=draw.randrange(1, size)))
    return made


def test_packing_keeps_every_example_once_whole_and_within_capacity() -> None:
    examples = toy_rows(500)
    rows = pack(examples, 64)
    assert all(length(row) <= 64 for row in rows)
    packed = sorted((example for row in rows for example in row), key=lambda e: e.ids[0])
    assert packed == sorted(examples, key=lambda e: e.ids[0])


def test_packing_is_tight_and_the_same_every_time() -> None:
    examples = toy_rows(500)
    rows = pack(examples, 64)
    tokens = sum(len(example.ids) for example in examples)
    assert len(rows) <= 1.02 * tokens / 64 + 1
    assert rows == pack(examples, 64)


def test_an_epoch_sees_each_row_once_in_an_order_of_its_own() -> None:
    rows = [(example,) for example in toy_rows(10)]
    plan = order(rows, batch_size=4, epochs=2, max_steps=None, seed=1)
    assert plan.steps == 5
    assert sorted(plan.sequence[:10]) == sorted(plan.sequence[10:]) == list(range(10))
    assert plan.sequence[:10] != plan.sequence[10:]
    assert plan.sequence != order(rows, batch_size=4, epochs=2, max_steps=None, seed=2).sequence


def test_max_steps_makes_full_batches_only() -> None:
    rows = [(example,) for example in toy_rows(10)]
    plan = order(rows, batch_size=4, epochs=None, max_steps=7, seed=1)
    assert [len(plan.batch(step)) for step in range(7)] == [4] * 7


@pytest.mark.parametrize(("micro", "processes"), [(8, 1), (2, 1), (1, 4), (2, 2)])
def test_a_global_batch_is_the_same_however_it_is_split(micro: int, processes: int) -> None:
    rows = [(example,) for example in toy_rows(30)]
    plan = order(rows, batch_size=8, epochs=1, max_steps=None, seed=0)
    ranks = [MicroBatches(plan, micro_batch=micro, processes=processes, rank=rank) for rank in range(processes)]
    for step in range(plan.steps):
        seen: list[int] = []
        for split in ranks:
            for part in range(split.accumulation):
                labels = split[step * split.accumulation + part]["labels"]
                seen += [int(line[line != IGNORED][0]) for line in labels if (line != IGNORED).any()]
        assert sorted(seen) == sorted(row[0].ids[-1] for row in plan.batch(step))


def test_a_rank_without_rows_in_a_short_last_batch_gets_a_row_without_loss() -> None:
    rows = [(example,) for example in toy_rows(5)]
    plan = order(rows, batch_size=4, epochs=1, max_steps=None, seed=0)
    idle = MicroBatches(plan, micro_batch=1, processes=4, rank=3)[1]
    assert (idle["labels"] == IGNORED).all()


def test_target_tokens_add_up() -> None:
    examples = toy_rows(9)
    plan = order([(example,) for example in examples], batch_size=4, epochs=1, max_steps=None, seed=0)
    assert plan.targets()[-1] == sum(example.targets for example in examples)
    assert len(plan.targets()) == plan.steps


@pytest.mark.parametrize("flat", [False, True])
def test_positions_start_again_with_each_packed_example(flat: bool) -> None:
    rows = pack(toy_rows(12), 64)
    batch = collate(rows, packed=True, flat=flat)
    starts = int((batch["position_ids"] == 0).sum())
    padded = 0 if flat else sum(length(row) < batch["input_ids"].shape[1] for row in rows)
    assert starts == 12 + padded
    # The first token of an example follows another one, which must not predict it.
    assert bool((batch["labels"][batch["position_ids"] == 0] == IGNORED).all())


def test_a_plain_batch_leaves_attention_to_causality() -> None:
    batch = collate([(example,) for example in toy_rows(3)], packed=False)
    assert set(batch) == {"input_ids", "labels"}


def pairs(n: int) -> list[Encoded]:
    """What an encoder-decoder is given: prompts of 2, 3, ... tokens, completions of n, n - 1, ..."""
    return [
        Encoded(
            ids=array("i", [7, *[number + 20] * (n - number)]), prompt=1, read=array("i", [number + 10] * (number + 2))
        )
        for number in range(n)
    ]


def test_an_encoder_has_its_padding_hidden_and_a_decoder_begins_without_loss() -> None:
    plan = order([(example,) for example in pairs(3)], batch_size=3, epochs=1, max_steps=None, seed=0)
    batch = MicroBatches(plan, micro_batch=3)[0]
    lines = sorted(range(3), key=lambda line: int(batch["input_ids"][line, 0]))
    named = {name: [batch[name][line].tolist() for line in lines] for name in batch}
    assert named == {
        "input_ids": [[10, 10, 0, 0], [11, 11, 11, 0], [12, 12, 12, 12]],
        "attention_mask": [[1, 1, 0, 0], [1, 1, 1, 0], [1, 1, 1, 1]],
        "decoder_input_ids": [[7, 20, 20, 20], [7, 21, 21, 0], [7, 22, 0, 0]],
        "labels": [[IGNORED, 20, 20, 20], [IGNORED, 21, 21, IGNORED], [IGNORED, 22, IGNORED, IGNORED]],
    }
    assert plan.targets() == [3 + 2 + 1]
    assert [length(row) for row in plan.rows] == [2 + 3, 3 + 2, 4 + 1]  # the start token is of neither text


def test_a_rank_without_rows_has_something_for_both_halves_and_no_loss() -> None:
    plan = order([(example,) for example in pairs(5)], batch_size=4, epochs=1, max_steps=None, seed=0)
    idle = MicroBatches(plan, micro_batch=1, processes=4, rank=3)[1]
    assert set(idle) == {"input_ids", "attention_mask", "decoder_input_ids", "labels"}
    assert (idle["labels"] == IGNORED).all() and (idle["attention_mask"] == 1).all()


def test_order_is_a_function_of_rows_seed_and_batch_size() -> None:
    rows = [(example,) for example in toy_rows(20)]
    first, second = (order(rows, batch_size=4, epochs=1.5, max_steps=None, seed=3) for _ in range(2))
    assert first == second
    assert isinstance(first, Order)
    assert first.seen == 30

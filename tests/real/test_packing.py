"""What carries loss, and that packing changes nothing: on a toy Llama, with real attention kernels."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from toys.models import toy_examples, toy_model

from lema.lm.encoding import encode, prompts_ids
from lema.lm.loading import load_model, load_tokenizer
from lema.lm.model import Model
from lema.trainers.batches import IGNORED, Row, collate, pack
from lema.trainers.likelihood import LIKELIHOOD

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return toy_model(tmp_path_factory.mktemp("toy"))


@pytest.mark.parametrize("packed", [False, True], ids=["unpacked", "packed"])
@pytest.mark.parametrize("chat", [False, True], ids=["plain", "chat"])
def test_every_completion_token_carries_loss_and_no_prompt_token_does(toy: Model, chat: bool, packed: bool) -> None:
    tokenizer = load_tokenizer(toy)
    given = toy_examples(30)
    encoded = encode(tokenizer, given, chat=chat)
    rows: list[Row] = pack(encoded, 256) if packed else [(example,) for example in encoded]
    batch = collate(rows, packed=packed)
    learned: list[str] = []
    for ids, labels in zip(batch["input_ids"].tolist(), batch["labels"].tolist(), strict=True):
        run: list[int] = []
        for token, label in zip([*ids, 0], [*labels, IGNORED], strict=True):
            if label != IGNORED:
                assert label == token
                run.append(label)
            elif run:
                learned.append(tokenizer.decode(run))
                run = []
    end = "<|end|>" if chat else "</s>"
    assert sorted(learned) == sorted(example.completion + end for example in given)
    silent = int((batch["labels"] == IGNORED).sum())
    prompts = sum(map(len, prompts_ids(tokenizer, [example.prompt for example in given], chat=chat)))
    padding = batch["input_ids"].numel() - sum(len(example.ids) for example in encoded)
    assert silent == prompts + padding


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("flat", [False, True], ids=["rows", "flat"])
def test_packed_loss_and_gradient_equal_unpacked(toy: Model, attention: str, flat: bool) -> None:
    import torch

    model = load_model(dataclasses.replace(toy, attention=attention))  # type: ignore[type-var]
    model.config.use_cache = False
    encoded = encode(load_tokenizer(toy), toy_examples(24))
    targets = sum(example.targets for example in encoded)

    def loss_and_gradient(batches: list[dict[str, Any]]) -> tuple[float, Any]:
        model.zero_grad()
        total = 0.0
        for batch in batches:
            labels = batch.pop("labels")
            loss = LIKELIHOOD.loss(model(**batch), labels, targets)
            loss.backward()
            total += loss.item()
        return total, torch.cat([p.grad.flatten() for p in model.parameters()]).clone()

    alone, gradient = loss_and_gradient([collate([(example,)], packed=False) for example in encoded])
    padded, of_padded = loss_and_gradient([collate([(example,) for example in encoded], packed=False)])
    rows = pack(encoded, 256)
    assert max(map(len, rows)) > 3
    packed, of_packed = loss_and_gradient([collate(rows, packed=True, flat=flat)])
    assert abs(padded - alone) < 1e-4
    assert abs(packed - alone) < 1e-4
    assert float((of_padded - gradient).norm() / gradient.norm()) < 1e-4
    assert float((of_packed - gradient).norm() / gradient.norm()) < 1e-4


def test_a_model_that_mixes_packed_examples_is_refused(toy: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    from transformers import masking_utils

    from lema.base.errors import ConfigError
    from lema.trainers.weights import check_packing

    model = load_model(toy)
    check_packing(model, 320)
    monkeypatch.setattr(masking_utils, "find_packed_sequence_indices", lambda position_ids: None)
    with pytest.raises(ConfigError, match="packing"):
        check_packing(model, 320)

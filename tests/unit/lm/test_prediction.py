"""What a model predicts where a text goes on: numbers that are known by hand, and a plain loop over tokens."""

from __future__ import annotations

import math
from array import array
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from toys.models import toy_examples, toy_model

from lema.base.errors import InputError, StageFailed
from lema.base.records import Example
from lema.lm import prediction
from lema.lm.encoding import Encoded, encode
from lema.lm.loading import load_model, load_tokenizer
from lema.lm.prediction import Predicted, open_predictor, predictions

VOCABULARY = 16
#: Three prompt tokens and four targets; one and two.
BATCH = [Encoded(ids=array("i", [3, 1, 4, 1, 5, 9, 2]), prompt=3), Encoded(ids=array("i", [6, 5, 3]), prompt=1)]


class Fake(torch.nn.Module):
    """A model whose logits are a function of the ids that it reads."""

    def __init__(self, logits: Any) -> None:
        super().__init__()
        self.bias = torch.nn.Parameter(torch.zeros(1))
        self.logits = logits
        self.passes = 0

    def forward(self, input_ids: torch.Tensor, use_cache: bool) -> SimpleNamespace:
        assert not use_cache
        self.passes += 1
        return SimpleNamespace(logits=self.logits(input_ids))


def uniform(ids: torch.Tensor) -> torch.Tensor:
    return torch.zeros(*ids.shape, VOCABULARY)


def copying(ids: torch.Tensor) -> torch.Tensor:
    """All of the probability on the token that really comes next."""
    following = torch.roll(ids, -1, dims=1)
    return torch.full((*ids.shape, VOCABULARY), -torch.inf).scatter(-1, following[..., None], 0.0)


def halved(ids: torch.Tensor) -> torch.Tensor:
    """A quarter for the token that comes next, three quarters for token 0."""
    following = torch.nn.functional.one_hot(torch.roll(ids, -1, dims=1), VOCABULARY) * 0.25
    return (following + torch.nn.functional.one_hot(torch.zeros_like(ids), VOCABULARY) * 0.75).log()


def test_a_uniform_model_hesitates_between_all_tokens() -> None:
    for encoded, found in zip(BATCH, predictions(Fake(uniform), BATCH), strict=True):
        assert found.tokens == encoded.targets
        assert found.entropy / found.tokens == pytest.approx(math.log2(VOCABULARY), abs=1e-6)
        assert 2 ** (found.entropy / found.tokens) == pytest.approx(VOCABULARY, rel=1e-6)
        assert found.bits / found.tokens == pytest.approx(4, abs=1e-6)


def test_a_model_that_copies_hesitates_not_at_all() -> None:
    for found, targets in zip(predictions(Fake(copying), BATCH), (4, 2), strict=True):
        assert found == Predicted(tokens=targets, bits=0, entropy=0, top=targets)


def test_a_model_that_mostly_says_something_else_has_the_numbers_of_the_definition() -> None:
    by_hand = 0.25 * 2 + 0.75 * math.log2(4 / 3)
    for found in predictions(Fake(halved), BATCH):
        assert found.bits / found.tokens == pytest.approx(2, abs=1e-6)
        assert found.entropy / found.tokens == pytest.approx(by_hand, abs=1e-6)
        assert found.top == 0


def test_a_batch_goes_through_the_model_once_however_few_probabilities_are_held(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = Fake(halved)
    whole = predictions(model, BATCH)
    assert model.passes == 1
    monkeypatch.setattr(prediction, "CELLS", 1)
    assert predictions(model, BATCH) == whole and model.passes == 2


@pytest.mark.parametrize("batch_tokens", [1, 100_000])
def test_predictions_are_those_of_a_plain_loop_over_tokens(tmp_path: Path, batch_tokens: int) -> None:
    toy, examples = toy_model(tmp_path), toy_examples(7)
    with open_predictor(toy, device="cpu", batch_tokens=batch_tokens) as predict:
        found = predict(examples)
    model = load_model(toy)
    for encoded, one in zip(encode(load_tokenizer(toy), examples), found, strict=True):
        ids = list(encoded.ids)
        with torch.no_grad():
            each = model(input_ids=torch.tensor([ids])).logits[0].double().log_softmax(-1)
        places = range(encoded.prompt - 1, len(ids) - 1)
        assert one.tokens == len(places)
        assert one.bits == pytest.approx(-sum(float(each[at, ids[at + 1]]) for at in places) / math.log(2), rel=1e-5)
        entropy = -sum(float((each[at].exp() * each[at]).sum()) for at in places) / math.log(2)
        assert one.entropy == pytest.approx(entropy, rel=1e-5)
        assert one.top == sum(int(each[at].argmax()) == ids[at + 1] for at in places)


def test_a_text_too_long_for_the_model_and_a_sum_that_is_no_number_are_refused(tmp_path: Path) -> None:
    toy = toy_model(tmp_path)
    long = Example(prompt="?", completion="word " * 900, question_id="long-one", source="cot")
    with open_predictor(toy, device="cpu") as predict, pytest.raises(InputError, match="long-one"):
        predict([long])
    import safetensors.torch

    weights = safetensors.torch.load_file(tmp_path / "model.safetensors")
    broken = {name: torch.full_like(held, torch.nan) for name, held in weights.items()}
    safetensors.torch.save_file(broken, tmp_path / "model.safetensors", {"format": "pt"})
    with open_predictor(toy, device="cpu") as predict, pytest.raises(StageFailed, match="toy-0"):
        predict(toy_examples(1))

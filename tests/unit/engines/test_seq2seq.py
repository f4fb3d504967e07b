"""The encoder-decoder engine: against the library's own decoding and scores, and as one that picks."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from toy import toy_model, toy_seq2seq
from toy_lab import run_stage
from toy_pickers import discriminated, sampled

from lema.discrimination.asking import Asking
from lema.engines.seq2seq import Seq2Seq
from lema.errors import ConfigError
from lema.lm.loading import load_seq2seq, load_tokenizer
from lema.models import Model
from lema.protocols import Prompt, Sampling
from lema.store import Store

TEXTS = ["What is 1 + 1?", "What is 12 + 30 + 4? Think.", "What?"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return toy_seq2seq(tmp_path_factory.mktemp("t5"))


def prompts() -> list[Prompt]:
    return [Prompt(id=str(number), text=text, seed=number) for number, text in enumerate(TEXTS)]


def encoded(model: Model, text: str) -> torch.Tensor:
    tokenizer = load_tokenizer(model)
    return torch.tensor([[*tokenizer(text)["input_ids"], tokenizer.eos_token_id]])


def test_greedy_texts_are_those_of_the_library(model: Model) -> None:
    plain, tokenizer = load_seq2seq(model), load_tokenizer(model)
    with Seq2Seq(model=model, device="cpu", batch_size=2).open() as complete:
        replies = complete(prompts(), Sampling(max_tokens=12))
    for text, (reply,) in zip(TEXTS, replies, strict=True):
        ids = plain.generate(encoded(model, text), max_new_tokens=12, do_sample=False, num_beams=1)
        assert reply.text == tokenizer.decode(ids[0], skip_special_tokens=True)
        assert 0 < reply.completion_tokens <= 12 and reply.prompt_tokens == encoded(model, text).shape[1]


def test_choices_score_what_the_decoder_gives_their_tokens(model: Model) -> None:
    plain, tokenizer = load_seq2seq(model), load_tokenizer(model)
    labels = (" 1", " 2", " right answer")
    with Seq2Seq(model=model, device="cpu", batch_size=2).open() as complete:
        replies = complete(prompts(), Sampling(choices=labels))
    for text, (reply,) in zip(TEXTS, replies, strict=True):
        for label, found in zip(labels, reply.choices or (), strict=True):
            tokens = tokenizer(label, add_special_tokens=False)["input_ids"]
            with torch.no_grad():
                loss = plain(input_ids=encoded(model, text), labels=torch.tensor([tokens])).loss
            assert found == pytest.approx(-float(loss) * len(tokens), rel=1e-5)


def test_it_samples_and_picks_in_the_stages(model: Model, tmp_path: Path) -> None:
    engine = Seq2Seq(model=model, device="cpu")
    candidates = sampled(6, engine=engine, sampling=Sampling(n=3, temperature=1.0, max_tokens=8))
    stage = discriminated(candidates=candidates, engine=engine, asking=Asking(read_out="label_logprob"))
    store = Store(tmp_path / "store")
    run_stage(store, stage)
    assert store.get(stage).summary["invalid"] == 0 and store.get(stage).summary["questions"] == 6


def test_what_it_cannot_do_is_said(model: Model, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not trained here"), Seq2Seq(model=model).open(checkpoint=tmp_path):
        pass
    with pytest.raises(ConfigError, match="is no encoder-decoder model"):
        load_seq2seq(toy_model(tmp_path / "llama"))

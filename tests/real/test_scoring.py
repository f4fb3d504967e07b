"""Scores of given texts, against plain transformers and against the trainer."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import pytest
from toys.models import toy_examples, toy_job, toy_model, write_examples

from lema.base.errors import InputError
from lema.base.records import Example
from lema.data.formats import Format
from lema.lm.encoding import completion_ids, prompt_ids
from lema.lm.loading import load_tokenizer
from lema.lm.model import Model
from lema.lm.scoring import batches, open_scorer
from lema.tasks.gsm_synth import GsmSynth
from lema.trainers.finetune import Finetune
from lema.trainers.folder import Folder
from lema.trainers.learning import learn
from lema.verifiers.integers import Integers

pytestmark = pytest.mark.real
TINY = Model(name="tiny", shipped="tiny", dtype="float32")


@pytest.fixture(scope="module")
def examples() -> list[Example]:
    """Reference solutions of generated problems, of different lengths."""
    task, format_ = GsmSynth(verifier=Integers()), Format()
    return [
        Example(
            prompt=format_.cot_prompt(question),
            completion=format_.cot_completion(task.steps(question)),
            question_id=question.id,
            source="cot",
        )
        for split in ("dev", "test_longer")
        for question in task.questions(split, 0, 12)
    ]


def test_scores_are_those_of_a_plain_loop_over_examples(examples: list[Example]) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    tokenizer = load_tokenizer(TINY)
    plain = AutoModelForCausalLM.from_pretrained(str(TINY.folder()), dtype=torch.float32).eval()
    with open_scorer(TINY, device="cpu") as score:
        scores = score(examples)
    for example, found in zip(examples, scores, strict=True):
        prompt, completion = prompt_ids(tokenizer, example.prompt), completion_ids(tokenizer, example.completion)
        assert completion[-1] == tokenizer.eos_token_id
        with torch.no_grad():
            logits = plain(input_ids=torch.tensor([prompt + completion])).logits[0].double().log_softmax(-1)
        each = [float(logits[len(prompt) - 1 + k, token]) for k, token in enumerate(completion)]
        assert found.tokens == len(completion)
        assert found.logprob == pytest.approx(sum(each), abs=1e-4)
        assert found.perplexity == pytest.approx(math.exp(-sum(each) / len(each)), rel=1e-5)


def test_scores_do_not_depend_on_the_batch_or_the_order(examples: list[Example]) -> None:
    with open_scorer(TINY, device="cpu", batch_tokens=100_000) as score:
        together = score(examples)
        turned = score(examples[::-1])[::-1]
    with open_scorer(TINY, device="cpu", batch_tokens=1) as score:
        alone = score(examples)
    for one, other, third in zip(together, turned, alone, strict=True):
        assert one.tokens == other.tokens == third.tokens
        assert one.logprob == pytest.approx(other.logprob, abs=1e-4)
        assert one.logprob == pytest.approx(third.logprob, abs=1e-4)


@pytest.mark.parametrize("chat", [False, True])
def test_the_mean_loss_of_scored_examples_is_the_loss_of_the_trainer(tmp_path: Path, chat: bool) -> None:
    toy = toy_model(tmp_path / "toy")
    texts = toy_examples(24)
    path = write_examples(tmp_path / "examples.jsonl", texts)
    trainer = Finetune(method="full", learning_rate=3e-3, max_steps=2, batch_size=24, micro_batch=8, device="cpu")
    trainer = dataclasses.replace(trainer, keep_every=1)  # type: ignore[type-var]
    job = toy_job(tmp_path, toy, trainer, path, chat=chat)
    Path(job.work).mkdir()
    learn(job, toy, trainer, Folder(Path(job.work)))
    curve = [json.loads(line) for line in (tmp_path / "model" / "curve.jsonl").read_text().splitlines()]
    for checkpoint, row in ((None, curve[0]), (tmp_path / "work" / "kept" / "step-000001", curve[1])):
        with open_scorer(toy, checkpoint, chat=chat, device="cpu") as score:
            scores = score(texts)
        loss = -sum(found.logprob for found in scores) / sum(found.tokens for found in scores)
        assert loss == pytest.approx(row["loss"], abs=2e-5)
    assert sum(found.tokens for found in scores) == curve[0]["target_tokens"]
    assert curve[1]["loss"] < curve[0]["loss"] - 0.01


def test_a_text_that_does_not_fit_the_model_is_refused_and_never_cut(examples: list[Example]) -> None:
    long = Example(prompt="Question: 1 + 1?\n", completion="1 + 1 = 2. " * 2000, question_id="long-one", source="cot")
    with open_scorer(TINY, device="cpu") as score, pytest.raises(InputError, match=r"long-one .* context"):
        score([*examples, long])


def test_batches_hold_every_text_once_within_the_bound() -> None:
    lengths = [5, 90, 7, 40, 40, 1, 300]
    made = list(batches(lengths, 100))
    assert sorted(number for batch in made for number in batch) == list(range(7))
    assert made[0] == [6]  # longer than the bound: alone
    assert all(len(batch) == 1 or len(batch) * max(lengths[n] for n in batch) <= 100 for batch in made)

"""Encoder-decoder students: a T5 of two layers, trained for real until it writes what it was taught."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import pytest
from conftest import package
from processes.training_parent import start_parent, wait_for
from toys.models import fresh_t5, toy_job, write_examples

from lema.base.errors import ConfigError
from lema.base.protocols import Prompt, Sampling
from lema.base.records import Example
from lema.data.formats import Format
from lema.engines.seq2seq import Seq2Seq
from lema.lm.loading import is_adapter, load_model, load_tokenizer
from lema.lm.merging import PROMPTS, compare, next_tokens
from lema.lm.model import Model
from lema.lm.prediction import open_predictor
from lema.lm.scoring import open_scorer
from lema.pad.demos import program_of
from lema.tasks.gsm_synth import GsmSynth
from lema.trainers.finetune import Finetune
from lema.trainers.folder import Folder
from lema.trainers.learning import arrange, learn
from lema.verifiers.integers import Integers

pytestmark = pytest.mark.real
T5: dict[str, Any] = {"method": "full", "learning_rate": 1e-2, "batch_size": 8, "micro_batch": 4, "threads": 1}
T5 |= {"device": "cpu"}
HANDFUL = 6


def ignore(_done: int, _total: int) -> None:
    pass


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return fresh_t5(tmp_path_factory.mktemp("t5"))


@pytest.fixture(scope="module")
def programs() -> list[Example]:
    task, wording = GsmSynth(verifier=Integers()), Format()
    return [
        Example(prompt=wording.program_prompt(question), completion=text, question_id=question.id, source="program")
        for question in task.questions("train", 0, 40)
        if (text := program_of(question, "body")) is not None
    ][:20]


@pytest.fixture(scope="module")
def examples(programs: list[Example], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_examples(tmp_path_factory.mktemp("examples") / "examples.jsonl", programs)


def learned(root: Path, model: Model, trainer: Finetune, examples: Path, **changes: Any) -> dict[str, Any]:
    """Train in this process."""
    job = toy_job(root, model, trainer, examples, **changes)
    Path(job.work).mkdir(parents=True)
    return learn(job, model, trainer, Folder(Path(job.work)))


def curve(root: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (root / "model" / "curve.jsonl").read_text().splitlines()]


def written(engine: Seq2Seq, checkpoint: Path | None, examples: list[Example]) -> list[str]:
    prompts = [Prompt(id=example.question_id, text=example.prompt) for example in examples]
    with engine.open(checkpoint=checkpoint) as complete:
        return [reply.text for (reply,) in complete(prompts, Sampling(max_tokens=64))]


@pytest.fixture(scope="module")
def taught(model: Model, programs: list[Example], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole model that has learned a handful of programs by heart, by the trainer's own way in."""
    root = tmp_path_factory.mktemp("taught")
    few = write_examples(root / "few.jsonl", programs[:HANDFUL])
    given = {"learning_rate": 2e-2, "schedule": "linear", "batch_size": HANDFUL, "micro_batch": HANDFUL}
    trainer = Finetune(**(T5 | given), max_steps=120, keep_every=40)
    summary = trainer.train(toy_job(root, model, trainer, few), ignore)
    assert summary["examples"] == HANDFUL and summary["final_loss"] < 0.05
    return root


def test_it_writes_the_programs_that_it_was_taught(model: Model, programs: list[Example], taught: Path) -> None:
    few, engine = programs[:HANDFUL], Seq2Seq(model=model, device="cpu", batch_size=4)
    expected = [example.completion for example in few]
    assert written(engine, taught / "model", few) == expected
    assert written(engine, taught / "checkpoints" / "step-000040", few) != expected
    assert not set(written(engine, None, few)) & set(expected)


def test_plain_transformers_loads_what_was_trained_and_writes_the_same(
    model: Model, programs: list[Example], taught: Path
) -> None:
    import torch
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    plain = AutoModelForSeq2SeqLM.from_pretrained(str(taught / "model")).eval()
    tokenizer = AutoTokenizer.from_pretrained(str(taught / "model"))
    assert plain.config.use_cache
    for example in programs[:HANDFUL]:
        read = torch.tensor([[*tokenizer(example.prompt)["input_ids"], tokenizer.eos_token_id]])
        (ids,) = plain.generate(read, max_new_tokens=64, do_sample=False, num_beams=1)
        assert tokenizer.decode(ids, skip_special_tokens=True) == example.completion


def test_scores_are_those_of_the_library_and_the_loss_of_training_is_their_mean(
    model: Model, programs: list[Example], taught: Path, examples: Path, tmp_path: Path
) -> None:
    import torch

    checkpoint = taught / "checkpoints" / "step-000040"
    plain, tokenizer = load_model(model, checkpoint), load_tokenizer(model, checkpoint)
    with open_scorer(model, checkpoint, device="cpu", batch_tokens=256) as score:
        scores = score(programs)
    for example, found in zip(programs[:5], scores, strict=False):
        read = torch.tensor([[*tokenizer(example.prompt)["input_ids"], tokenizer.eos_token_id]])
        labels = tokenizer(example.completion, add_special_tokens=False)["input_ids"] + [tokenizer.eos_token_id]
        with torch.no_grad():
            loss = float(plain(input_ids=read, labels=torch.tensor([labels])).loss)  # its decoder begins by itself
        assert found.tokens == len(labels)
        assert found.logprob == pytest.approx(-loss * len(labels), rel=1e-4)
    with open_predictor(model, checkpoint, device="cpu", batch_tokens=256) as predict:
        predicted = predict(programs)
    for said, found in zip(predicted, scores, strict=True):
        assert said.tokens == found.tokens and said.bits == pytest.approx(-found.logprob / math.log(2), rel=1e-5)
        assert said.entropy > 0 and 0 <= said.top <= said.tokens
    once = Finetune(**(T5 | {"batch_size": 20, "micro_batch": 5}), max_steps=1)
    learned(tmp_path, model, once, examples, base=str(checkpoint))
    mean = -sum(found.logprob for found in scores) / sum(found.tokens for found in scores)
    assert curve(tmp_path)[0]["loss"] == pytest.approx(mean, rel=1e-4)


# However a batch is split


@pytest.fixture(scope="module")
def single(model: Model, examples: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, float]]:
    root = tmp_path_factory.mktemp("single")
    learned(root, model, Finetune(**T5, epochs=1.5), examples)
    return curve(root)


@pytest.mark.parametrize(
    "split",
    [
        {"micro_batch": 1},
        {"micro_batch": 2, "processes": 2},
        pytest.param({"micro_batch": 4, "processes": 2, "deepspeed": "zero2"}, marks=pytest.mark.slow),
        # Its weights are drawn here: whole, or another model would be trained.
        pytest.param({"micro_batch": 4, "processes": 2, "deepspeed": "zero3"}, marks=pytest.mark.slow),
    ],
    ids=["accumulation", "ddp", "zero2", "zero3"],
)
def test_the_curve_is_the_same_however_a_batch_is_split(
    model: Model, examples: Path, tmp_path: Path, single: list[dict[str, float]], split: dict[str, Any]
) -> None:
    if "deepspeed" in split:
        package("deepspeed")
    trainer = Finetune(**(T5 | split), epochs=1.5)
    if trainer.ranks > 1:
        trainer.train(toy_job(tmp_path, model, trainer, examples), ignore)
    else:
        learned(tmp_path, model, trainer, examples)
    together = curve(tmp_path)
    assert len(together) == len(single) == 4 and single[-1]["loss"] < single[0]["loss"] - 0.5
    for one, other in zip(together, single, strict=True):
        assert abs(one["loss"] - other["loss"]) < 1e-4
        assert one["target_tokens"] == other["target_tokens"]
    load_model(model, tmp_path / "model")


def test_a_kill_changes_neither_the_curve_nor_the_weights(model: Model, examples: Path, tmp_path: Path) -> None:
    # Bit for bit, so both in processes of their own, with as many threads; here there may be more.
    trainer = Finetune(**(T5 | {"learning_rate": 3e-3}), max_steps=24, save_every=4, keep_every=12)
    dropping = fresh_t5(tmp_path / "t5", dropout=0.1)
    calm, killed = tmp_path / "calm", tmp_path / "killed"
    trainer.train(toy_job(calm, dropping, trainer, examples), ignore)
    job = toy_job(killed, dropping, trainer, examples)
    parent = start_parent(job)
    wait_for(Folder(Path(job.work)).newest, parent)
    parent.kill()
    parent.wait()
    parent = start_parent(job)
    said, errors = parent.communicate(timeout=1200)
    assert parent.returncode == 0, errors
    assert json.loads(said)["resumed_from_step"] >= 4
    assert curve(killed) == curve(calm)
    weights = "model.safetensors"
    assert (killed / "model" / weights).read_bytes() == (calm / "model" / weights).read_bytes()
    kept = (calm / "checkpoints" / "step-000012" / weights).read_bytes()
    assert (killed / "checkpoints" / "step-000012" / weights).read_bytes() == kept


# Adapters


@pytest.fixture(scope="module")
def based(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A model whose weights are in files, wide enough for blocks of 4-bit weights."""
    folder = tmp_path_factory.mktemp("based")
    drawn = fresh_t5(folder, width=64)
    load_model(drawn).save_pretrained(str(folder))
    return dataclasses.replace(drawn, name="based-t5", fresh=False)  # type: ignore[type-var]


@pytest.mark.parametrize("method", ["lora", "qlora"])
def test_an_adapter_loads_in_plain_peft_and_computes_what_was_trained(
    based: Model, examples: Path, tmp_path: Path, method: str
) -> None:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForSeq2SeqLM

    if method == "qlora":
        package("bitsandbytes")
    trainer = Finetune(**(T5 | {"method": method, "lora_rank": 8}), max_steps=6)
    learned(tmp_path, based, trainer, examples)
    adapter = tmp_path / "model"
    held = json.loads((adapter / "adapter_config.json").read_text())
    assert held["task_type"] == "SEQ_2_SEQ_LM" and {"q", "k", "v", "o", "wi", "wo"} == set(held["target_modules"])
    losses = [row["loss"] for row in curve(tmp_path)]
    assert losses[-1] < losses[0] - 0.2
    plain = AutoModelForSeq2SeqLM.from_pretrained(str(based.path))
    rows = [load_tokenizer(based)(text)["input_ids"] for text in PROMPTS[:8]]
    before = next_tokens(plain.eval(), rows)
    apart = next_tokens(PeftModel.from_pretrained(plain, str(adapter)).eval(), rows)
    assert compare(before, apart).largest > 0.1
    assert torch.allclose(next_tokens(load_model(based, adapter), rows), apart, atol=1e-3)  # folded in, as engines do
    engine = Seq2Seq(model=based, device="cpu", quantised=method == "qlora")
    with engine.open(checkpoint=adapter) as complete:
        ((reply,),) = complete([Prompt(id="p", text=PROMPTS[0])], Sampling(max_tokens=8, logprobs=True))
    assert reply.logprobs and len(reply.logprobs) == reply.completion_tokens > 0


def test_a_merged_adapter_and_one_on_a_trained_model_are_whole_models_that_were_checked(
    model: Model, examples: Path, taught: Path, tmp_path: Path
) -> None:
    base = dataclasses.replace(model, fresh=False, path=str(taught / "model"))  # type: ignore[type-var]
    lora = Finetune(**(T5 | {"method": "lora"}), max_steps=3, merge=True)
    told = learned(tmp_path / "merged", base, lora, examples)
    assert told["merge"]["prompts"] == 64 and told["merge"]["largest"] < 1e-3
    on_top = Finetune(**(T5 | {"method": "lora"}), max_steps=3)
    learned(tmp_path / "on_top", model, on_top, examples, base=str(taught / "model"))
    assert not is_adapter(tmp_path / "merged" / "model") and not is_adapter(tmp_path / "on_top" / "model")
    rows = [load_tokenizer(base)(text)["input_ids"] for text in PROMPTS[:8]]
    tables = [next_tokens(load_model(model, tmp_path / name / "model"), rows) for name in ("merged", "on_top")]
    assert compare(*tables).largest < 1e-4


# What is refused


def test_packing_is_refused(model: Model, examples: Path, tmp_path: Path) -> None:
    trainer = Finetune(**T5, max_steps=1, packing=True)
    with pytest.raises(
        ConfigError, match=r"trainer\.packing: fresh-t5 is an encoder-decoder .* trainer\.packing=false"
    ):
        arrange(toy_job(tmp_path, model, trainer, examples), model, trainer, None)

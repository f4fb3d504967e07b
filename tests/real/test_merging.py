"""Adapters folded into their weights: what is published, and what is refused."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from conftest import package
from toys.models import toy_examples, toy_job, toy_model, write_examples

from lema.base.errors import ConfigError, StageFailed
from lema.base.protocols import Prompt, Sampling
from lema.base.spec import key
from lema.engines.transformers import Transformers
from lema.lm.loading import is_adapter, load_model, load_tokenizer
from lema.lm.merging import PROMPTS, Agreement, compare, merge, next_tokens
from lema.lm.model import Model
from lema.trainers.finetune import Finetune
from lema.trainers.folder import Folder
from lema.trainers.learning import learn
from lema.trainers.weights import build, fold

pytestmark = pytest.mark.real
TOY: dict[str, Any] = {"learning_rate": 3e-3, "batch_size": 8, "micro_batch": 4, "threads": 1, "device": "cpu"}


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return toy_model(tmp_path_factory.mktemp("toy"))


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_examples(tmp_path_factory.mktemp("examples") / "examples.jsonl", toy_examples(50))


def learned(root: Path, model: Model, trainer: Finetune, examples: Path, **changes: Any) -> dict[str, Any]:
    job = toy_job(root, model, trainer, examples, **changes)
    Path(job.work).mkdir(parents=True)
    return learn(job, model, trainer, Folder(Path(job.work)))


def table(model: Model, checkpoint: Path, **how: Any) -> Any:
    rows = [load_tokenizer(model, checkpoint)(text)["input_ids"] for text in PROMPTS]
    return next_tokens(load_model(model, checkpoint, **how), rows)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("method", ["lora", "qlora"])
def test_a_merged_model_is_published_whole_and_computes_what_the_adapter_does(
    toy: Model, examples: Path, tmp_path: Path, method: str, dtype: str
) -> None:
    stored = dataclasses.replace(toy, dtype=dtype)  # type: ignore[type-var]
    given = TOY | {"method": method, "max_steps": 4}
    told = learned(tmp_path / "merged", stored, Finetune(**given, merge=True, keep_every=2), examples)
    plain = learned(tmp_path / "plain", stored, Finetune(**given), examples)
    assert told["merge"]["prompts"] == 64 and told["merge"]["same_next"] >= 0.9 and "merge" not in plain
    assert told["merge"]["largest"] < (1e-4 if dtype == "float32" else 0.1)
    whole, adapter = tmp_path / "merged" / "model", tmp_path / "plain" / "model"
    kept = tmp_path / "merged" / "work" / "kept" / "step-000002"
    assert [is_adapter(folder) for folder in (whole, kept, adapter)] == [False, False, True]
    apart = table(stored, adapter, merge=False)  # on weights that are not quantised
    assert compare(apart, table(stored, whole)).largest == pytest.approx(told["merge"]["largest"], abs=1e-4)
    assert compare(apart, table(stored, adapter)).largest < 1e-4  # as evaluation merges it
    assert compare(apart, table(stored, kept)).largest > 0.01


def test_a_merge_that_computes_something_else_is_refused_and_the_adapter_stays(
    toy: Model, examples: Path, tmp_path: Path
) -> None:
    """An adapter so large that the merged weights overflow where half precision holds them."""
    from safetensors.torch import load_file, save_file

    learned(tmp_path, toy, Finetune(**TOY, method="lora", max_steps=2), examples)
    adapter = tmp_path / "model"
    weights = load_file(adapter / "adapter_model.safetensors")
    large = {name: held * 3e7 if "lora_B" in name else held for name, held in weights.items()}
    save_file(large, adapter / "adapter_model.safetensors")
    coarse = dataclasses.replace(toy, dtype="float16")  # type: ignore[type-var]
    with pytest.raises(StageFailed, match=r"on 64 prompts .* differ by up to \S+ \(float16 allows 0\.25\)"):
        fold(adapter, coarse, None)
    assert is_adapter(adapter) and not adapter.with_name("model.whole").exists()


def test_an_adapter_that_is_scaled_twice_is_found_out(toy: Model, examples: Path, tmp_path: Path) -> None:
    from peft import PeftModel

    learned(tmp_path, toy, Finetune(**TOY, method="lora", max_steps=4), examples)
    adapted = PeftModel.from_pretrained(load_model(toy), str(tmp_path / "model"))
    tokenizer = load_tokenizer(toy)
    before = next_tokens(adapted.eval(), [tokenizer(text)["input_ids"] for text in PROMPTS])
    for layer in adapted.modules():
        if hasattr(layer, "lora_B"):
            layer.scaling = {name: 2 * scale for name, scale in layer.scaling.items()}
    merged, agreement = merge(adapted, tokenizer)  # itself in order
    assert agreement.largest < 1e-4
    wrong = compare(before, next_tokens(merged, [tokenizer(text)["input_ids"] for text in PROMPTS]))
    with pytest.raises(StageFailed, match=r"float32 allows 0\.01"):
        wrong.check("float32")


@pytest.mark.parametrize(("largest", "same", "held"), [(0.9, 0.9, True), (1.1, 0.9, False), (0.9, 0.8, False)])
def test_both_numbers_must_hold_and_neither_may_be_undefined(largest: float, same: float, held: bool) -> None:
    agreement = Agreement(prompts=64, largest=largest, same_next=same)
    if held:
        agreement.check("bfloat16")
    else:
        with pytest.raises(StageFailed):
            agreement.check("bfloat16")
    with pytest.raises(StageFailed):
        Agreement(prompts=64, largest=float("nan"), same_next=1.0).check("bfloat16")


def test_an_adapter_stays_apart_from_four_bit_weights(toy: Model, examples: Path, tmp_path: Path) -> None:
    package("bitsandbytes")
    from peft import PeftModel

    learned(tmp_path, toy, Finetune(**TOY, method="qlora", max_steps=2), examples)
    adapter = tmp_path / "model"
    assert isinstance(load_model(toy, adapter, quantised=True), PeftModel)
    with Transformers(model=toy, quantised=True, device="cpu").open(checkpoint=adapter) as complete:
        ((reply,),) = complete([Prompt(id="p", text="Question: what is 1 + 2?\n")], Sampling(max_tokens=4))
    assert reply.completion_tokens == 4 or reply.finish_reason == "stop"


def test_merging_is_part_of_the_identity_and_needs_an_adapter() -> None:
    lora = Finetune(**TOY, method="lora", max_steps=2)
    assert key(lora) == key(dataclasses.replace(lora, merge=False)) != key(dataclasses.replace(lora, merge=True))
    with pytest.raises(ConfigError, match=r"merge means nothing with trainer\.method=full"):
        Finetune(**TOY, method="full", max_steps=2, merge=True).check()


def test_split_weights_take_no_adapter(toy: Model, examples: Path, tmp_path: Path) -> None:
    learned(tmp_path, toy, Finetune(**TOY, method="lora", max_steps=1), examples)
    split = Finetune(**TOY, method="full", max_steps=2, deepspeed="zero3")
    with pytest.raises(ConfigError, match=r"zero3 splits the weights .* trainer\.merge=true"):
        build(toy, split, tmp_path / "model", "cpu", 0)

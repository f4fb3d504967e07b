"""Training for real: a toy Llama, torch, transformers, peft, bitsandbytes, DeepSpeed, kill -9."""

from __future__ import annotations

import dataclasses
import json
import signal
from pathlib import Path
from typing import Any

import pytest
from processes.training_parent import start_parent, wait_for
from toys.models import toy_examples, toy_job, toy_model, write_examples

from lema.base.errors import InputError, StageFailed
from lema.lm.encoding import encode, prompt_ids
from lema.lm.loading import load_model, load_tokenizer
from lema.lm.model import Model
from lema.trainers.finetune import Finetune
from lema.trainers.folder import Folder
from lema.trainers.learning import arrange, curve_of, learn, make_loop
from lema.trainers.likelihood import Likelihood
from lema.trainers.saving import finish

pytestmark = pytest.mark.real
TOY: dict[str, Any] = {"method": "full", "learning_rate": 3e-3, "batch_size": 8, "micro_batch": 4, "threads": 1}


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return toy_model(tmp_path_factory.mktemp("toy"))


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_examples(tmp_path_factory.mktemp("examples") / "examples.jsonl", toy_examples(50))


def ignore(_done: int, _total: int) -> None:
    pass


def curve(root: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (root / "model" / "curve.jsonl").read_text().splitlines()]


def content(root: Path) -> dict[str, bytes]:
    folder = root / "model"
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


# Lengths


def test_over_long_examples_are_refused_then_left_out_whole(toy: Model, examples: Path, tmp_path: Path) -> None:
    trainer = Finetune(**TOY, epochs=1.0, max_length=100)
    with pytest.raises(InputError, match=r"longer than trainer.max_length=100 .* trainer.over_long="):
        arrange(toy_job(tmp_path, toy, trainer, examples), toy, trainer, None)
    tolerant = Finetune(**TOY, epochs=1.0, max_length=100, over_long=0.5)
    plan, lengths = arrange(toy_job(tmp_path, toy, tolerant, examples), toy, tolerant, None)
    assert lengths["over_long"] > 0
    assert lengths["examples"] + lengths["over_long"] == 50
    whole = {tuple(e.ids) for e in encode(load_tokenizer(toy), toy_examples(50))}
    assert {tuple(row[0].ids) for row in plan.rows} < whole


def test_an_error_of_the_users_comes_through_the_process_as_itself(toy: Model, examples: Path, tmp_path: Path) -> None:
    trainer = Finetune(**TOY, epochs=1.0, max_length=100)
    with pytest.raises(InputError, match="longest has"):
        trainer.train(toy_job(tmp_path, toy, trainer, examples), ignore)


def test_a_crash_quotes_the_end_of_the_log(toy: Model, examples: Path, tmp_path: Path) -> None:
    trainer = Finetune(**TOY, epochs=1.0)
    broken = dataclasses.asdict(toy) | {"path": str(tmp_path / "nowhere")}
    (tmp_path / "nowhere").mkdir()
    (tmp_path / "nowhere" / "config.json").write_text("{}")
    with pytest.raises(StageFailed, match="Error:"):
        trainer.train(toy_job(tmp_path, toy, trainer, examples, model=broken), ignore)


# Outputs


@pytest.mark.parametrize("method", ["full", "lora", "qlora"])
def test_an_output_loads_with_plain_libraries_and_computes_what_was_trained(
    toy: Model, examples: Path, tmp_path: Path, method: str
) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig

    lora = {} if method == "full" else {"lora_rank": 8, "packing": True, "max_length": 200}
    optimizer = "paged_adamw_32bit" if method == "qlora" else "adamw_torch"
    trainer = Finetune(**(TOY | {"method": method, "optimizer": optimizer} | lora), max_steps=4, device="cpu")
    job = toy_job(tmp_path, toy, trainer, examples)
    plan, _ = arrange(job, toy, trainer, None)
    loop = make_loop(job, toy, trainer, Folder(Path(job.work)), plan, None)
    loop.train()
    # Repacked 4-bit weights have no gradient; bitsandbytes only warns.
    states = [getattr(layer.weight, "quant_state", None) for layer in loop.model.modules() if hasattr(layer, "weight")]
    assert not any(getattr(state, "packing_format_for_cpu", False) for state in states)
    probe = torch.tensor([prompt_ids(load_tokenizer(toy), toy_examples(1)[0].prompt)])
    with torch.no_grad():
        expected = loop.model.eval()(input_ids=probe).logits
    finish(loop, job, toy, trainer, None, curve_of(loop.state.log_history, plan))

    output, base = tmp_path / "model", str(toy.folder())
    tokenizer = AutoTokenizer.from_pretrained(str(output))
    assert tokenizer("1 + 2 = 3")["input_ids"] == load_tokenizer(toy)("1 + 2 = 3")["input_ids"]
    if method == "full":
        loaded = AutoModelForCausalLM.from_pretrained(str(output))
        assert loaded.config.use_cache
    else:
        from peft import PeftModel

        nf4 = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=torch.float32,
        )
        quantised = {"quantization_config": nf4, "device_map": {"": "cpu"}} if method == "qlora" else {}
        loaded = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base, **quantised), str(output))
        assert json.loads((output / "adapter_config.json").read_text())["base_model_name_or_path"] == "toy"
    with torch.no_grad():
        computed = loaded.eval()(input_ids=probe).logits
        untrained = AutoModelForCausalLM.from_pretrained(base)(input_ids=probe).logits
    assert torch.allclose(computed, expected, atol=1e-5)
    assert not torch.allclose(untrained, expected, atol=1e-2)
    places = (str(tmp_path).encode(), base.encode())
    assert not [name for name, data in content(tmp_path).items() if any(place in data for place in places)]


def test_training_goes_on_from_a_trained_model_and_from_a_trained_adapter(
    toy: Model, examples: Path, tmp_path: Path
) -> None:
    full = Finetune(**TOY, max_steps=3, device="cpu")
    lora = Finetune(**(TOY | {"method": "lora"}), max_steps=3, device="cpu")

    def trained(name: str, trainer: Finetune, base: str | None) -> str:
        root = tmp_path / name
        job = toy_job(root, toy, trainer, examples, base=None if base is None else str(tmp_path / base / "model"))
        Path(job.work).mkdir(parents=True)
        learn(job, toy, trainer, Folder(Path(job.work)))
        return name

    first = trained("full", full, None)
    second = trained("full_on_full", full, first)
    adapter = trained("lora", lora, None)
    longer = trained("lora_on_lora", lora, adapter)
    folded = trained("lora_on_full", lora, first)
    unfolded = trained("full_on_lora", full, adapter)
    losses = {name: [row["loss"] for row in curve(tmp_path / name)] for name in (second, longer, folded, unfolded)}
    for name, start in ((second, first), (longer, adapter), (folded, first), (unfolded, adapter)):
        assert losses[name][0] < curve(tmp_path / start)[0]["loss"], name
    assert (tmp_path / longer / "model" / "adapter_config.json").is_file()
    assert (tmp_path / folded / "model" / "model.safetensors").is_file()  # complete without its base
    other = Finetune(**(TOY | {"method": "lora"}), lora_rank=4, max_steps=3, device="cpu")
    with pytest.raises(InputError, match="lora_rank"):
        trained("other", other, adapter)


def test_a_fresh_model_starts_from_its_seed(toy: Model, examples: Path, tmp_path: Path) -> None:
    import torch

    drawn = dataclasses.replace(toy, fresh=True, init_seed=3)  # type: ignore[type-var]
    first, again = (load_model(drawn).state_dict() for _ in range(2))
    other = load_model(dataclasses.replace(drawn, init_seed=4)).state_dict()  # type: ignore[type-var]
    name = "model.layers.0.mlp.up_proj.weight"
    assert torch.equal(first[name], again[name])
    assert not torch.equal(first[name], other[name])


# Killing and resuming


def test_kills_at_any_moment_change_neither_the_curve_nor_a_byte(toy: Model, examples: Path, tmp_path: Path) -> None:
    import psutil

    trainer = Finetune(
        **(TOY | {"method": "lora", "lora_dropout": 0.1, "schedule": "cosine"}), max_steps=30, save_every=4
    )
    calm, killed = tmp_path / "calm", tmp_path / "killed"
    trainer.train(toy_job(calm, toy, trainer, examples), ignore)
    assert not (calm / "work" / "checkpoints").exists()

    job = toy_job(killed, toy, trainer, examples)
    folder = Folder(Path(job.work))
    moments = (
        lambda: list(folder.partial.glob("*/adapter_model.safetensors")),  # in the middle of a checkpoint
        lambda: folder.newest() is not None and folder.newest().name >= "step-00000012",  # between two
    )
    for moment in moments:
        parent = start_parent(job)
        wait_for(moment, parent)
        workers = psutil.Process(parent.pid).children(recursive=True)
        parent.kill()
        parent.wait()
        _, alive = psutil.wait_procs(workers, timeout=120)
        assert workers and not alive, "a trainer outlived its parent"
    parent = start_parent(job)
    said, errors = parent.communicate(timeout=1800)
    assert parent.returncode == 0, errors
    assert json.loads(said)["resumed_from_step"] >= 12
    assert [row["step"] for row in curve(killed)] == list(range(1, 31))
    assert content(killed) == content(calm)


@pytest.mark.parametrize("number", [signal.SIGUSR2, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_asked_to_stop_it_checkpoints_and_goes_on_later(
    toy: Model, examples: Path, tmp_path: Path, number: signal.Signals
) -> None:
    trainer = Finetune(**TOY, max_steps=3000, save_every=100_000)
    job = toy_job(tmp_path, toy, trainer, examples)
    folder = Folder(Path(job.work))
    parent = start_parent(job)
    wait_for(folder.progress, parent)
    parent.send_signal(number)
    _, errors = parent.communicate(timeout=1800)
    assert parent.returncode == 75, errors
    sealed = folder.newest()
    assert sealed is not None
    state = json.loads((sealed / "trainer_state.json").read_text())
    assert state["global_step"] == len(state["log_history"]) < 3000


def test_a_finished_training_is_not_done_again(toy: Model, examples: Path, tmp_path: Path) -> None:
    trainer = Finetune(**TOY, max_steps=2)
    job = toy_job(tmp_path, toy, trainer, examples)
    first = trainer.train(job, ignore)
    assert trainer.train(job, ignore) == first  # also its seconds: nothing ran


# Several processes


@pytest.fixture(scope="module")
def single(toy: Model, examples: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, float]]:
    root = tmp_path_factory.mktemp("single")
    trainer = Finetune(**TOY, epochs=1.5)
    trainer.train(toy_job(root, toy, trainer, examples), ignore)
    return curve(root)


@pytest.mark.parametrize(
    "split",
    [
        {"micro_batch": 1},
        {"micro_batch": 2, "processes": 2},
        {"micro_batch": 4, "processes": 2, "deepspeed": "zero2"},
        pytest.param({"micro_batch": 2, "processes": 2, "deepspeed": "zero3"}, marks=pytest.mark.slow),
    ],
    ids=["accumulation", "ddp", "zero2", "zero3"],
)
def test_the_curve_is_the_same_however_a_batch_is_split(
    toy: Model, examples: Path, tmp_path: Path, single: list[dict[str, float]], split: dict[str, Any]
) -> None:
    from transformers import AutoModelForCausalLM

    trainer = Finetune(**(TOY | split), epochs=1.5, save_every=5)
    trainer.train(toy_job(tmp_path, toy, trainer, examples), ignore)
    together = curve(tmp_path)
    assert [row["step"] for row in together] == [row["step"] for row in single]
    for one, other in zip(together, single, strict=True):
        assert abs(one["loss"] - other["loss"]) < 1e-4
        assert one["target_tokens"] == other["target_tokens"]
    AutoModelForCausalLM.from_pretrained(str(tmp_path / "model"))


def test_an_average_over_groups_is_the_same_however_a_batch_is_split_and_another_than_over_tokens(
    toy: Model, examples: Path, tmp_path: Path, single: list[dict[str, float]]
) -> None:
    curves = []
    for number, split in enumerate(({}, {"micro_batch": 2, "processes": 4})):
        trainer = Finetune(**(TOY | split), epochs=1.5, objective=Likelihood(group=2))
        trainer.train(toy_job(tmp_path / str(number), toy, trainer, examples), ignore)
        curves.append([row["loss"] for row in curve(tmp_path / str(number))])
    assert curves[0] == pytest.approx(curves[1], abs=1e-4)
    assert len(curves[0]) == len(single) and abs(curves[0][0] - single[0]["loss"]) > 1e-3


@pytest.mark.slow
def test_two_processes_with_zero_resume_to_the_same_curve(
    toy: Model, examples: Path, tmp_path: Path, single: list[dict[str, float]]
) -> None:
    trainer = Finetune(**(TOY | {"micro_batch": 4, "processes": 2, "deepspeed": "zero2"}), epochs=1.5, save_every=4)
    job = toy_job(tmp_path, toy, trainer, examples)
    parent = start_parent(job)
    wait_for(lambda: Folder(Path(job.work), trainer.layout).newest(), parent)
    parent.kill()
    parent.wait()
    summary = trainer.train(job, ignore)
    assert summary["resumed_from_step"] in (4, 8)
    for one, other in zip(curve(tmp_path), single, strict=True):
        assert abs(one["loss"] - other["loss"]) < 1e-4


# W&B


def test_tracking_logs_each_step_offline_under_the_given_id(
    toy: Model, examples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", "planted-openai-key")
    trainer = Finetune(**TOY, max_steps=3)
    board = tmp_path / "board"
    board.mkdir()
    tracking = {"backend": "wandb", "project": "lema", "group": "sweep", "mode": "auto", "dir": str(board)}
    tracking["id"] = "0123456789abcdef"
    trainer.train(toy_job(tmp_path, toy, trainer, examples, tracking=tracking), ignore)
    (run,) = (board / "wandb").glob("offline-run-*-0123456789abcdef")
    (log,) = run.glob("*.wandb")
    data = log.read_bytes()
    assert data.count(b"train/loss") >= 3
    everything = b"".join(p.read_bytes() for p in tmp_path.rglob("*") if p.is_file())
    assert b"planted-openai-key" not in everything


def test_a_diverging_loss_is_an_error_with_its_step(toy: Model, examples: Path, tmp_path: Path) -> None:
    trainer = Finetune(**(TOY | {"learning_rate": 1e30}), max_steps=5)
    with pytest.raises(StageFailed, match=r"loss is nan at step \d.*learning_rate"):
        trainer.train(toy_job(tmp_path, toy, trainer, examples), ignore)

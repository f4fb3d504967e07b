"""The vLLM engine without vLLM: what it would load, what it refuses, and how its processes end.

What it says is compared in tests/real/test_vllm.py.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from toys.models import toy_model

from lema.base.errors import ConfigError, InputError, StageFailed
from lema.base.protocols import Prompt, Sampling
from lema.base.spec import key
from lema.config.config import build
from lema.engines.vllm.engine import Held, Vllm, rank_of
from lema.engines.vllm.replica import Setup
from lema.engines.vllm.replicas import Replicas, hear, shares, start, tell
from lema.lm.loading import load_config, load_ends, load_model, load_tokenizer
from lema.lm.model import Model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return toy_model(tmp_path_factory.mktemp("toy"))


def adapter(folder: Path, **said: Any) -> Path:
    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps({"r": 16, **said}))
    return folder


def test_how_it_runs_does_not_count_and_what_is_sampled_from_does(model: Model) -> None:
    plain = key(Vllm(model=model))
    how: list[dict[str, Any]] = [{"tensor_parallel": 8}, {"max_model_len": 64}, {"llm": {"cpu_offload_gb": 1}}]
    assert {key(Vllm(model=model, **changes)) for changes in how} == {plain}
    assert plain not in {key(Vllm(model=model, quantised=True)), key(Vllm(model=model, kv_cache_dtype="fp8"))}


def test_an_argument_that_would_decide_what_is_sampled_has_no_way_in(model: Model) -> None:
    for name in ("seed", "quantization", "speculative_config", "tokenizer"):
        with pytest.raises(ConfigError, match=rf"llm\.{name}: allowed are .*cpu_offload_gb"):
            Vllm(model=model, llm={name: 1}).check()
    asked = Vllm(model=model, llm={"max_num_batched_tokens": 4096}).setup(None, "cuda").llm
    assert asked["max_num_batched_tokens"] == 4096


def test_a_model_is_loaded_as_the_transformers_engine_would(model: Model) -> None:
    there = Vllm(model=Model(name="toy", path=model.path, dtype="bfloat16"), quantised=True).setup(None, "cuda")
    assert there.llm["dtype"] == "bfloat16" and there.llm["quantization"] == "bitsandbytes"
    assert there.llm["max_model_len"] == 512 and not there.cpu
    hub = Vllm(model=Model(name="toy", hub="a/b", revision="c0ffee", dtype="float16"), max_model_len=64)
    known = load_config(model)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lema.engines.vllm.engine.load_config", lambda *_: known)  # the hub is not asked
        asked = hub.setup(None, "cpu").llm
    assert (asked["model"], asked["revision"], asked["dtype"], asked["max_model_len"]) == (
        "a/b",
        "c0ffee",
        "float32",
        64,
    )
    assert asked["generation_config"] == "vllm" and "quantization" not in asked


def test_a_whole_checkpoint_takes_the_place_of_the_weights_and_an_adapter_stands_beside_them(
    model: Model, tmp_path: Path
) -> None:
    whole = Path(toy_model(tmp_path / "whole", seed=1).path or "")
    asked = Vllm(model=model).setup(whole, "cuda")
    assert asked.llm["model"] == asked.llm["tokenizer"] == str(whole) and asked.adapter is None
    assert "enable_lora" not in asked.llm
    beside = adapter(tmp_path / "adapter", rank_pattern={"q_proj": 24})
    asked = Vllm(model=model).setup(beside, "cuda")
    assert asked.llm["model"] == asked.llm["tokenizer"] == str(Path(model.path or "").resolve())
    assert asked.adapter == str(beside) and asked.llm["enable_lora"] and asked.llm["max_lora_rank"] == 32


def test_an_adapter_larger_than_vllm_takes_is_refused(tmp_path: Path) -> None:
    assert rank_of(adapter(tmp_path / "small", r=16)) == 16
    with pytest.raises(ConfigError, match="up to rank 512, this one has 600"):
        rank_of(adapter(tmp_path / "large", r=600))


def test_a_model_without_weights_is_refused_until_it_is_trained(model: Model, tmp_path: Path) -> None:
    fresh = Vllm(model=Model(name="toy", path=model.path, fresh=True))
    with pytest.raises(ConfigError, match="no weights before it is trained"):
        fresh.setup(None, "cpu")
    whole = Path(toy_model(tmp_path / "whole").path or "")
    assert fresh.setup(whole, "cpu").llm["model"] == str(whole)
    with pytest.raises(InputError, match="neither a model"):
        fresh.setup(tmp_path, "cpu")


@pytest.mark.parametrize("named", [True, False])
def test_end_tokens_and_context_are_found_without_the_weights(model: Model, tmp_path: Path, named: bool) -> None:
    folder = Path(toy_model(tmp_path / "m").path or "")
    if not named:
        (folder / "generation_config.json").unlink()
    local = Model(name="toy", path=str(folder), dtype="float32")
    loaded = load_model(local)
    assert load_ends(local).eos_token_id == loaded.generation_config.eos_token_id == 1
    assert load_config(local).max_position_embeddings == 512


def test_what_max_model_len_would_cut_is_an_error_and_what_the_model_would_is_not(model: Model) -> None:
    engine = Vllm(model=model, max_model_len=20)
    held = Held(engine, load_tokenizer(model), load_ends(model), 512, Replicas(Setup(llm={}), []))
    asked = [Prompt(id="one", text="?")]
    with pytest.raises(InputError, match=r"'one' has 2 tokens.* max_model_len=20 has no room for: make it 102"):
        held.complete(asked, Sampling(max_tokens=100))


def test_more_gpus_than_there_are_is_an_error_that_counts_them() -> None:
    with pytest.raises(ConfigError, match=r"tensor_parallel=2 times data_parallel=64 is 128 GPUs, and .* sees \d"):
        shares(2, 64)


def test_each_copy_sees_gpus_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 4)  # this machine need not have them
    assert shares(4, 1) == [None]
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert shares(2, 2) == ["0,1", "2,3"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5,GPU-a,GPU-b")
    assert shares(2, 2) == ["3,5", "GPU-a,GPU-b"] and shares(1, 3) == ["3", "5", "GPU-a"]


def test_a_copy_that_cannot_load_says_why_and_none_is_left(model: Model) -> None:
    """In this Python vLLM is not there at all; in one that has it, there is no such model."""
    replicas = Replicas(Setup(llm={"model": "/nowhere"}), [None])
    with pytest.raises(StageFailed, match=r"vLLM failed: .*lower max_model_len"), replicas:
        pass
    assert [process.poll() for process in replicas.processes] == [-signal.SIGKILL]


def test_a_copy_that_is_killed_is_reported(model: Model) -> None:
    process = start(None)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    tell(process, b"{}")
    with pytest.raises(StageFailed, match="killed by signal 9"):
        hear(process)
    Replicas.close(closing := Replicas(Setup(llm={}), []))
    assert closing.processes == []


def test_copies_end_when_the_one_that_asks_is_killed(tmp_path: Path) -> None:
    code = (
        "import os, signal; from lema.engines.vllm.replicas import start\n"
        "print(start(None).pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    copy = int(parent.stdout.readline())
    assert parent.stdout.read() == ""
    parent.wait()
    descriptor = Path(f"/proc/{copy}/stat")
    for _ in range(600):
        if not descriptor.exists() or descriptor.read_text().rpartition(")")[2].split()[0] == "Z":
            return
        time.sleep(0.1)
    raise AssertionError("the copy outlived the one that asked it")


def test_the_shipped_options_build(tmp_path: Path) -> None:
    model = {"_target_": "lema.lm.model.Model", "name": "m", "hub": "a/b", "revision": "c0ffee"}
    made = build({"_target_": "lema.engines.vllm.engine.Vllm", "model": model, "data_parallel": 4}, "reasoner")
    assert made.name == "m" and made.needs == "gpu" and made.own_python == "vllm"

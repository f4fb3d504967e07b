"""vLLM for real, on a CPU, in the Python that has it: beside trainer and transformers engine, and behind a server."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from conftest import ROOT, missing
from processes.vllm_asker import Answer, Request
from servers import vllm_environment

from lema.base.protocols import Prompt, Reply, Sampling
from lema.base.records import Example
from lema.data.formats import Format
from lema.engines.openai.engine import OpenAI
from lema.engines.transformers import Transformers
from lema.lm.encoding import encode
from lema.lm.loading import load_model, load_tokenizer
from lema.lm.model import Model
from lema.tasks.gsm_synth import GsmSynth
from lema.verifiers.integers import Integers

pytestmark = [pytest.mark.real, pytest.mark.slow]
TINY = Model(name="tiny", shipped="tiny", dtype="float32")
GREEDY: dict[str, Any] = {"max_tokens": 64}
CHOICES = (" yes", "A", " 12 + 3", " 12 + 4")


@pytest.fixture(scope="module", autouse=True)
def python() -> Path:
    """The Python that has vLLM."""
    found = vllm_environment.python()
    if not found.is_file():
        missing(f"{found} is not there: make vllm-env (or name another one in LEMA_VLLM_PYTHON)")
    return found


def ask(folder: Path, model: Model, calls: Sequence[tuple[list[Prompt], dict[str, Any]]], **more: Any) -> Answer:
    """What the vLLM engine answers, opened once."""
    checkpoint = more.pop("checkpoint", None)
    node = {
        "_target_": "lema.engines.vllm.engine.Vllm",
        "model": dataclasses.asdict(model),
        "kv_cache_gb": 0.25,
        **more,
    }
    request = folder / "request.json"
    request.write_bytes(msgspec.json.encode(Request(node=node, calls=list(calls), checkpoint=checkpoint)))
    done = vllm_environment.run("tests/processes/vllm_asker.py", str(request))
    assert done.returncode == 0, done.stderr[-5000:]
    return msgspec.json.decode(done.stdout.splitlines()[-1], type=Answer)


def expected(
    model: Model, prompts: list[Prompt], sampling: dict[str, Any], checkpoint: Path | None = None
) -> list[list[Reply]]:
    """What the transformers engine answers."""
    with Transformers(model=model, threads=1, device="cpu").open(checkpoint=checkpoint) as complete:
        return complete(prompts, Sampling(**sampling))


def trained_ids(model: Model, prompts: Sequence[Prompt]) -> list[list[int]]:
    """The ids of prompts as training has them, in front of a completion."""
    found = []
    for prompt in prompts:
        example = Example(prompt=prompt.text, completion="5", question_id=prompt.id, source="cot")
        (encoded,) = encode(load_tokenizer(model), [example], chat=prompt.chat)
        found.append(list(encoded.ids[: encoded.prompt]))
    return found


def texts(replies: list[list[Reply]]) -> list[str]:
    return [reply.text for several in replies for reply in several]


@pytest.fixture(scope="module")
def evaluated() -> list[Prompt]:
    """Every prompt of the default evaluation."""
    form = Format()
    questions = GsmSynth(verifier=Integers()).questions("test", 0, 1000)
    return [Prompt(id=question.id, text=form.cot_prompt(question)) for question in questions]


def test_the_contract_of_engines_holds_for_vllm(python: Path) -> None:
    file = "tests/contract/test_engines.py"
    done = vllm_environment.run("-m", "pytest", "-p", "no:cacheprovider", "-k", "vllm", file)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    here = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-k", "vllm", file],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    total = sum("[vllm]" in line for line in here.stdout.splitlines())
    (passed,) = re.findall(r"(\d+) passed", done.stdout)
    assert int(passed) == total > 10 and "skipped" not in done.stdout


def test_ids_and_greedy_texts_are_those_of_training_and_of_transformers(
    evaluated: list[Prompt], tmp_path: Path
) -> None:
    some = evaluated[:100]
    scored = {**GREEDY, "logprobs": True}
    said = ask(tmp_path, TINY, [(evaluated, {"max_tokens": 1}), (some, scored), (some[:20], {"choices": CHOICES})])
    assert said.ids[: len(evaluated)] == trained_ids(TINY, evaluated)
    wanted = expected(TINY, some, scored)
    assert texts(said.replies[1]) == texts(wanted)
    for several, others in zip(said.replies[1], wanted, strict=True):
        for reply, other in zip(several, others, strict=True):
            assert counts(reply) == counts(other)
            assert reply.logprobs == pytest.approx(other.logprobs, abs=1e-3)
    for (reply,), (other,) in zip(said.replies[2], expected(TINY, some[:20], {"choices": CHOICES}), strict=True):
        assert reply.choices == pytest.approx(other.choices, abs=1e-3) and reply.text == other.text


def counts(reply: Reply) -> tuple[str, int, int]:
    """What is counted of a reply."""
    return reply.finish_reason, reply.prompt_tokens, reply.completion_tokens


def test_two_copies_with_an_adapter_say_what_the_folded_weights_say(evaluated: list[Prompt], tmp_path: Path) -> None:
    import torch
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(0)
    linear = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    config = LoraConfig(r=4, lora_alpha=2, init_lora_weights=False, target_modules=linear)
    get_peft_model(load_model(TINY), config).save_pretrained(str(tmp_path / "adapter"))
    some = evaluated[:40]
    said = ask(tmp_path, TINY, [(some, GREEDY)], checkpoint=str(tmp_path / "adapter"), data_parallel=2)
    wanted = texts(expected(TINY, some, GREEDY, tmp_path / "adapter"))
    assert texts(said.replies[0]) == wanted
    assert wanted != texts(expected(TINY, some, GREEDY))  # the adapter changes what is said


def test_a_real_model_says_the_same_as_under_transformers(smollm2_dir: Path, tmp_path: Path) -> None:
    model = Model(name="smollm2", path=str(smollm2_dir), dtype="float32")
    shots = "".join(f"Q: {n} plus {n}?\nA: {2 * n}\n\n" for n in range(1, 30))
    prompts = [
        *(Prompt(id=f"turn {n}", text=f"Name {n} animals.", chat=True) for n in (2, 3)),
        *(Prompt(id=f"shots {n}", text=f"{shots}Q: {n} plus {n}?\nA:") for n in (41, 52)),
    ]
    calls = [(prompts, {"max_tokens": 24}), (prompts, {"max_tokens": 24, "stop": ("\n",)})]
    said = ask(tmp_path, model, calls, max_model_len=1024)
    assert said.ids == trained_ids(model, prompts) * 2
    assert texts(said.replies[0]) == texts(expected(model, prompts, {"max_tokens": 24}))
    assert texts(said.replies[1]) == [text.split("\n")[0] for text in texts(said.replies[0])]


def test_a_stage_runs_in_the_python_that_is_named_and_says_so(python: Path, tmp_path: Path) -> None:
    command = [
        *(sys.executable, "-m", "lema", "sweeps=null", "debug=small", "reasoner=vllm", f"pythons.vllm={python}"),
        *("reasoner.kv_cache_gb=0.25", "generation.questions.stop=12", "cot_questions.stop=12", "workers=1"),
        *("evaluation.questions.stop=2", "evaluation.base=false", "trainer.max_steps=1", "trainer.epochs=null"),
    ]
    environment = vllm_environment.environment() | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    made = {
        manifest["kind"]: manifest["packages"]["transformers"]
        for file in tmp_path.glob("store/artifacts/*/manifest.json")
        if (manifest := json.loads(file.read_text()))
    }
    there = vllm_environment.run("-c", "import transformers; print(transformers.__version__)").stdout.strip()
    assert made["generate"] == there != made["train"]


def test_the_openai_engine_before_the_server_of_vllm(evaluated: list[Prompt], tmp_path: Path) -> None:
    some = evaluated[:8]
    model = Path(TINY.source())
    with vllm_environment.server(model, tmp_path, "tiny") as url:
        engine = OpenAI(model="tiny", base_url=url, api="completions", concurrency=8)
        with engine.open() as complete:
            greedy = complete(some, Sampling(**GREEDY))
            warm = Sampling(n=3, temperature=1.0, max_tokens=16)
            sampled = [texts(complete(some, warm)) for _ in range(2)]
            labels = tuple(load_tokenizer(TINY).decode([token]) for token in range(40, 60))
            chosen = complete(some, Sampling(choices=labels))
    assert texts(greedy) == texts(expected(TINY, some, GREEDY))
    assert sampled[0] == sampled[1] and len(set(sampled[0])) > len(some)
    exact = expected(TINY, some, {"choices": labels})
    for (reply,), (other,) in zip(chosen, exact, strict=True):
        assert reply.choices is not None and other.choices is not None
        bound = min(reply.choices)
        for found, true in zip(reply.choices, other.choices, strict=True):
            assert found == pytest.approx(true, abs=1e-3) or (found == bound and true <= found)

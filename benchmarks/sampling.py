"""Sampling speed of our engines beside plain `model.generate`, on the same prompts in one run.

    python benchmarks/sampling.py [--prompts 128] [--n 2] [--batch 64] [--threads 1] [--model FOLDER]
    PYTHONPATH=. .venv-vllm/bin/python benchmarks/sampling.py --model FOLDER    # with vLLM (`make vllm-env`)

Both sides get batches of the same size; the peer takes the prompts in the order given, as a loop
over `generate` does. Without --model: a Llama of a million random weights, of which 2 % of the
tokens end a reply, so that replies have very different lengths, as those of real models do.
vLLM takes part where the Python has it and a model is named; its start is not counted. A number is
useful tokens (up to the end token), by CPU time and by the clock; sides alternate, the best round
counts. On a busy machine only the CPU times compare.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import random
import time
from pathlib import Path
from typing import Any

import psutil
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

from lema.base.protocols import Sampling
from lema.engines.vllm.engine import Vllm
from lema.engines.vllm.replica import Ask
from lema.engines.vllm.replicas import Replicas
from lema.lm.decoding import Decoder, Row
from lema.lm.model import Model

VOCABULARY = 1500


def toy() -> tuple[Any, frozenset[int], list[list[int]]]:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=128,
        intermediate_size=384,
        num_hidden_layers=4,
        num_attention_heads=4,
        max_position_embeddings=1024,
    )
    draw = random.Random(0)
    prompts = [[draw.randrange(30, VOCABULARY) for _ in range(draw.randrange(30, 120))] for _ in range(4096)]
    return LlamaForCausalLM(config).eval(), frozenset(range(30)), prompts


def real(folder: Path) -> tuple[Any, frozenset[int], list[list[int]]]:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    draw = random.Random(0)
    texts = [
        f"Question: Ann has {draw.randrange(2, 99)} apples{' and some friends' * draw.randrange(12)}. "
        f"She buys {draw.randrange(2, 99)} more. How many apples does she have?\nAnswer:\n"
        for _ in range(4096)
    ]
    return model, frozenset([tokenizer.eos_token_id]), tokenizer(texts)["input_ids"]


def generate(model: Any, ends: frozenset[int], prompts: list[list[int]], sampling: Sampling, batch: int) -> int:
    """Useful tokens of a plain loop over `generate`."""
    useful = 0
    for first in range(0, len(prompts), batch // sampling.n):
        chosen = prompts[first : first + batch // sampling.n]
        width = max(map(len, chosen))
        ids = torch.tensor([[0] * (width - len(p)) + p for p in chosen])
        mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in chosen])
        with torch.inference_mode():
            out = model.generate(
                ids,
                attention_mask=mask,
                do_sample=True,
                temperature=sampling.temperature,
                top_k=0,
                max_new_tokens=sampling.max_tokens,
                num_return_sequences=sampling.n,
                eos_token_id=sorted(ends),
                pad_token_id=sorted(ends)[0],
            )[:, width:]
        for row in out.tolist():
            useful += next((place + 1 for place, token in enumerate(row) if token in ends), len(row))
    return useful


def engine(model: Any, ends: frozenset[int], prompts: list[list[int]], sampling: Sampling, batch: int) -> int:
    """Useful tokens of the engine's decoder."""
    rows = [
        Row(prompt=prompt, index=index, key=index * 100 + number, limit=sampling.max_tokens, ends=ends)
        for index, prompt in enumerate(prompts)
        for number in range(sampling.n)
    ]
    return sum(len(row.ids) for row in Decoder(model, rows=batch, tokens=10**9).decode(rows, sampling))


class Served:
    """The vLLM engine's process, as one more side."""

    def __init__(self, replicas: Replicas) -> None:
        self.replicas = replicas

    def cpu(self) -> float:
        """CPU seconds of all its processes."""
        first = psutil.Process(self.replicas.processes[0].pid)
        times = [process.cpu_times() for process in (first, *first.children(recursive=True))]
        return sum(one.user + one.system for one in times)

    def __call__(
        self, _model: Any, ends: frozenset[int], prompts: list[list[int]], sampling: Sampling, _batch: int
    ) -> int:
        asks = [
            Ask(prompt=prompt, limit=sampling.max_tokens, ends=sorted(ends), seed=place * 100 + number, temperature=1.0)
            for place, prompt in enumerate(prompts)
            for number in range(sampling.n)
        ]
        return sum(len(said.ids) for said in self.replicas.answers(asks, together=sampling.n))


def served(folder: Path | None, batch: int, stack: contextlib.ExitStack) -> Served | None:
    """vLLM with a model, where that can be."""
    if folder is None or importlib.util.find_spec("vllm") is None:
        return None
    named = Model(name="benchmark", path=str(folder), dtype="float32")
    setup = Vllm(model=named, max_num_seqs=batch).setup(None, "cpu")
    return Served(stack.enter_context(Replicas(setup, [None])))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", type=int, default=128)
    parser.add_argument("--n", type=int, default=2)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--max-tokens", type=int, default=160)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--model", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    model, ends, prompts = real(given.model) if given.model else toy()
    sampling = Sampling(n=given.n, temperature=1.0, max_tokens=given.max_tokens)
    with contextlib.ExitStack() as stack:
        third = served(given.model, given.batch, stack)
        sides: dict[str, Any] = {"model.generate": generate, "transformers": engine}
        sides |= {} if third is None else {"vllm": third}
        best = dict.fromkeys(sides, (0.0, 0.0))
        for _ in range(given.rounds):
            for name, side in sides.items():
                count = side.cpu if isinstance(side, Served) else time.process_time
                cpu, clock = count(), time.perf_counter()
                tokens = side(model, ends, prompts[: given.prompts], sampling, given.batch)
                speeds = tokens / (count() - cpu), tokens / (time.perf_counter() - clock)
                best[name] = (max(best[name][0], speeds[0]), max(best[name][1], speeds[1]))
    plain = best["model.generate"]
    for name, (cpu, clock) in best.items():
        ratios = f"{cpu / plain[0]:.2f} and {clock / plain[1]:.2f} times"
        print(f"{name:15} {cpu:8,.0f} tokens a CPU-second {clock:8,.0f} tokens/s   {ratios}")


if __name__ == "__main__":
    main()

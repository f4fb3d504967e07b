"""vLLM on this machine's GPUs: any causal language model that it serves, and adapters on it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from lema.base.errors import ConfigError, InputError
from lema.base.optional import require_own
from lema.base.protocols import Complete, Prompt, Reply, Sampling
from lema.base.spec import Spec, runtime, spec
from lema.engines.vllm.replica import Ask, Setup
from lema.engines.vllm.replicas import Replicas, shares
from lema.lm.choosing import Context, choice_ids, choose, noise_key
from lema.lm.loading import ADAPTER, check_continues, is_adapter, load_config, load_ends, load_tokenizer, pick_device
from lema.lm.model import Model
from lema.lm.replies import StopStrings, check_room, context, end_tokens, token_ids

RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)  # those that vLLM has room for
SEEDS = 2**62  # of torch's generators, with room to spare
#: Further arguments of vllm.LLM that decide how it works and not what it says.
FURTHER = (
    *("block_size", "compilation_config", "cpu_offload_gb", "disable_custom_all_reduce", "disable_log_stats"),
    *("distributed_executor_backend", "download_dir", "enable_chunked_prefill", "enable_expert_parallel"),
    *("max_num_batched_tokens", "pipeline_parallel_size", "safetensors_load_strategy"),
)


@spec
class Vllm(Spec):
    """Samples with vLLM, in processes of its own, from the token ids that training has too.

    A sample depends on prompt, seed and number, not on what else is asked: up to rounding, which on a GPU
    may differ with the batch (vLLM's own switch against that is the environment variable
    VLLM_BATCH_INVARIANT). A trained adapter is applied beside the weights, not folded into them.

    Args:
        quantised: NF4 with double quantisation, as in QLoRA training; needs bitsandbytes beside vLLM.
        kv_cache_dtype: fp8 halves the cache and rounds what is kept in it.
        tensor_parallel: GPUs that share one copy of the model.
        data_parallel: copies of the model, each on GPUs of its own; each answers its part of the prompts.
        gpu_memory_utilization: the part of a GPU's memory that vLLM may take.
        kv_cache_gb: room for keys and values, in place of what that leaves; on a CPU it is 1 by default.
        max_model_len: tokens of prompt and answer that room is made for; None: all that the model can see.
            It never cuts an answer: one that might need more is an error.
        max_num_seqs: samples at once; None: vLLM's own number.
        prefix_caching: what prompts begin with in common, such as examples, is read once.
        enforce_eager: no CUDA graphs: a faster start, slower sampling.
        llm: further arguments of vllm.LLM, such as {cpu_offload_gb: 8}: those of `FURTHER`.
    """

    kind = "vllm"
    needs: ClassVar[str] = "gpu"  # what a cluster must give it
    own_python: ClassVar[str] = "vllm"  # its stages run in the Python of that name in `pythons`
    model: Model
    quantised: bool = False
    kv_cache_dtype: Literal["auto", "fp8"] = "auto"
    tensor_parallel: Annotated[int, Field(ge=1)] = runtime(default=1)
    data_parallel: Annotated[int, Field(ge=1)] = runtime(default=1)
    gpu_memory_utilization: Annotated[float, Field(gt=0, le=1)] = runtime(default=0.9)
    kv_cache_gb: Annotated[float, Field(gt=0)] | None = runtime(default=None)
    max_model_len: Annotated[int, Field(ge=1)] | None = runtime(default=None)
    max_num_seqs: Annotated[int, Field(ge=1)] | None = runtime(default=None)
    prefix_caching: bool = runtime(default=True)
    enforce_eager: bool = runtime(default=False)
    llm: dict[str, Any] | None = runtime(default=None)

    @property
    def name(self) -> str:
        return self.model.name

    def check(self) -> None:
        for name in self.llm or ():
            if name not in FURTHER:
                raise ConfigError(
                    f"llm.{name}: allowed are {', '.join(FURTHER)}; what else vllm.LLM takes has a field here, or "
                    "decides what is sampled"
                )

    @contextmanager
    def open(self, *, checkpoint: Path | None = None, replies: Path | None = None) -> Iterator[Complete]:  # noqa: ARG002
        """Start vLLM; `replies` is not used, since these cost nothing but time.

        Raises:
            MissingExtra: vLLM is not installed in this Python.
            ConfigError: fewer GPUs than are asked for, or a model that has no weights yet.
            StageFailed: vLLM does not start.
        """
        require_own("vllm")
        setup = self.setup(checkpoint, device := pick_device())
        tokenizer = load_tokenizer(self.model, checkpoint)
        whole = None if setup.adapter else checkpoint
        room = context(load_config(self.model, whole))
        settings = load_ends(self.model, whole)
        gpus = shares(self.tensor_parallel, self.data_parallel) if device == "cuda" else [None] * self.data_parallel
        with Replicas(setup, gpus) as replicas:
            held = Held(self, tokenizer, settings, room, replicas)
            yield held.complete

    def setup(self, checkpoint: Path | None, device: str) -> Setup:
        """What one process is told to load.

        Raises:
            ConfigError: the model is an encoder-decoder, or has no weights yet.
        """
        adapter = checkpoint if checkpoint is not None and is_adapter(checkpoint) else None
        whole = checkpoint if adapter is None else None
        if whole is None and self.model.fresh:
            raise ConfigError(
                f"model {self.name!r} has no weights before it is trained, and vLLM reads them from files: take "
                "lema.engines.transformers.Transformers (reasoner=model)"
            )
        config = load_config(self.model, whole)
        check_continues(self.model, config, "vLLM")
        source = str(whole) if whole is not None else self.model.source()
        tokenizer = checkpoint if checkpoint is not None and (checkpoint / "tokenizer_config.json").is_file() else None
        cpu = device == "cpu"
        cache = self.kv_cache_gb or (1.0 if cpu else None)
        given: dict[str, Any] = {
            "model": source,
            "tokenizer": source if tokenizer is None else str(tokenizer),
            "revision": self.model.revision if whole is None else None,
            "tokenizer_revision": self.model.revision if tokenizer is None else None,
            "trust_remote_code": self.model.trust_remote_code,
            "dtype": "float32" if cpu else self.model.dtype,  # as `load_model` has it
            "quantization": "bitsandbytes" if self.quantised else None,
            "kv_cache_dtype": self.kv_cache_dtype,
            "tensor_parallel_size": self.tensor_parallel,
            "gpu_memory_utilization": self.gpu_memory_utilization,
            "kv_cache_memory_bytes": None if cache is None else round(cache * 2**30),
            "max_model_len": self.max_model_len or context(config),
            "max_num_seqs": self.max_num_seqs,
            "enable_prefix_caching": self.prefix_caching,
            "enforce_eager": self.enforce_eager or cpu,
            # A prompt read in two goes takes its first random number twice; only on a GPU vLLM takes it back.
            "enable_chunked_prefill": False if cpu else None,
            "generation_config": "vllm",  # not the model's: what is sampled is ours to say
            "seed": 0,
            **({} if adapter is None else {"enable_lora": True, "max_loras": 1, "max_lora_rank": rank_of(adapter)}),
            **(self.llm or {}),
        }
        kept = {name: value for name, value in given.items() if value is not None}
        return Setup(llm=kept, adapter=None if adapter is None else str(adapter), cpu=cpu)


def rank_of(adapter: Path) -> int:
    """The room that an adapter needs: its largest rank, or the next one that vLLM knows.

    Raises:
        ConfigError: it is larger than vLLM takes.
    """
    said = json.loads((adapter / ADAPTER).read_text())
    rank = max([said["r"], *(said.get("rank_pattern") or {}).values()])
    for room in RANKS:
        if room >= rank:
            return room
    raise ConfigError(f"{adapter}: vLLM takes adapters up to rank {RANKS[-1]}, this one has {rank}: use reasoner=model")


@dataclass(frozen=True)
class Held:
    """What is open between the first prompt and the last."""

    engine: Vllm
    tokenizer: Any
    settings: Any  # the model's own generation settings
    room: int | None
    replicas: Replicas

    def complete(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[list[Reply]]:
        """n replies for each prompt, in the order given.

        Raises:
            InputError: a prompt leaves no room for an answer.
            StageFailed: vLLM fails.
        """
        ids = token_ids(self.tokenizer, prompts)
        if sampling.choices:
            labels = choice_ids(self.tokenizer, sampling.choices)
            longest = max(map(len, labels))
            check_room(prompts, ids, self.room, name=self.engine.name, needed=longest)
            self.check_length(prompts, ids, [longest] * len(ids))
            return choose(prompts, ids, labels, sampling, self.next_logprobs)
        check_room(prompts, ids, self.room, name=self.engine.name)
        most = sampling.max_tokens
        limits = [most if self.room is None else min(most, self.room - len(row)) for row in ids]
        self.check_length(prompts, ids, limits)
        ends = (
            {chat: sorted(end_tokens(self.settings, self.tokenizer, chat=chat)) for chat in (False, True)}
            if (any(prompt.chat for prompt in prompts))
            else {False: sorted(end_tokens(self.settings, self.tokenizer, chat=False))}
        )
        asks = [
            Ask(
                prompt=row,
                limit=limit,
                ends=ends[prompt.chat],
                seed=noise_key(prompt, number) % SEEDS,
                temperature=sampling.temperature,
                top_p=sampling.top_p,
                stop=sampling.stop,
                logprobs=sampling.logprobs,
            )
            for prompt, row, limit in zip(prompts, ids, limits, strict=True)
            for number in range(sampling.n)
        ]
        stops = StopStrings(self.tokenizer, sampling.stop)
        replies = [
            stops.reply(said.ids, said.finish, prompt_tokens=len(ask.prompt), logprobs=said.logprobs)
            for ask, said in zip(asks, self.replicas.answers(asks, together=sampling.n), strict=True)
        ]
        return [replies[first : first + sampling.n] for first in range(0, len(replies), sampling.n)]

    def ends(self, *, chat: bool) -> list[int]:
        return sorted(end_tokens(self.settings, self.tokenizer, chat=chat))

    def check_length(self, prompts: Sequence[Prompt], ids: Sequence[Sequence[int]], limits: Sequence[int]) -> None:
        """Refuse what `max_model_len` would cut, and the model would not."""
        most = self.engine.max_model_len
        for prompt, row, limit in zip(prompts, ids, limits, strict=True):
            if most is not None and len(row) + limit > most:
                raise InputError(
                    f"prompt {prompt.id!r} has {len(row):,} tokens, and its answer may have {limit:,} more, which "
                    f"max_model_len={most:,} has no room for: make it {len(row) + limit:,} or more, or lower max_tokens"
                )

    def next_logprobs(self, contexts: Sequence[Context]) -> list[list[float]]:
        """Log-probabilities of given next tokens after each context."""
        asks = [Ask(prompt=list(before), wanted=list(wanted), logprobs=True) for before, wanted in contexts]
        return [list(said.logprobs or ()) for said in self.replicas.answers(asks, together=1)]

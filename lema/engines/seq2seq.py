"""An encoder-decoder model run in this process (T5, CodeT5, UL2, BART), trained here or not.

The students of PaD are such models (arXiv 2305.13888), and so is the control of SELF-[IN]CORRECT that was not
pre-trained to continue text. An answer cannot be begun for it: what stands in the prompt is read by its encoder, so
that there is no beam over lines (`answering.beam`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from lema.base.protocols import Complete, Prompt, Reply, Sampling
from lema.base.spec import Spec, runtime, since, spec
from lema.lm.choosing import Context, choice_ids, choose, noise_key
from lema.lm.encoding import read_by_encoder
from lema.lm.loading import load_seq2seq, load_tokenizer, pick_device
from lema.lm.model import Model
from lema.lm.pairs import padded, start_token
from lema.lm.replies import StopStrings, check_room, context, end_tokens, token_ids

BORDER = -1  # between what the encoder reads and what the decoder has written, in a context


@spec
class Seq2Seq(Spec):
    """Samples with an encoder-decoder model in memory; the prompt, with the end token, is what the encoder reads.

    Args:
        quantised: NF4 with double quantisation, as in QLoRA training.
        batch_size: samples decoded at once.
    """

    kind = "seq2seq"
    needs: ClassVar[str] = "gpu"  # what a cluster must give it
    continues: ClassVar[bool] = False  # an answer that is begun in the prompt
    model: Model
    quantised: bool = since(default=False)
    batch_size: Annotated[int, Field(ge=1)] = runtime(default=32)
    device: Literal["auto", "cpu", "cuda"] = runtime(default="auto")

    @property
    def name(self) -> str:
        return self.model.name

    @contextlib.contextmanager
    def open(self, *, checkpoint: Path | None = None, replies: Path | None = None) -> Iterator[Complete]:  # noqa: ARG002
        """Load model and tokenizer; `replies` is not used, since these cost nothing but time.

        Raises:
            ConfigError: the model is no encoder-decoder.
        """
        from transformers.utils.logging import disable_progress_bar

        disable_progress_bar()  # its bars for loading weights would run through those of the stages
        tokenizer = load_tokenizer(self.model, checkpoint)
        device = pick_device(self.device)
        model = load_seq2seq(self.model, checkpoint, device=device, quantised=self.quantised)
        filler = Filler(model, tokenizer, self.batch_size, self.name)
        yield filler.complete


class Filler:
    """Draws replies from an encoder-decoder model. Each sample has its own random numbers, as everywhere here."""

    def __init__(self, model: Any, tokenizer: Any, batch_size: int, name: str) -> None:
        self.model, self.tokenizer, self.batch_size, self.name = model, tokenizer, batch_size, name
        start = start_token(name, model.config, getattr(model, "generation_config", None))
        assert start is not None  # `load_seq2seq`
        self.start = start

    def complete(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[list[Reply]]:
        """n replies for each prompt, in the order given.

        Raises:
            InputError: a prompt is empty, or longer than the encoder reads.
        """
        ids = token_ids(self.tokenizer, prompts)
        check_room(prompts, ids, context(self.model.config), name=self.name)
        ids = read_by_encoder(self.tokenizer, ids)
        if sampling.choices:
            labels = choice_ids(self.tokenizer, sampling.choices)
            return choose(prompts, [[*row, BORDER] for row in ids], labels, sampling, self.next_logprobs)
        return self.sample(prompts, ids, sampling)

    def sample(self, prompts: Sequence[Prompt], ids: Sequence[list[int]], sampling: Sampling) -> list[list[Reply]]:
        from lema.lm.decoding import Row

        settings = getattr(self.model, "generation_config", None)
        room = context(self.model.config)  # of the decoder
        rows = [
            Row(
                prompt=list(ids[index]),
                index=index,
                key=noise_key(prompt, number),
                limit=sampling.max_tokens if room is None else min(sampling.max_tokens, room),
                ends=end_tokens(settings, self.tokenizer, chat=prompt.chat),
            )
            for index, prompt in enumerate(prompts)
            for number in range(sampling.n)
        ]
        stops = StopStrings(self.tokenizer, sampling.stop)
        ordered = sorted(rows, key=lambda row: -len(row.prompt))
        for start in range(0, len(ordered), self.batch_size):
            self.decode(ordered[start : start + self.batch_size], sampling, stops)
        replies: list[list[Reply]] = [[] for _ in prompts]
        for row in rows:
            made = stops.reply(row.ids, row.finish, prompt_tokens=len(row.prompt), logprobs=row.logprobs)
            replies[row.index].append(made)
        return replies

    def decode(self, rows: list[Any], sampling: Sampling, stops: StopStrings) -> None:
        """Draw all tokens of a batch of rows."""
        import torch

        from lema.lm.decoding import draw

        with torch.inference_mode():
            read, mask = self.read([row.prompt for row in rows])
            last = torch.full((len(rows), 1), self.start, device=self.model.device)
            cache = None
            while not all(row.finish for row in rows):
                output = self.model(
                    encoder_outputs=read,
                    attention_mask=mask,
                    decoder_input_ids=last,
                    past_key_values=cache,
                    use_cache=True,
                )
                cache = output.past_key_values
                draw(rows, output.logits[:, -1].float(), sampling)
                for row in rows:
                    if row.finish:
                        continue
                    if row.ids[-1] in row.ends or (sampling.stop and stops.seen(row.ids)):
                        row.finish = "stop"
                    elif len(row.ids) >= row.limit:
                        row.finish = "length"
                last = torch.tensor([[row.ids[-1]] for row in rows], device=self.model.device)

    def read(self, prompts: Sequence[Sequence[int]]) -> tuple[Any, Any]:
        """What the encoder makes of prompts, padded on the right, and their mask."""
        ids, mask = (tensor.to(self.model.device) for tensor in padded(prompts))
        return self.model.get_encoder()(input_ids=ids, attention_mask=mask), mask

    def next_logprobs(self, contexts: Sequence[Context]) -> list[list[float]]:
        """Log-probabilities of given next tokens, after what the encoder reads and the decoder has written."""
        import torch

        found: list[list[float]] = [[] for _ in contexts]
        split = [(list(ids[: ids.index(BORDER)]), list(ids[ids.index(BORDER) + 1 :])) for ids, _ in contexts]
        order = sorted(range(len(contexts)), key=lambda number: (len(split[number][1]), -len(split[number][0])))
        for length in sorted({len(written) for _, written in split}):
            same = [number for number in order if len(split[number][1]) == length]
            for at in range(0, len(same), self.batch_size):
                batch = same[at : at + self.batch_size]
                with torch.inference_mode():
                    read, mask = self.read([split[number][0] for number in batch])
                    told = torch.tensor([[self.start, *split[number][1]] for number in batch], device=self.model.device)
                    output = self.model(encoder_outputs=read, attention_mask=mask, decoder_input_ids=told)
                    ends = output.logits[:, -1].float().log_softmax(-1).cpu()
                for place, number in enumerate(batch):
                    found[number] = ends[place][list(contexts[number][1])].tolist()
        return found

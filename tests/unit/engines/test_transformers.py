"""Sampling with a model in memory: the same texts in any batch, ended where they should end."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from toys.models import toy_model

from lema.base.errors import ConfigError, InputError
from lema.base.protocols import Prompt, Reply, Sampling
from lema.engines.transformers import Transformers
from lema.lm.loading import load_model, load_tokenizer
from lema.lm.model import Model
from lema.lm.replies import StopStrings

WARM = Sampling(n=3, temperature=1.0, max_tokens=24)
PROMPTS = [
    Prompt(id=f"q{number}", text=f"Question: what is {' + '.join('7' * (1 + number % 6))}?\n", seed=number)
    for number in range(13)
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return toy_model(tmp_path_factory.mktemp("toy"))


def ask(model: Model, prompts: list[Prompt] = PROMPTS, sampling: Sampling = WARM, **settings: Any) -> list[list[Reply]]:
    with Transformers(model=model, threads=1, **settings).open() as complete:
        return complete(prompts, sampling)


def test_greedy_text_equals_that_of_plain_generate(model: Model) -> None:
    import torch

    plain, tokenizer = load_model(model), load_tokenizer(model)
    replies = ask(model, sampling=Sampling(max_tokens=24))
    for prompt, (reply,) in zip(PROMPTS, replies, strict=True):
        ids = torch.tensor([tokenizer(prompt.text)["input_ids"]])
        out = plain.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=24, do_sample=False)
        assert reply.text == tokenizer.decode(out[0, ids.shape[1] :], skip_special_tokens=True)
        assert reply.prompt_tokens == ids.shape[1]


@pytest.mark.parametrize("settings", [{"batch_size": 1}, {"batch_size": 5}, {"batch_tokens": 150}], ids=str)
@pytest.mark.parametrize("top_p", [1.0, 0.8])
def test_sampled_text_is_the_same_in_any_batch(model: Model, settings: dict[str, int], top_p: float) -> None:
    sampling = Sampling(n=3, temperature=1.0, top_p=top_p, max_tokens=24, logprobs=True)
    for one, other in zip(ask(model, sampling=sampling), ask(model, sampling=sampling, **settings), strict=True):
        assert [reply.text for reply in one] == [reply.text for reply in other]
        for reply, same in zip(one, other, strict=True):
            assert reply.logprobs == pytest.approx(same.logprobs, abs=1e-4)


def test_sampled_text_does_not_depend_on_what_else_is_asked(model: Model) -> None:
    alone = [ask(model, [prompt])[0] for prompt in PROMPTS[:3]]
    assert alone == ask(model, PROMPTS[::-1])[::-1][:3]


def test_sample_k_is_the_same_whatever_n_is(model: Model) -> None:
    one = ask(model, sampling=Sampling(n=1, temperature=1.0, max_tokens=24))
    assert [several[:1] for several in ask(model)] == one


def test_samples_of_one_prompt_differ_and_another_seed_gives_others(model: Model) -> None:
    first = ask(model)
    assert all(len({reply.text for reply in several}) == 3 for several in first)
    others = ask(model, [Prompt(id=prompt.id, text=prompt.text, seed=prompt.seed + 100) for prompt in PROMPTS])
    assert not {r.text for several in first for r in several} & {r.text for several in others for r in several}


def test_sampling_follows_the_probabilities_of_the_model(model: Model) -> None:
    """First tokens of many seeds against the model's own distribution (chi-square, coarse bins)."""
    import torch
    from scipy.stats import chisquare

    with torch.inference_mode():
        tokenizer = load_tokenizer(model)
        ids = torch.tensor([tokenizer(PROMPTS[0].text)["input_ids"]])
        expected = load_model(model)(ids).logits[0, -1].softmax(-1)
    prompts = [Prompt(id=str(seed), text=PROMPTS[0].text, seed=seed) for seed in range(2000)]
    drawn = ask(model, prompts, Sampling(temperature=1.0, max_tokens=1, logprobs=True), batch_size=512)
    seen = sorted(float(reply.logprobs[0]) for (reply,) in drawn if reply.logprobs)
    # The log-probability of what is drawn has a known distribution: bin the vocabulary by it.
    order = expected.log().sort()
    edges = [order.values[int(len(expected) * part)].item() for part in (0.25, 0.5, 0.75)]
    bins = [(expected.log() <= low).sum() for low in edges]
    share = order.values.exp().cumsum(-1)
    wanted = torch.tensor([share[int(count) - 1] for count in bins] + [1.0]).diff(prepend=torch.zeros(1))
    counts = [sum(value <= high + 1e-5 for value in seen) for high in edges] + [len(seen)]
    found = [high - low for low, high in zip([0, *counts], counts, strict=False)]
    wanted = wanted.double()
    assert chisquare(found, (wanted / wanted.sum() * len(seen)).numpy()).pvalue > 1e-4


def test_top_p_leaves_only_the_smallest_set_that_reaches_it(model: Model) -> None:
    import torch

    with torch.inference_mode():
        ids = torch.tensor([load_tokenizer(model)(PROMPTS[0].text)["input_ids"]])
        expected = load_model(model)(ids).logits[0, -1].softmax(-1).sort(descending=True)
    count = int((expected.values.cumsum(-1) < 0.3).sum()) + 1
    allowed = expected.values[count - 1].log().item()
    prompts = [Prompt(id=str(seed), text=PROMPTS[0].text, seed=seed) for seed in range(500)]
    drawn = ask(model, prompts, Sampling(temperature=1.0, top_p=0.3, max_tokens=1, logprobs=True))
    assert min(reply.logprobs[0] for (reply,) in drawn if reply.logprobs) >= allowed - 1e-5


def test_log_probabilities_are_those_of_the_model_before_temperature(model: Model) -> None:
    import torch

    from lema.lm.decoding import Decoder, Row

    plain = load_model(model)
    row = Row(prompt=[0, 40, 50, 60], index=0, key=1, limit=8, ends=frozenset())
    list(Decoder(plain, rows=4, tokens=1000).decode([row], Sampling(temperature=0.5, logprobs=True)))
    with torch.inference_mode():
        scores = plain(torch.tensor([row.prompt + row.ids])).logits[0, 3:-1].log_softmax(-1)
    assert row.logprobs == pytest.approx(scores[range(8), row.ids].tolist(), abs=1e-4)


def test_a_stop_string_ends_the_text_before_it_however_it_is_cut_into_tokens(model: Model) -> None:
    free = ask(model, sampling=Sampling(n=2, temperature=1.0, max_tokens=40))
    whole = [reply.text for several in free for reply in several]
    stop = next(text[5:8] for text in whole if len(text) > 20)
    ended = ask(model, sampling=Sampling(n=2, temperature=1.0, max_tokens=40, stop=(stop,)))
    stopped = 0
    for before, after in zip(whole, (reply for several in ended for reply in several), strict=True):
        assert after.text == before.split(stop)[0]
        if stop in before:
            stopped += 1
            assert after.finish_reason == "stop"
    assert stopped


def test_tokens_after_a_stop_string_are_not_counted(model: Model) -> None:
    tokenizer = load_tokenizer(model)
    stops = StopStrings(tokenizer, ["? S"])
    ids = tokenizer("What? Step 1: more and more and more.", add_special_tokens=False)["input_ids"]
    reply = stops.reply(ids, "length", prompt_tokens=1)
    assert reply.text == "What" and reply.finish_reason == "stop"
    assert "? S" in tokenizer.decode(ids[: reply.completion_tokens])
    assert "? S" not in tokenizer.decode(ids[: reply.completion_tokens - 1])


def test_the_end_token_ends_a_reply_and_is_counted_but_not_in_its_text(model: Model) -> None:
    replies = [r for several in ask(model, sampling=Sampling(n=20, temperature=1.5, max_tokens=60)) for r in several]
    ended = [reply for reply in replies if reply.finish_reason == "stop"]
    assert ended and all("</s>" not in reply.text for reply in ended)
    assert {reply.completion_tokens for reply in replies if reply.finish_reason == "length"} == {60}


def test_a_prompt_that_fills_the_context_is_an_error_that_names_it(model: Model) -> None:
    long = Prompt(id="too-long", text="7 + " * 600)
    with pytest.raises(InputError, match=r"'too-long' has [\d,]+ tokens for toy, whose context is 512"):
        ask(model, [PROMPTS[0], long])


def test_a_reply_ends_where_the_context_does(model: Model) -> None:
    ((reply,),) = ask(model, PROMPTS[:1], Sampling(max_tokens=4000))
    assert reply.finish_reason == "stop" or reply.prompt_tokens + reply.completion_tokens == 512


def test_a_chat_prompt_has_the_tokens_of_a_user_turn(model: Model) -> None:
    plain, chat = ask(model, [Prompt(id="a", text="1 + 2?"), Prompt(id="a", text="1 + 2?", chat=True)])
    assert chat[0].prompt_tokens > plain[0].prompt_tokens


def test_an_adapter_and_a_whole_checkpoint_change_the_replies(model: Model, tmp_path: Path) -> None:
    import torch
    from peft import LoraConfig, get_peft_model

    base = load_model(model)
    torch.manual_seed(1)
    adapted = get_peft_model(base, LoraConfig(r=4, init_lora_weights=False, target_modules=["q_proj", "v_proj"]))
    adapted.save_pretrained(str(tmp_path / "adapter"))
    adapted.merge_and_unload().save_pretrained(str(tmp_path / "whole"))
    texts = []
    for checkpoint in (None, tmp_path / "adapter", tmp_path / "whole"):
        with Transformers(model=model, threads=1).open(checkpoint=checkpoint) as complete:
            texts.append([[reply.text for reply in several] for several in complete(PROMPTS, WARM)])
    assert texts[0] != texts[1] and texts[1] == texts[2]


def test_a_sliding_window_model_gives_the_text_of_plain_generate(tmp_path: Path) -> None:
    """Every second layer sees 8 tokens back; prompts are longer, and padding differs."""
    import torch
    from toys.models import toy_tokenizer
    from transformers import Gemma2Config, Gemma2ForCausalLM

    tokenizer = toy_tokenizer()
    torch.manual_seed(0)
    config = Gemma2Config(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=16,
        sliding_window=8,
        max_position_embeddings=256,
        eos_token_id=1,
        pad_token_id=2,
        bos_token_id=0,
    )
    plain = Gemma2ForCausalLM(config).eval()
    plain.save_pretrained(str(tmp_path))
    tokenizer.save_pretrained(str(tmp_path))
    model = Model(name="gemma", path=str(tmp_path), dtype="float32", attention="eager")
    replies = ask(model, sampling=Sampling(max_tokens=20), batch_size=4)
    for prompt, (reply,) in zip(PROMPTS, replies, strict=True):
        ids = torch.tensor([tokenizer(prompt.text)["input_ids"]])
        out = plain.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=20, do_sample=False)
        assert reply.text == tokenizer.decode(out[0, ids.shape[1] :], skip_special_tokens=True)


def test_rows_that_are_finished_cost_no_forward_passes(model: Model) -> None:
    """One long reply among many short ones: the batch shrinks, and its rows are filled again."""
    from lema.lm.decoding import Decoder, Row

    loaded = load_model(model)
    passes: list[int] = []
    loaded.register_forward_hook(lambda *given: passes.append(given[2].logits.shape[0]))
    rows = [
        Row(prompt=[5, 6, 7 + n % 3], index=n, key=n, limit=100 if n == 0 else 4, ends=frozenset()) for n in range(33)
    ]
    done = list(Decoder(loaded, rows=8, tokens=10**6).decode(rows, Sampling(temperature=1.0)))
    assert len(done) == 33
    needed = sum(len(row.ids) for row in rows)
    assert sum(passes) <= 1.25 * needed


def test_a_model_that_gives_no_numbers_is_an_error(model: Model) -> None:
    from lema.base.errors import StageFailed
    from lema.lm.decoding import Decoder, Row

    loaded = load_model(model)
    loaded.model.norm.weight.data.fill_(float("nan"))
    row = Row(prompt=[5, 6], index=0, key=0, limit=4, ends=frozenset())
    with pytest.raises(StageFailed, match="not a number"):
        list(Decoder(loaded, rows=8, tokens=1000).decode([row], Sampling()))


def test_no_prompts_give_no_replies(model: Model) -> None:
    assert ask(model, []) == []


def test_choices_have_the_log_probabilities_of_plain_scoring(model: Model) -> None:
    """Of one token and of several, two of which begin alike."""
    import torch

    choices = ("7", " 7 + 7", " 7 + 8", "Step 1: the answer")
    plain, tokenizer = load_model(model), load_tokenizer(model)
    chat = [Prompt(id="turn", text="Which one?", chat=True)]
    with Transformers(model=model, threads=1).open() as complete:
        replies = complete([*PROMPTS[:3], *chat], Sampling(choices=choices))
    starts = [tokenizer(prompt.text)["input_ids"] for prompt in PROMPTS[:3]]
    turn = [{"role": "user", "content": "Which one?"}]
    starts.append(tokenizer.apply_chat_template(turn, add_generation_prompt=True)["input_ids"])
    for start, (reply,) in zip(starts, replies, strict=True):
        assert reply.choices is not None and reply.prompt_tokens == len(start)
        for choice, found in zip(choices, reply.choices, strict=True):
            label = tokenizer(choice, add_special_tokens=False)["input_ids"]
            with torch.inference_mode():
                logits = plain(torch.tensor([start + label])).logits[0, len(start) - 1 : -1].log_softmax(-1)
            expected = sum(float(row[token]) for row, token in zip(logits, label, strict=True))
            assert found == pytest.approx(expected, abs=1e-4)


def test_choices_are_drawn_in_proportion_to_their_probability(model: Model) -> None:
    with Transformers(model=model, threads=1).open() as complete:
        ((*several,),) = complete(PROMPTS[:1], Sampling(choices=("7", " +", "?"), n=2000, temperature=1.0))
    odds = [math.exp(value) for value in several[0].choices or ()]
    for choice, share in zip(("7", " +", "?"), odds, strict=True):
        drawn = sum(reply.text == choice for reply in several) / 2000
        assert drawn == pytest.approx(share / sum(odds), abs=0.05)


def test_choices_that_tokens_do_not_tell_apart_are_refused(model: Model) -> None:
    with pytest.raises(ConfigError, match="different texts"):
        Sampling(choices=("a", "a")).check()
    with pytest.raises(InputError, match="no room"):
        ask(model, [Prompt(id="long", text="7 + " * 600)], Sampling(choices=("7", "8")))

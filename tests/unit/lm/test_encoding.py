"""Token ids of prompts and completions."""

from __future__ import annotations

from typing import Any

import pytest
from toys.models import toy_examples, toy_tokenizer

from lema.base.errors import ConfigError
from lema.base.records import Example
from lema.lm.encoding import (
    completion_ids,
    encode,
    end_id,
    prompt_ids,
    prompts_ids,
    read_by_encoder,
    stop_ids,
    unlearned_tokens,
)
from lema.trainers.batches import IGNORED, collate


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return toy_tokenizer()


def test_a_plain_prompt_has_the_start_token_and_a_completion_the_end_token(tokenizer: Any) -> None:
    prompt = prompt_ids(tokenizer, "Question: 1 + 2?\n")
    completion = completion_ids(tokenizer, "Step 1: 3.")
    assert tokenizer.decode(prompt) == "<s>Question: 1 + 2?\n"
    assert tokenizer.decode(completion) == "Step 1: 3.</s>"


def test_a_chat_prompt_is_one_user_turn_and_a_completion_ends_the_turn(tokenizer: Any) -> None:
    prompt = prompt_ids(tokenizer, "1 + 2?", chat=True)
    completion = completion_ids(tokenizer, "3.", chat=True)
    assert tokenizer.decode(prompt) == "<s><|user|>\n1 + 2?<|end|>\n<|assistant|>\n"
    assert tokenizer.decode(completion) == "3.<|end|>"
    turn = [{"role": "user", "content": "1 + 2?"}]
    own = tokenizer.apply_chat_template(turn, add_generation_prompt=True, return_dict=False)
    assert prompt == own


def test_prompt_and_completion_are_tokenised_apart(tokenizer: Any) -> None:
    example = toy_examples(1)[0]
    (encoded,) = encode(tokenizer, [example])
    assert list(encoded.ids) == prompt_ids(tokenizer, example.prompt) + completion_ids(tokenizer, example.completion)
    assert encoded.prompt == len(prompt_ids(tokenizer, example.prompt))
    assert encoded.targets == len(completion_ids(tokenizer, example.completion))


def test_an_encoder_reads_the_prompt_with_the_end_token_and_the_decoder_learns_what_follows_its_start(
    tokenizer: Any,
) -> None:
    example = toy_examples(1)[0]
    (encoded,) = encode(tokenizer, [example], start_token=2)
    assert tokenizer.decode(list(encoded.read or ())) == f"<s>{example.prompt}</s>"
    assert tokenizer.decode(list(encoded.ids)) == f"<pad>{example.completion}</s>"
    (continued,) = encode(tokenizer, [example])
    assert encoded.prompt == 1 and encoded.targets == continued.targets
    assert encoded.tokens == continued.tokens + 1  # the end token of the prompt
    (row,) = read_by_encoder(tokenizer, [prompt_ids(tokenizer, example.prompt)])
    assert row == list(encoded.read or ())


def marked(text: str, *stretches: str) -> Example:
    """An example whose completion is `text`, in which these stretches are not learned."""
    places = tuple((text.index(part), text.index(part) + len(part)) for part in stretches)
    return Example(prompt="1 + 2?\n", completion=text, question_id="q", source="cot", unlearned=places)


def test_unlearned_stretches_carry_no_loss_and_everything_else_behind_the_prompt_does(tokenizer: Any) -> None:
    example = marked("Step 1: 1 + 2 = 4.\nStep 2: That is wrong.\nStep 3: 3.", "Step 1: 1 + 2 = 4.\n", "That is wrong.")
    (encoded,) = encode(tokenizer, [example])
    assert tokenizer.decode(encoded.ids[slice(*encoded.unlearned[0])]) == "Step 1: 1 + 2 = 4.\n"
    batch = collate([(encoded,)], packed=False)
    labels = [int(label) for label in batch["labels"][0] if int(label) != IGNORED]
    learned = tokenizer.decode(labels)
    assert "= 4" not in learned and learned.endswith("3.</s>") and "Step 2:" in learned
    assert encoded.targets == len(labels)


def test_what_is_not_learned_is_the_same_text_in_a_decoder(tokenizer: Any) -> None:
    example = marked("Step 1: 4.\nStep 2: The answer is 3.", "Step 2:")
    (continued,) = encode(tokenizer, [example])
    (encoded,) = encode(tokenizer, [example], start_token=2)
    moved = continued.prompt - 1
    assert encoded.unlearned == tuple((start - moved, end - moved) for start, end in continued.unlearned) != ()
    labels = collate([(encoded,)], packed=False)["labels"][0].tolist()
    learned = tokenizer.decode([label for label in labels if label != IGNORED])
    assert learned == "Step 1: 4.\n The answer is 3.</s>"


def test_a_token_on_the_border_of_an_unlearned_stretch_is_learned(tokenizer: Any) -> None:
    whole = encode(tokenizer, [marked("Step 1: 3.")])[0]
    most = encode(tokenizer, [marked("Step 1: 3.", "tep 1: 3")])[0]
    places = tokenizer("Step 1: 3.", add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    inside = sum(start >= 1 and end <= 9 for start, end in places)
    assert 0 < inside == whole.targets - most.targets


def test_a_tokenizer_without_offsets_is_refused_where_they_are_needed(tokenizer: Any) -> None:
    class Slow:
        is_fast = False

    with pytest.raises(ConfigError, match=r"data_mix\.loss"):
        unlearned_tokens(Slow(), marked("Step 1: 3.", "3"), [1, 2], after=3)


def test_many_prompts_at_once_have_the_ids_of_each_alone(tokenizer: Any) -> None:
    texts = [example.prompt for example in toy_examples(20)]
    for chat in (False, True):
        assert prompts_ids(tokenizer, texts, chat=chat) == [prompt_ids(tokenizer, t, chat=chat) for t in texts]


def test_generation_stops_at_the_end_of_a_turn_and_of_a_text(tokenizer: Any) -> None:
    assert end_id(tokenizer) == tokenizer.eos_token_id
    assert tokenizer.decode(end_id(tokenizer, chat=True)) == "<|end|>"
    assert stop_ids(tokenizer, chat=True) == sorted([tokenizer.eos_token_id, end_id(tokenizer, chat=True)])


def test_a_tokenizer_that_ends_every_text_does_not_end_the_prompt() -> None:
    from tokenizers import processors

    tokenizer = toy_tokenizer()
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 1)]
    )
    assert tokenizer.decode(prompt_ids(tokenizer, "1 + 2?")) == "<s>1 + 2?"
    assert tokenizer.decode(completion_ids(tokenizer, "3.")) == "3.</s>"


def test_chat_without_a_template_says_what_to_do() -> None:
    with pytest.raises(ConfigError, match=r"format\.chat"):
        prompt_ids(toy_tokenizer(chat=False), "1 + 2?", chat=True)


def test_no_end_token_is_an_error() -> None:
    tokenizer = toy_tokenizer()
    tokenizer.eos_token = None
    with pytest.raises(ConfigError, match="eos_token"):
        completion_ids(tokenizer, "3.")

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from material.planted_slips import PLANTS, plant

from lema.base.spec import digest
from lema.correctors.symbolic import Symbolic
from lema.data.formats import Format
from lema.synth.difficulty import LARGEST_BOUND, LEVELS
from lema.synth.splits import SPLITS, stream
from lema.synth.tokenizer import save_tokenizer
from lema.synth.vocabulary import SPECIAL, vocabulary
from lema.synth.wording import HELD_OUT, SAME_OWNER, SAME_THING, TEMPLATES

BRIEF = Format(wording="brief")


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from transformers import AutoTokenizer

    folder: Path = tmp_path_factory.mktemp("tokenizer")
    save_tokenizer(folder)
    return AutoTokenizer.from_pretrained(str(folder))


def examples() -> Iterator[tuple[str, str]]:
    """Prompt and completion of 5,000 questions, and of corrections of every kind of mistake."""
    for level in LEVELS:
        for split in SPLITS:
            for question in stream(LEVELS[level], split, 2, range(278)):
                yield BRIEF.cot_prompt(question), question.solution
    for fault in PLANTS:
        for case in plant(fault, 100):
            for corrector in (Symbolic(), Symbolic(strength=0.0, seed=1)):
                correction = corrector.correct_one(case.question, case.solution)
                # A path of the shipped model has no number above the bound; a planted one may.
                if max(map(int, re.findall(r"\d+", " ".join([*case.steps, *correction.solution])))) <= LARGEST_BOUND:
                    yield BRIEF.correction_prompt(case.question, case.steps), BRIEF.correction_completion(correction)


@pytest.mark.slow
def test_every_text_comes_back_to_the_letter_in_known_tokens_whole_or_in_parts(tokenizer: Any) -> None:
    prompts, completions = zip(*examples(), strict=True)
    whole = ["".join(parts) for parts in zip(prompts, completions, strict=True)]
    ids, first, second = (tokenizer(list(texts))["input_ids"] for texts in (whole, prompts, completions))
    for text, joined, prompt, completion in zip(whole, ids, first, second, strict=True):
        assert tokenizer.unk_token_id not in joined, text
        assert tokenizer.decode(joined) == text
        assert prompt + completion == joined


def test_every_whole_number_up_to_the_bound_is_one_token(tokenizer: Any) -> None:
    assert all(len(tokenizer.encode(f" {number}")) == 1 for number in range(101))


def test_special_tokens_are_in_place(tokenizer: Any) -> None:
    names = (tokenizer.pad_token, tokenizer.unk_token, tokenizer.bos_token, tokenizer.eos_token)
    assert names == SPECIAL
    assert tokenizer.padding_side == "left"
    assert tokenizer.decode(tokenizer.encode("<s>")) == "<s>"


def test_the_vocabulary_is_that_of_the_shipped_model() -> None:
    # A change of it makes every model that was trained on it useless.
    assert len(vocabulary()) == len(set(vocabulary())) == 313
    assert digest("\0".join(vocabulary()).encode()) == "c17641ee5b455f90"


def test_held_out_sentences_are_made_of_words_that_training_has() -> None:
    def words(tables: list[dict[str, Any]]) -> set[str]:
        texts = [
            t for table in tables for value in table.values() for t in ([value] if isinstance(value, str) else value)
        ]
        # A word at the beginning of a sentence is another token than the same word inside.
        return {word for text in texts for word in re.findall(r"[A-Za-z]+|[.,?]", re.sub(r"\{.*?\}|'s", " ", text))}

    assert words([HELD_OUT]) <= words([TEMPLATES, SAME_OWNER, SAME_THING])


def test_no_held_out_sentence_is_one_of_training() -> None:
    trained = {text for texts in TEMPLATES.values() for text in texts}
    assert not trained & {text for texts in HELD_OUT.values() for text in texts}

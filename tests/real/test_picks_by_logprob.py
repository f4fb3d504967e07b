"""Picks by the log-probabilities of a real model: against a plain computation, one text at a time."""

from __future__ import annotations

import pytest
from toys.lab import run_stage
from toys.pickers import discriminated, sampled

from lema.base.protocols import Sampling
from lema.base.question_slice import Slice
from lema.base.records import Question, Solution
from lema.data.formats import Format
from lema.discrimination.asking import NO_ANSWER, Asking, Shown, pick_prompt
from lema.discrimination.picking import Pick
from lema.engines.transformers import Transformers
from lema.lm.encoding import prompt_ids
from lema.lm.loading import load_model, load_tokenizer
from lema.lm.model import Model
from lema.stages.discriminate import Discriminate
from lema.store import Store
from lema.tasks.gsm_synth import GsmSynth
from lema.verifiers.integers import Integers

pytestmark = pytest.mark.real
TINY = Model(name="tiny", shipped="tiny", dtype="float32")
TASK = GsmSynth(verifier=Integers())


def plain(model: Model, prompt: str, label: str) -> float:
    """The sum over the label's tokens, each by its definition."""
    import torch

    tokenizer, loaded = load_tokenizer(model), load_model(model)
    before = prompt_ids(tokenizer, prompt)
    tokens = tokenizer(label, add_special_tokens=False)["input_ids"]
    total = 0.0
    for token in tokens:
        with torch.no_grad():
            ends = loaded(input_ids=torch.tensor([before])).logits[0, -1].double().log_softmax(-1)
        total += float(ends[token])
        before = [*before, token]
    return total


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("labels") / "store")


def stage(read_out: str, **changed: object) -> Discriminate:
    candidates = sampled(
        task=TASK,
        questions=Slice(split="test", stop=40),
        engine=Transformers(model=TINY, device="cpu"),
        sampling=Sampling(n=4, temperature=1.0, max_tokens=96),
    )
    asking = Asking(read_out=read_out, shots=0 if read_out == "likelihood" else 2)  # type: ignore[arg-type]
    fields = {"asking": asking, "task": TASK, "engine": Transformers(model=TINY, device="cpu"), "format": Format()}
    return discriminated(candidates=candidates, **(fields | changed))


@pytest.mark.parametrize("read_out", ["label_logprob", "pointwise_logprob", "likelihood"])
def test_a_real_model_picks_the_candidate_of_the_highest_score(read_out: str, store: Store) -> None:
    one = stage(read_out)
    run_stage(store, one)
    picks = list(store.get(one).rows("picks.jsonl", Pick))
    assert len(picks) == 40 and all(pick.chosen is not None and len(pick.scores) == 4 for pick in picks)
    assert all(pick.scores[pick.chosen] == max(pick.scores) for pick in picks)  # type: ignore[type-var, index]


def test_a_label_scores_what_its_token_scores_behind_the_prompt(store: Store) -> None:
    one = stage("label_logprob")
    run_stage(store, one)
    pick = next(iter(store.get(one).rows("picks.jsonl", Pick)))
    artifact = store.get(one.candidates)
    question = next(iter(artifact.rows("questions.jsonl", Question)))
    answers = [solution.answer for solution in artifact.rows("solutions.jsonl", Solution)][:4]
    inquiry = one.inquiry()
    told = Shown(question, [NO_ANSWER if answers[n] is None else str(answers[n]) for n in pick.shown])
    prompt = pick_prompt(inquiry.format, inquiry.asking, told, inquiry.demos)
    for place, number in enumerate(pick.shown):
        assert pick.scores[number] == pytest.approx(plain(TINY, prompt, f" {place + 1}"), abs=1e-4)


def test_likelihood_is_that_of_the_candidates_own_text_whatever_the_order(store: Store) -> None:
    one = stage("likelihood", cyclic=True)
    run_stage(store, one)
    picks = list(store.get(one).rows("picks.jsonl", Pick))
    sampled_texts: dict[str, list[str]] = {}
    generated = store.get(one.candidates)
    for solution in generated.rows("solutions.jsonl", Solution):
        sampled_texts.setdefault(solution.question_id, []).append(solution.text)
    question = next(iter(generated.rows("questions.jsonl", Question)))
    text = sampled_texts[question.id][2]
    tokenizer = load_tokenizer(TINY)
    tokens = tokenizer(text, add_special_tokens=False)["input_ids"]
    total = plain(TINY, Format().cot_prompt(question), text + tokenizer.eos_token)
    assert picks[0].scores[2] == pytest.approx(total / (len(tokens) + 1), abs=1e-4)
    by_question: dict[str, set[str]] = {}
    for pick in picks:
        assert pick.chosen is not None
        by_question.setdefault(pick.question_id, set()).add(sampled_texts[pick.question_id][pick.chosen])
    assert all(len(texts) == 1 for texts in by_question.values())

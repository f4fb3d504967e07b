"""Delta-PPL of the shipped model's own mistakes, corrected for real."""

from __future__ import annotations

import math
from statistics import fmean, median

import pytest
from toys.lab import run_stage

from lema.base.protocols import Sampling
from lema.base.question_slice import Slice
from lema.base.records import Correction, Question, Solution
from lema.correctors.symbolic import Symbolic
from lema.data.formats import Format
from lema.engines.transformers import Transformers
from lema.lm.encoding import completion_ids, prompt_ids
from lema.lm.loading import load_model, load_tokenizer
from lema.lm.model import Model
from lema.stages.correct import Correct
from lema.stages.delta_ppl import DeltaPerplexity, DeltaPpl, summary
from lema.stages.generate import Generate
from lema.store import Store
from lema.tasks.gsm_synth import GsmSynth
from lema.verifiers.integers import Integers

pytestmark = pytest.mark.real
TINY = Model(name="tiny", shipped="tiny", dtype="float32")
TASK = GsmSynth(verifier=Integers())


@pytest.fixture(scope="module")
def corrections() -> Correct:
    paths = Generate(
        task=TASK,
        questions=Slice(split="train", stop=25),
        engine=Transformers(model=TINY, device="cpu"),
        format=Format(),
        sampling=Sampling(n=3, temperature=1.0, max_tokens=96),
    )
    return Correct(paths=paths, task=TASK, corrector=Symbolic())


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, corrections: Correct) -> Store:
    store = Store(tmp_path_factory.mktemp("delta") / "store")
    run_stage(store, corrections)
    run_stage(store, DeltaPerplexity(corrections=corrections, model=TINY, format=Format(), device="cpu"))
    return store


def plain_perplexity(prompt: str, completion: str) -> float:
    """One text through the model alone, by its definition."""
    import torch

    tokenizer, model = load_tokenizer(TINY), load_model(TINY)
    before, after = prompt_ids(tokenizer, prompt), completion_ids(tokenizer, completion)
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([before + after])).logits[0].double().log_softmax(-1)
    return math.exp(-fmean(float(logits[len(before) - 1 + k, token]) for k, token in enumerate(after)))


def test_a_row_holds_the_perplexities_of_the_wrong_path_and_of_the_right_one_in_the_correction(
    store: Store, corrections: Correct
) -> None:
    stage = DeltaPerplexity(corrections=corrections, model=TINY, format=Format())
    rows = list(store.get(stage).rows("delta_ppl.jsonl", DeltaPpl))
    source = store.get(corrections)
    accepted = list(source.rows("corrections.jsonl", Correction))
    questions = {question.id: question for question in source.rows("questions.jsonl", Question)}
    paths = {path.id: path for path in source.rows("paths.jsonl", Solution)}
    assert [row.solution_id for row in rows] == [correction.solution_id for correction in accepted]
    late = [number for number, correction in enumerate(accepted) if (correction.step or 1) > 1]
    for number in {0, len(rows) - 1, late[0]}:
        row, correction = rows[number], accepted[number]
        question, path = questions[row.question_id], paths[row.solution_id]
        before = path.text.split("\n")[: (correction.step or 1) - 1]
        corrected = [f"Step {len(before) + k}: {text}" for k, text in enumerate(correction.solution, 1)]
        prompt = f"Question: {question.text}\nAnswer:\n"
        wrong = plain_perplexity(prompt, path.text)
        right = plain_perplexity(prompt, "\n".join([*before, *corrected]))
        assert (row.wrong_ppl, row.right_ppl) == pytest.approx((wrong, right), rel=1e-4)
        assert row.delta == row.wrong_ppl - row.right_ppl


def test_the_summary_is_over_corrections_and_its_interval_over_questions(store: Store, corrections: Correct) -> None:
    artifact = store.get(DeltaPerplexity(corrections=corrections, model=TINY, format=Format()))
    deltas = [row.delta for row in artifact.rows("delta_ppl.jsonl", DeltaPpl)]
    said = artifact.summary
    assert said["corrections"] == len(deltas) > said["questions"] > 1
    assert said["mean"] == pytest.approx(fmean(deltas)) and said["median"] == pytest.approx(median(deltas))
    assert said["low"] < said["mean"] < said["high"]
    assert said["mean"] > 0  # the right path has the model's own steps, and none that it got wrong


def test_without_corrections_nothing_is_claimed() -> None:
    assert summary([], 0)["mean"] is None
    row = DeltaPpl(
        question_id="q",
        solution_id="q#m#0",
        wrong_logprob=-2.0,
        wrong_tokens=1,
        right_logprob=-1.0,
        right_tokens=1,
        wrong_ppl=math.exp(2),
        right_ppl=math.e,
        delta=math.exp(2) - math.e,
    )
    one = summary([row, row], 0)
    assert (one["questions"], one["low"], one["high"]) == (1, None, None)
    assert one["mean"] == row.delta


def test_how_a_model_is_run_does_not_decide_the_key(corrections: Correct) -> None:
    from lema.base.spec import key

    plain = DeltaPerplexity(corrections=corrections, model=TINY, format=Format())
    run = DeltaPerplexity(corrections=corrections, model=TINY, format=Format(), device="cpu", batch_tokens=9, part=3)
    assert key(plain) == key(run)

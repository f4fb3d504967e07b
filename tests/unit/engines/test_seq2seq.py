"""The encoder-decoder engine: against the library's own decoding and scores, and as one that picks."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import pytest
import torch
from toys.lab import run_stage
from toys.models import toy_model, toy_seq2seq, toy_tokenizer
from toys.pickers import discriminated, sampled
from toys.programs import BODY, PROGRAMS, TASK, experiment

from lema.base.errors import ConfigError
from lema.base.protocols import Prompt, Sampling
from lema.base.question_slice import Slice
from lema.base.spec import key
from lema.data.formats import Format
from lema.discrimination.asking import Asking
from lema.engines.seq2seq import Seq2Seq
from lema.engines.transformers import Transformers
from lema.engines.vllm.engine import Vllm
from lema.experiment.sections import Evaluation
from lema.lm.loading import load_seq2seq, load_tokenizer
from lema.lm.model import Model
from lema.pad.stepping import StepBeam
from lema.stages.evaluate import Evaluate
from lema.stages.sampling import solving
from lema.store import Store

TEXTS = ["What is 1 + 1?", "What is 12 + 30 + 4? Think.", "What?"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return toy_seq2seq(tmp_path_factory.mktemp("t5"))


def prompts() -> list[Prompt]:
    return [Prompt(id=str(number), text=text, seed=number) for number, text in enumerate(TEXTS)]


def encoded(model: Model, text: str) -> torch.Tensor:
    tokenizer = load_tokenizer(model)
    return torch.tensor([[*tokenizer(text)["input_ids"], tokenizer.eos_token_id]])


def test_greedy_texts_are_those_of_the_library(model: Model) -> None:
    plain, tokenizer = load_seq2seq(model), load_tokenizer(model)
    with Seq2Seq(model=model, device="cpu", batch_size=2).open() as complete:
        replies = complete(prompts(), Sampling(max_tokens=12))
    for text, (reply,) in zip(TEXTS, replies, strict=True):
        ids = plain.generate(encoded(model, text), max_new_tokens=12, do_sample=False, num_beams=1)
        assert reply.text == tokenizer.decode(ids[0], skip_special_tokens=True)
        assert 0 < reply.completion_tokens <= 12 and reply.prompt_tokens == encoded(model, text).shape[1]


def test_a_bart_is_run_whole_and_never_as_its_decoder_alone(tmp_path: Path) -> None:
    from transformers import BartConfig

    tokenizer = toy_tokenizer()
    sizes = {"encoder_layers": 2, "decoder_layers": 2, "encoder_ffn_dim": 64, "decoder_ffn_dim": 64}
    heads = {"encoder_attention_heads": 4, "decoder_attention_heads": 4}
    special = {"bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2, "decoder_start_token_id": 1}
    BartConfig(
        vocab_size=len(tokenizer),
        d_model=32,
        max_position_embeddings=40,
        forced_eos_token_id=None,
        **sizes,
        **heads,
        **special,
    ).save_pretrained(str(tmp_path))
    tokenizer.save_pretrained(str(tmp_path))
    bart = Model(name="bart", path=str(tmp_path), fresh=True, init_seed=1, dtype="float32")
    plain = load_seq2seq(bart)
    with Seq2Seq(model=bart, device="cpu", batch_size=2).open() as complete:
        replies = complete(prompts(), Sampling(max_tokens=12))
        ((longest,),) = complete(prompts()[:1], Sampling(max_tokens=100))
    for text, (reply,) in zip(TEXTS, replies, strict=True):
        ids = plain.generate(encoded(bart, text), max_new_tokens=12, do_sample=False, num_beams=1)
        assert reply.text == tokenizer.decode(ids[0], skip_special_tokens=True)
    assert longest.completion_tokens <= 40  # all that its decoder has places for
    with pytest.raises(ConfigError, match="bart is an encoder-decoder"), Transformers(model=bart, device="cpu").open():
        pass


def test_choices_score_what_the_decoder_gives_their_tokens(model: Model) -> None:
    plain, tokenizer = load_seq2seq(model), load_tokenizer(model)
    labels = (" 1", " 2", " right answer")
    with Seq2Seq(model=model, device="cpu", batch_size=2).open() as complete:
        replies = complete(prompts(), Sampling(choices=labels))
    for text, (reply,) in zip(TEXTS, replies, strict=True):
        for label, found in zip(labels, reply.choices or (), strict=True):
            tokens = tokenizer(label, add_special_tokens=False)["input_ids"]
            with torch.no_grad():
                loss = plain(input_ids=encoded(model, text), labels=torch.tensor([tokens])).loss
            assert found == pytest.approx(-float(loss) * len(tokens), rel=1e-5)


def test_it_samples_and_picks_in_the_stages(model: Model, tmp_path: Path) -> None:
    engine = Seq2Seq(model=model, device="cpu")
    candidates = sampled(6, engine=engine, sampling=Sampling(n=3, temperature=1.0, max_tokens=8))
    stage = discriminated(candidates=candidates, engine=engine, asking=Asking(read_out="label_logprob"))
    store = Store(tmp_path / "store")
    run_stage(store, stage)
    assert store.get(stage).summary["invalid"] == 0 and store.get(stage).summary["questions"] == 6


def test_log_probabilities_of_a_sample_are_those_of_its_tokens(model: Model) -> None:
    plain = load_seq2seq(model)
    with Seq2Seq(model=model, device="cpu").open() as complete:
        replies = complete(prompts(), Sampling(max_tokens=6, logprobs=True))
    for text, (reply,) in zip(TEXTS, replies, strict=True):
        read = encoded(model, text)
        ids = plain.generate(read, max_new_tokens=6, do_sample=False, num_beams=1)[:, 1:]
        with torch.no_grad():
            table = plain(input_ids=read, labels=ids).logits[0].log_softmax(-1)
        assert reply.logprobs == pytest.approx(table.gather(-1, ids[0][:, None])[:, 0].tolist(), abs=1e-4)


def test_whole_solutions_are_scored_for_the_likelihood_read_out(model: Model, tmp_path: Path) -> None:
    engine = Seq2Seq(model=model, device="cpu")
    candidates = sampled(4, engine=engine, sampling=Sampling(n=2, temperature=1.0, max_tokens=8))
    asking = Asking(read_out="likelihood", view="full_solution", shots=0)
    stage = discriminated(candidates=candidates, engine=engine, asking=asking, demos=None)
    store = Store(tmp_path / "store")
    run_stage(store, stage)
    assert store.get(stage).summary["invalid"] == 0 and store.get(stage).summary["questions"] == 4


def test_it_is_what_it_was_where_nothing_new_is_asked_of_it(model: Model) -> None:
    assert key(Seq2Seq(model=model)) == key(Seq2Seq(model=model, quantised=False))
    assert key(Seq2Seq(model=model)) != key(Seq2Seq(model=model, quantised=True))


def test_each_engine_names_the_other_for_a_model_that_is_not_its_own(model: Model, tmp_path: Path) -> None:
    causal = toy_model(tmp_path / "llama")
    with pytest.raises(ConfigError, match=r"toy is no encoder-decoder model\. .*Transformers .*evaluation=greedy"):
        load_seq2seq(causal)
    told = r"toy-seq2seq is an encoder-decoder model, and .*evaluation_engine=seq2seq, reasoner=seq2seq"
    with pytest.raises(ConfigError, match=told), Transformers(model=model, device="cpu").open():
        pass
    with pytest.raises(ConfigError, match=told):
        Vllm(model=model).setup(None, "cuda")
    trained = Path(model.path or "")
    with (
        pytest.raises(ConfigError, match="toy is an encoder-decoder"),
        Transformers(model=causal, device="cpu").open(checkpoint=trained),
    ):
        pass


def test_a_beam_over_lines_is_refused_where_an_answer_cannot_be_begun(model: Model) -> None:
    engine = Seq2Seq(model=model, device="cpu")
    beam = dataclasses.replace(BODY, beam=StepBeam())
    scored = Evaluation(questions=Slice(split="test", stop=5), engine=engine, sampling=Sampling(), base=False)
    refused = pytest.raises(ConfigError, match=r"answering\.beam: .*begins anew .*answering=body")
    with refused:
        experiment(PROGRAMS, answering=beam, evaluation=scored).check()
    stage = Evaluate(
        task=TASK,
        questions=Slice(split="test", stop=5),
        engine=engine,
        format=Format(),
        sampling=Sampling(),
        answering=beam,
    )
    with pytest.raises(ConfigError, match=r"answering\.beam"), engine.open() as complete, solving(stage, complete):
        pass


def test_pickled_weights_are_refused_with_what_to_do(model: Model, tmp_path: Path) -> None:
    folder = tmp_path / "old"
    shutil.copytree(Path(model.path or ""), folder)
    (folder / "model.safetensors").unlink()
    torch.save(load_seq2seq(model).state_dict(), folder / "pytorch_model.bin")
    with pytest.raises(ConfigError, match=r"no weights in safetensors, .*save_pretrained.* model\.path=<folder>"):
        load_seq2seq(Model(name="old", path=str(folder), dtype="float32"))


def test_a_decoder_that_does_not_say_where_it_begins_is_an_error(model: Model, tmp_path: Path) -> None:
    folder = tmp_path / "silent"
    shutil.copytree(Path(model.path or ""), folder)
    for name in ("config.json", "generation_config.json"):
        said = json.loads((folder / name).read_text())
        said.pop("decoder_start_token_id", None)
        (folder / name).write_text(json.dumps(said))
    silent = Model(name="silent", path=str(folder), dtype="float32")
    with pytest.raises(ConfigError, match="set decoder_start_token_id"), Seq2Seq(model=silent, device="cpu").open():
        pass

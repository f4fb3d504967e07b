"""What every file of lema/engines promises.

A new engine is held to it once it has a `Case`. Each engine is built from a plain mapping, as the edge does.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from servers.faulty import Faulty
from toys.models import toy_model, toy_seq2seq

from lema.base.errors import ConfigError, MissingExtra
from lema.base.protocols import Complete, Engine, Prompt, Reply, Sampling
from lema.base.spec import Spec, key
from lema.config.config import build

QUESTIONS = [f"What is {'1 + ' * (place % 4)}{place}?" for place in range(7)]
HEAVY = {"torch", "transformers", "openai", "vllm", "aiohttp", "httpx"}


@dataclasses.dataclass(frozen=True)
class Case:
    """An engine and what can be asked of it.

    `draws`: makes texts, so that seeds, token counts and log-probabilities mean something.
    `obeys`: knows temperature 0 and stop strings and counts its tokens; a server without a model does not.
    `cuts`: ends at the limit.
    """

    node: dict[str, Any]
    draws: bool = True
    obeys: bool = True
    cuts: bool = True

    @property
    def engine(self) -> Engine:
        made = build(self.node, "reasoner")
        assert isinstance(made, Engine)
        return made


def transformers_case(folder: Path) -> Iterator[Case]:
    model = dataclasses.asdict(toy_model(folder / "model"))
    target = {"_target_": "lema.engines.transformers.Transformers", "model": model}
    yield Case({**target, "threads": 1, "device": "cpu", "batch_size": 4})


def seq2seq_case(folder: Path) -> Iterator[Case]:
    model = dataclasses.asdict(toy_seq2seq(folder / "model"))
    yield Case({"_target_": "lema.engines.seq2seq.Seq2Seq", "model": model, "device": "cpu", "batch_size": 4})


def recorded_case(folder: Path) -> Iterator[Case]:
    rows = [{"question": text, "solution": f"{text} It is {n}."} for text in QUESTIONS for n in range(9)]
    file = folder / "recorded.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    target = {"_target_": "lema.engines.recorded.Recorded", "path": str(file)}
    yield Case({**target, "match": {"question": "question"}, "text": "solution"}, draws=False, cuts=False)


def scripted_case(folder: Path) -> Iterator[Case]:
    reply = "Step 1: {Add|Count|Take} {1}.\nStep 2: The answer is {6|7|8}."
    yield Case({"_target_": "lema.engines.scripted.Scripted", "rules": [[r"is (.+)\?", reply]]})


def openai_case(folder: Path) -> Iterator[Case]:
    with Faulty().running() as url:
        yield Case(
            {"_target_": "lema.engines.openai.engine.OpenAI", "model": "toy", "base_url": url}, obeys=False, cuts=False
        )


def vllm_case(folder: Path) -> Iterator[Case]:
    """In the Python that has vLLM; tests/real/test_vllm.py starts these there."""
    if importlib.util.find_spec("vllm") is None:
        pytest.skip("vLLM has a Python of its own: tests/real/test_vllm.py runs this there")
    model = dataclasses.asdict(toy_model(folder / "model", width=128))
    yield Case({"_target_": "lema.engines.vllm.engine.Vllm", "model": model, "kv_cache_gb": 0.25, "max_num_seqs": 16})


CASES: dict[str, Callable[[Path], Iterator[Case]]] = {
    "transformers": transformers_case,
    "seq2seq": seq2seq_case,
    "recorded": recorded_case,
    "scripted": scripted_case,
    "openai": openai_case,
    "vllm": vllm_case,
}
EXTRAS = {"openai": "openai", "vllm": "vllm"}  # engine -> package, which is also the name of its extra


@pytest.fixture(scope="module", params=CASES)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    yield from CASES[request.param](tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def complete(case: Case) -> Iterator[Complete]:
    with case.engine.open() as opened:
        yield opened


def prompts(seed: int = 0, questions: Sequence[str] = QUESTIONS) -> list[Prompt]:
    return [Prompt(id=text, text=text, seed=seed, fields={"question": text}) for text in questions]


def warm(**fields: Any) -> Sampling:
    return Sampling(**{"temperature": 0.9, "max_tokens": 12, **fields})


def texts(replies: list[list[Reply]]) -> list[list[str]]:
    return [[reply.text for reply in several] for several in replies]


def test_every_engine_has_a_case() -> None:
    """Files that hold no engine's spec (parts of another one) need none; one in a folder is named by it."""
    folder = ROOT / "lema" / "engines"
    files = [path.relative_to(folder) for path in folder.rglob("*.py") if "\n@spec\n" in path.read_text()]
    assert sorted(file.parts[0].removesuffix(".py") for file in files) == sorted(CASES)


def test_an_engine_is_a_spec_with_a_name_for_ids(case: Case) -> None:
    assert isinstance(case.engine, Spec)
    assert re.fullmatch(r"[\w.-]+", case.engine.name)
    assert key(case.engine) == key(case.engine)


def test_n_prompts_give_n_lists_of_replies_in_order(complete: Complete) -> None:
    assert complete([], warm()) == []
    forwards = complete(prompts(), warm(n=3))
    assert [len(several) for several in forwards] == [3] * len(QUESTIONS)
    backwards = complete(prompts()[::-1], warm(n=3))
    assert backwards == forwards[::-1]
    assert len({tuple(several) for several in texts(forwards)}) == len(QUESTIONS)  # each prompt has its own


def test_the_same_prompt_twice_in_one_call_gets_the_same(complete: Complete) -> None:
    first, *_, last = complete([*prompts(), prompts()[0]], warm(n=2))
    assert first == last


def test_texts_are_the_same_whatever_else_is_in_the_call(complete: Complete) -> None:
    for sampling in (warm(n=2), warm(temperature=0.0)):
        together = complete(prompts(), sampling)
        assert texts([complete([prompt], sampling)[0] for prompt in prompts()]) == texts(together)


def test_a_seed_decides_the_samples_and_nothing_else_does(case: Case, complete: Complete) -> None:
    by_seed = [texts(complete(prompts(seed), warm())) for seed in range(8)]
    assert texts(complete(prompts(5), warm())) == by_seed[5]
    distinct = {str(found) for found in by_seed}
    assert len(distinct) > 1 if case.draws else len(distinct) == 1
    with case.engine.open() as again:
        assert texts(again(prompts(5), warm())) == by_seed[5]


def test_the_samples_of_one_prompt_differ(complete: Complete) -> None:
    (several,) = texts(complete(prompts()[:1], warm(n=8)))
    assert len(set(several)) > 1


def test_greedy_texts_do_not_depend_on_the_seed(case: Case, complete: Complete) -> None:
    if not case.obeys:
        pytest.skip("its server here has no model; tests/real/test_openai_obeys.py asks one that has")
    cold = Sampling(max_tokens=12)
    assert texts(complete(prompts(1), cold)) == texts(complete(prompts(2), cold))


def test_a_text_ends_before_the_first_stop_string(case: Case, complete: Complete) -> None:
    if not case.obeys:
        pytest.skip("its server here has no model; tests/real/test_openai_obeys.py asks one that has")
    ended: Counter[bool] = Counter()
    for prompt in prompts():
        ((free,),) = complete([prompt], warm(max_tokens=24))
        letters = [letter for letter in free.text[1:] if letter.isascii() and letter.isalnum()]
        if letters:
            stop = letters[len(letters) // 2]
            ((stopped,),) = complete([prompt], warm(max_tokens=24, stop=("never said", stop)))
            assert stopped.text == free.text[: free.text.index(stop)]
            assert stopped.finish_reason == "stop"
            ended[stopped.text != ""] += 1
    assert ended[True]


def test_a_sample_that_reaches_the_limit_says_so(case: Case, complete: Complete) -> None:
    whole = [several[0] for several in complete(prompts(), warm(max_tokens=40))]
    short = [several[0] for several in complete(prompts(), warm(max_tokens=2))]
    assert {reply.finish_reason for reply in (*whole, *short)} <= {"stop", "length"}
    if case.cuts:
        assert {(reply.finish_reason, reply.completion_tokens) for reply in short} >= {("length", 2)}
        assert all(full.text.startswith(cut.text.rstrip("\ufffd")) for full, cut in zip(whole, short, strict=True))
    else:
        assert [reply.text for reply in short] == [reply.text for reply in whole]


def test_tokens_are_counted(case: Case, complete: Complete) -> None:
    replies = [reply for several in complete(prompts(), warm(n=2)) for reply in several]
    if not case.draws:
        assert {(reply.prompt_tokens, reply.completion_tokens) for reply in replies} == {(0, 0)}  # nobody recorded them
        return
    sizes = [reply.prompt_tokens for reply in replies[::2]]
    assert min(sizes) > 0
    assert sizes[3] > sizes[2] > sizes[1] > sizes[0] or not case.obeys  # as the prompts grow
    assert all(1 <= reply.completion_tokens <= 12 for reply in replies)
    # A prompt that was read once for all its samples may be counted once.
    assert [reply.prompt_tokens for reply in replies[1::2]] in (sizes, [0] * len(sizes))


def test_log_probabilities_come_one_a_token_when_asked_for_and_never_in_silence(case: Case, complete: Complete) -> None:
    assert {several[0].logprobs for several in complete(prompts(), warm())} == {None}
    if not case.draws:
        with pytest.raises(ConfigError, match="log-probabilities"):
            complete(prompts(), warm(logprobs=True))
        return
    for (reply,) in complete(prompts(), warm(logprobs=True)):
        assert reply.logprobs and all(value <= 0 for value in reply.logprobs)
        assert len(reply.logprobs) == reply.completion_tokens or not case.obeys


CHOICES = ("B", " yes, certainly", "A")


def test_choices_get_a_log_probability_each_and_a_reply_is_one_of_them(case: Case, complete: Complete) -> None:
    if not case.draws:
        with pytest.raises(ConfigError, match="log-probabilities"):
            complete(prompts(), Sampling(choices=CHOICES))
        return
    assert {several[0].choices for several in complete(prompts(), warm())} == {None}
    cold = complete(prompts(), Sampling(choices=CHOICES))
    for (reply,), (turned,) in zip(cold, complete(prompts(), Sampling(choices=CHOICES[::-1])), strict=True):
        assert reply.choices and len(reply.choices) == 3 and all(value <= 0 for value in reply.choices)
        assert reply.choices == pytest.approx(turned.choices[::-1], abs=1e-4)  # type: ignore[index]
        assert reply.text == CHOICES[reply.choices.index(max(reply.choices))]
        assert reply.prompt_tokens > 0 and reply.finish_reason == "stop"
    assert texts(complete(prompts(1), Sampling(choices=CHOICES))) == texts(cold)  # whatever the seed
    hot = Sampling(choices=CHOICES, n=8, temperature=50.0)
    several = texts(complete(prompts(), hot))
    assert several == texts(complete(prompts()[::-1], hot))[::-1]
    assert len({text for found in several for text in found}) > 1


def test_building_and_hashing_an_engine_imports_nothing_heavy(case: Case) -> None:
    code = (
        "import sys; from lema.config.config import build; from lema.base.spec import key\n"
        f"made = build({case.node!r}, 'reasoner'); print(made.name, key(made))\n"
        f"print(sorted({HEAVY!r} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert run.stdout.splitlines() == [f"{case.engine.name} {key(case.engine)}", "[]"]  # type: ignore[arg-type]


@pytest.mark.parametrize("case", EXTRAS, indirect=True)
def test_a_missing_package_is_one_line_that_says_how_to_install_it(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    package = EXTRAS[case.node["_target_"].split(".")[2]]
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtra) as caught, case.engine.open():
        pass
    assert f"pip install 'lema[{package}]'" in str(caught.value) and "\n" not in str(caught.value)

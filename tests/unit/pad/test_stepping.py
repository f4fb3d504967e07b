"""The beam over lines: each question on its own, plain at weight 0, and led by what scores its lines."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from toys.models import toy_model
from toys.programs import BODY

from lema.base import prompts
from lema.base.errors import ConfigError, StageFailed
from lema.base.protocols import Prompt, Reply, Sampling
from lema.pad.scorers import Executable, Faithfulness, Likely, Scorer
from lema.pad.stepping import Prefix, StepBeam, search
from lema.synth.draw import Draw

#: Lines that may follow, by how many there are, and their probabilities. The likeliest ones do not run.
LINES = [
    {"Mia = 3 + 4": 0.3, "Mia = 3 +": 0.5, "# Mia": 0.2},
    {"Tom = Mia - 2": 0.3, "Tom = Zoe - 2": 0.4, "Tom = Mia - 1": 0.3},
    {"Answer = Tom": 0.6, "Answer = Mia": 0.3, "": 0.1},
]
ASKED = [
    Prompt(id=f"q{i}", text=f"Question {i}: Mia has pens.\n", seed=i, fields={"question": f"Mia has {i}. How many?"})
    for i in range(6)
]
BEAM = StepBeam(width=3, samples=4)


def write(asked: Sequence[Prompt], sampling: Sampling) -> list[list[Reply]]:
    """An engine of lines: what it draws is decided by prompt, seed and sample."""
    assert sampling.stop == ("\n",) and sampling.logprobs
    return [[line(prompt, sample) for sample in range(sampling.n)] for prompt in asked]


def line(prompt: Prompt, sample: int) -> Reply:
    options = LINES[min(prompt.text.count("\n") - 1, 2)]
    text = Draw(prompt.text, prompt.seed, sample).weighted(options)
    half = math.log(options[text]) / 2
    return Reply(text=text, logprobs=(half, half), completion_tokens=2, prompt_tokens=7)


def found(beam: StepBeam, asked: Sequence[Prompt] = ASKED) -> list[Reply]:
    if beam.scorer is None:
        return search(beam, "body", None, asked, write, 32)
    with BODY.sandbox.open() as run, beam.scorer.open("body", lambda texts: BODY.executing.run(run, texts)) as score:
        return search(beam, "body", score, asked, write, 32)


@pytest.mark.parametrize("scorer", [Executable(), Likely()], ids=lambda one: one.kind)
def test_with_weight_0_it_is_the_plain_beam_bit_for_bit(scorer: Scorer) -> None:
    assert found(dataclasses.replace(BEAM, scorer=scorer, weight=0.0)) == found(BEAM)


def test_the_plain_beam_is_what_a_plain_beam_is() -> None:
    """The same search written as plainly as can be."""
    for prompt, reply in zip(ASKED, found(BEAM), strict=True):
        live: list[tuple[float, list[str]]] = [(0.0, [])]
        done: list[tuple[float, list[str]]] = []
        for number in range(BEAM.lines):
            if len(done) >= BEAM.width:
                break
            grown: list[tuple[float, list[str]]] = []
            for score, lines in live:
                text = prompt.text + "".join(f"{one}\n" for one in lines)
                seed = prompts.seed(prompt.seed, number, "\n".join(lines))
                asked = Prompt(id="", text=text, seed=seed)
                drawn = {one.text: sum(one.logprobs or ()) for one in (line(asked, i) for i in range(4))}
                grown += [(score + drawn[one], [*lines, one]) for one in drawn]
            best = sorted(grown, key=lambda one: -one[0])[: BEAM.width]
            done += [one for one in best if one[1][-1].startswith("Answer") or not one[1][-1]]
            live = [one for one in best if one not in done]
        chosen = max(done or live, key=lambda one: one[0] / (2 * len(one[1])))
        assert reply.text == "\n".join(chosen[1])


@pytest.mark.parametrize("scorer", [None, Executable()], ids=["plain", "scored"])
def test_a_question_does_not_depend_on_what_else_is_in_the_batch(scorer: Scorer | None) -> None:
    beam = dataclasses.replace(BEAM, scorer=scorer)
    together = found(beam)
    assert together == [found(beam, [prompt])[0] for prompt in ASKED]
    assert together == found(beam, ASKED[::-1])[::-1]


def test_lines_that_break_a_program_give_way_to_lines_that_run() -> None:
    def runs(replies: Sequence[Reply]) -> int:
        with BODY.sandbox.open() as run:
            return sum(
                outcome.value is not None for outcome in BODY.executing.run(run, [reply.text for reply in replies])
            )

    many = dataclasses.replace(BEAM, samples=12)
    plain, led = found(many), found(dataclasses.replace(many, scorer=Executable()))
    assert runs(plain) < len(ASKED) // 2 and runs(led) == len(ASKED)


def test_comments_are_scored_only_when_asked() -> None:
    scored: list[str] = []

    def score(steps: Sequence[Prefix]) -> list[float]:
        scored.extend(step.line for step in steps)
        return [1.0] * len(steps)

    for comments in (False, True):
        scored.clear()
        beam = dataclasses.replace(BEAM, scorer=Likely(), comments=comments)
        search(beam, "body", score, ASKED, write, 32)  # type: ignore[arg-type]
        assert ("# Mia" in scored) == comments and "" not in scored


def test_tokens_of_all_lines_that_were_drawn_are_counted() -> None:
    (reply,) = found(StepBeam(width=1, samples=1), ASKED[:1])
    assert reply.completion_tokens == 2 * len(reply.text.split("\n"))
    (wider,) = found(BEAM, ASKED[:1])
    assert wider.completion_tokens > reply.completion_tokens


def test_a_program_that_never_ends_is_one_that_was_cut() -> None:
    def endless(asked: Sequence[Prompt], sampling: Sampling) -> list[list[Reply]]:
        return [[Reply(text="Mia = 1", logprobs=(-1.0,)) for _ in range(sampling.n)] for _ in asked]

    (reply,) = search(dataclasses.replace(BEAM, lines=4), "body", None, ASKED[:1], endless, 32)
    assert reply.finish_reason == "length" and reply.text == "\n".join(["Mia = 1"] * 4)


def test_a_chat_turn_and_an_engine_without_log_probabilities_are_refused() -> None:
    chat = [Prompt(id="q", text="?", chat=True, fields={"question": "?"})]
    with pytest.raises(ConfigError, match="chat"):
        found(BEAM, chat)
    silent: Callable[..., list[list[Reply]]] = lambda asked, sampling: [[Reply(text="a")] * sampling.n for _ in asked]  # noqa: E731
    with pytest.raises(StageFailed, match="log-probabilities"):
        search(BEAM, "body", None, ASKED, silent, 32)


def test_faithfulness_is_highest_for_the_words_of_the_question(tmp_path: Path) -> None:
    scorer = Faithfulness(model=toy_model(tmp_path), pooling="mean", device="cpu")
    own = Prefix(question="What is 7 + 7? Mia has 3 pens.", line="Mia has 3 pens.")
    other = dataclasses.replace(own, line="Tom")
    with scorer.open("body", lambda _: []) as score:
        first, second = score([own, other])
        assert first == pytest.approx(1.0, abs=1e-5) and 0 < second < first
        assert score([other]) == [second]

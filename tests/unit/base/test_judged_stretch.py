"""Reasoning in tags and text that runs on are no part of what is judged."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reading.pace import at_most

from lema.base.judged_stretch import judged, judged_stretch

SAID = "She sold half.\nThe answer is 42."
BEFORE = [
    "<think>Maybe 41. So the answer is 41.</think>\n",
    "<think>\nQuestion: what is asked?\n\nHuman: hm\nThe answer is 41.\n</think>\n\n",
    "<THINK>41</THINK>",
    "<thinking>41 <reflection>no</reflection> 40</thinking>\n",
    "<thought>41</thought>\n<reflection>42</reflection>\n",
    "<reasoning>41</reasoning>",
    "<scratchpad>41</scratchpad>",
    "<analysis type='long'>41</analysis>",
    "[THINK]41[/THINK]",
    "◁think▷41◁/think▷",
    "<|channel|>analysis<|message|>41<|end|><|start|>assistant<|channel|>final<|message|>",
    "analysisPerhaps 41.assistantfinal",
    "<|begin_of_thought|>41<|end_of_thought|>\n\n<|begin_of_solution|>",
    "The answer is 41.\n</think>\n",
    "Maybe 41.\nQuestion: is it?\n</think>",
    "<think>a <think> b </think> 41 </think>",
    "<|im_start|>assistant\n",
    "<|start_header_id|>assistant<|end_header_id|>\n\n",
    "### Response:\n",
    "[/INST] ",
    "  \n",
    "",
]
AFTER = [
    "\n\nQuestion: How many?\nThe answer is 43.",
    "\nQ: How many?",
    "\nQ. How many?",
    "\n\nQ2. How many?",
    "\n**Question:** How many?",
    "\n\n**Question 2**\nHow many?",
    "\nQuestion 2: How many?",
    "\nProblem 3. How many?",
    "\n\n## Problem 3\nHow many?",
    "\n### Instruction:\nCount.",
    "\n\n### Response:\nThe answer is 43.",
    "\n### User\n43",
    "\nHuman: Another one.",
    "\n\nUser: 43",
    "\nAssistant: 43",
    "\nBelow is an instruction that describes a task.",
    "<|im_end|>\n<|im_start|>user\n43",
    "\n<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n43",
    "<|endoftext|>The answer is 43.",
    "<｜end▁of▁sentence｜>43",
    "</s>[INST] 43 [/INST]",
    " [INST] 43 [/INST]",
    "<end_of_turn>\n<start_of_turn>user\n43",
    "\nuser\n43\nassistant\n44",
    "assistant\n\n43",
    "\n\nHuman: One more\nAssistant: <think>43</think>43",
    "<reflection>That is right.</reflection>",
    "\n  \n",
    "",
]
WHOLE = [
    "Problem 3.5 says so.\nProblem 3.5 again.",
    "It holds.\nQ.E.D.\nThe answer is 42.",
    "If a <b> c and 5 <|x|> 3 then 7 < 8.",
    "48/2 = <<48/2=24>>24\nA: 24",
    "The user pays 5.\nThe user: nobody.\nUsers: 7",
    "### Step 2: the problem\nThe answer is 42.",
    "Question: How many?\nThe answer is 42.",
    "A question: how many?\nThe problem is hard.",
    "I think\nthinking helps.\n42",
]
CUT_OFF = ["<think>The answer is 41.", "<thinking>a <reflection>b</reflection> 41", "42 <think> or 41", "[THINK]41"]


@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize("after", AFTER)
def test_only_what_is_said_to_the_question_is_judged(before: str, after: str) -> None:
    text = f"{before}{SAID}{after}"
    assert judged(text) == SAID
    assert judged_stretch(text) == (len(before), len(before) + len(SAID))


@pytest.mark.parametrize("text", WHOLE)
def test_words_that_look_like_a_cue_are_none(text: str) -> None:
    assert judged(text) == text


@pytest.mark.parametrize("text", [*CUT_OFF, "", "  ", "<think>41</think>", "<|im_end|>42"])
def test_reasoning_that_is_not_closed_says_nothing(text: str) -> None:
    assert judged(text) == ""


@given(st.lists(st.sampled_from([*BEFORE, *AFTER, *WHOLE, *CUT_OFF, " ", "42"]), max_size=6).map("".join))
def test_the_stretch_of_a_stretch_is_the_whole_of_it(text: str) -> None:
    start, end = judged_stretch(text)
    assert 0 <= start <= end <= len(text)
    assert judged_stretch(text[start:end]) == (0, end - start)


def test_no_text_takes_long() -> None:
    pieces = ["<think></think>", "<think>", "</think>", "\n", " ", "\n#", "<think ", "<|", "<", "\nQuestion: a", "\nQ"]
    with at_most(20):
        for piece in pieces:
            judged(piece * 20_000)
            judged(f"a{piece * 20_000}</think>")

"""Which stretch of a text is judged: what a model says to its question, and neither what it thought nor what runs on.

Reasoning in tags comes before the answer and is no part of it: `<think>...</think>` and tags of other names, `[THINK]`,
the channels of chat models. A closing tag alone closes what a chat template opened in the prompt. Reasoning that is
opened and not closed was cut off before an answer.

A text runs on where a model writes the next question or turn by itself: a cue at the start of a line (`Question 2:`,
`### Instruction:`, `User:`) or a token of a chat template.
"""

from __future__ import annotations

import re

#: Names of tags around reasoning, by what may close it, and pairs with signs of their own: opening, closing.
NAMES = (
    *("think(?:ing)?|thoughts?|seed:think|antthinking", "reason(?:ing)?|rationale", "reflect(?:ion)?", "scratch_?pad"),
    *("analysis", "inner_?(?:monologue|thoughts?)|monologue", "chain_of_thought|cot", "plan(?:ning)?", "draft"),
)
PAIRS = (
    *((rf"<(?:{names})(?:\s[^<>\n]{{0,60}})?>", rf"</(?:{names})\s*>") for names in NAMES),
    (r"<\|channel\|>\s*(?:analysis|commentary)\b", r"<\|channel\|>\s*final\b[^<]*<\|message\|>"),
    (r"<\|(?:begin|start)_of_(?:thought|thinking|reasoning)\|>", r"<\|end_of_(?:thought|thinking|reasoning)\|>"),
    (r"<\|(?:think|thinking)\|>", r"<\|/(?:think|thinking)\|>"),
    (r"<\|im_start\|>think\b", r"<\|im_start\|>answer\b"),
    (r"\[THINK\]", r"\[/THINK\]"),
    ("◁think▷", "◁/think▷"),
    (r"<unused94>", r"<unused95>"),
    (r"\Aanalysis(?=[A-Z0-9])", r"assistantfinal"),
)
TAG = re.compile("|".join(f"(?P<o{at}>{o})|(?P<c{at}>{c})" for at, (o, c) in enumerate(PAIRS)), re.IGNORECASE)
CLOSING = [re.compile(closing, re.IGNORECASE) for _, closing in PAIRS]
#: Where a tag or a chat token may stand; most texts have none.
SIGN = re.compile(r"<[/|｜A-Za-z]")

#: A token of a chat template, or what is left of one where special tokens are left out: a turn has ended.
TOKEN = (
    r"<\|[^|<>\s]{2,40}\|>|<｜[^｜<>]{2,40}｜>|</?s>|<(?:eos|bos|pad|EOS|eot_id|(?:start|end)_of_(?:turn|utterance))>"
    r"|\[/?INST\]|<</?SYS>>|(?<=[.!?)\]}$*`\"])(?:user|assistant)\n\n"
)
#: What stands behind `Question 6:` in a list of answers to questions that one text numbers.
ANSWERED = r"[ \t*_]{0,4}(?:yes|no|true|false|[-$]?[0-9][0-9.,]*[ \t]*(?=\n|\Z))(?![a-z])"
ASKED = r"(?:Question|QUESTION|Problem|PROBLEM|Exercise)"
#: The start of a line with which somebody else speaks, or another question is asked.
LINE = rf"""
    \n[#>*_ \t]{{0,12}}(?=[QPEHUASIN])(?:
        (?:{ASKED}|Example|Q)[ \t]{{0,2}}(?:\#?[0-9]{{1,4}})?[ \t*_]{{0,4}}:(?!{ANSWERED})
      | {ASKED}[ \t]{{0,2}}\#?[0-9]{{1,4}}(?:[.)](?![0-9])|[ \t*_]{{0,4}}(?=\n|\Z))
      | (?:Next|NEXT|New|Another|Second)[ ](?:[Qq]uestion|[Pp]roblem|[Ee]xercise)[ \t*_]{{0,4}}(?:[:.]|(?=\n|\Z))
      | Q[0-9]{{0,3}}[.)][*_]{{0,2}}(?:[ \t]{{1,2}}(?!E\b)\S|\n)
      | (?:Human|HUMAN|User|USER|Assistant|ASSISTANT|System|SYSTEM|Instructions?|Prompt)[ \t*_]{{0,4}}:
    )
  | \n[ \t]{{0,3}}(?=[\#*uahB])(?:
        (?:\#{{1,6}}[ \t]{{0,2}}|\*\*)(?:Instructions?|Response|Input|Prompt)[ \t*_]{{0,4}}(?::|(?=\n|\Z))
      | \#{{1,6}}[ \t]{{0,2}}{ASKED}[ \t]{{1,2}}\#?[0-9]{{1,4}}[ \t]+(?=[A-Z])
      | \#{{1,6}}[ \t]{{0,2}}(?:Human|User|Assistant|System|Question|Problem)[ \t]{{0,3}}(?=\n|\Z)
      | (?:user|assistant|human)[ \t]{{0,3}}(?=\n)
      | Below[ ]is[ ]an[ ]instruction\b
    )
"""
RUNS_ON = re.compile(LINE, re.VERBOSE)
ENDS = re.compile(rf"{TOKEN.replace(' ', '[ ]').replace('#', '[#]')}|{LINE}", re.VERBOSE)
HARD = re.compile(TOKEN)
#: Whose turn it is, said once more at the beginning of a reply.
LEAD = re.compile(
    r"(?:\s+|<s>|<bos>|\[/INST\]|<start_of_turn>|<｜Assistant｜>|</?(?:output|response)>"
    r"|<\|(?:im_start|start_header_id|end_header_id|start|message|begin_of_text|begin_of_solution|assistant|im_sep)\|>"
    r"|(?:#+[ \t]*|\*\*)?(?:Response|Assistant|ASSISTANT)[ \t]*:(?:\*\*)?|(?:assistant|model)(?=\n|<\|))*"
)


def judged_stretch(text: str) -> tuple[int, int]:
    """Start and end of the stretch of a text in which an answer is looked for, without white space around it.

    The stretch begins behind the last reasoning in tags and ends where the text runs on. It is empty where reasoning
    was opened and not closed, or nothing was said. The stretch of a stretch is the whole of it.
    """
    if SIGN.search(text) or "assistant" in text or "user\n" in text or "]" in text or "◁" in text:
        start, end = _tagged(text)
    else:
        start = _behind_lead(text, 0)
        found = RUNS_ON.search(text, start)
        end = found.start() if found else len(text)
    while start < end and text[end - 1].isspace():
        end -= 1
    return start, end


def judged(text: str) -> str:
    """The stretch of a text that is judged."""
    start, end = judged_stretch(text)
    return text[start:end]


def _behind_lead(text: str, at: int) -> int:
    found = LEAD.match(text, at)
    return found.end() if found else at


def _tagged(text: str) -> tuple[int, int]:
    """The last stretch outside of tags that says something, before the text runs on."""
    start = _behind_lead(text, _behind_stray_closing(text))
    said, ends = None, ENDS.search(text, start)
    while True:
        tag = TAG.search(text, start)
        if ends is not None and ends.start() < start:  # inside the reasoning
            ends = ENDS.search(text, start)
        if tag is None or (ends is not None and ends.start() < tag.start()):
            end = ends.start() if ends else len(text)
            break
        kind = tag.lastgroup or ""
        if kind.startswith("c"):  # all before it was reasoning
            said, start = None, _behind_lead(text, tag.end())
            continue
        closing = CLOSING[int(kind[1:])].search(text, tag.end())
        if closing is None:
            return len(text), len(text)
        if text[start : tag.start()].strip():
            said = start, tag.start()
        start = _behind_lead(text, closing.end())
    return (start, end) if said is None or text[start:end].strip() else said


def _behind_stray_closing(text: str) -> int:
    """The end of a closing tag that nothing opens; a question may stand in the reasoning before it."""
    tag = TAG.search(text)
    if tag is None or not (tag.lastgroup or "").startswith("c"):
        return 0
    turn = HARD.search(text, _behind_lead(text, 0))
    return 0 if turn is not None and turn.start() < tag.start() else tag.end()

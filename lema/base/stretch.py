"""The stretch of a model's text that is its answer to what was asked: behind its reasoning, before what runs on.

A reasoning model thinks aloud between tags, and its answer stands behind them; where the tags are not closed, it has
not come to one. A model that is not stopped goes on with a question of its own, another turn of a conversation, or
tokens of a chat. What is judged, trained on and scored is the stretch between.
"""

from __future__ import annotations

import re

NAMES = "think|thinking|thought|thoughts|reasoning|reason|reflection|scratchpad|analysis|inner_monologue|cot"
OPENING = re.compile(
    rf"<(?P<name>{NAMES})(?:\s[^<>]*)?>|\[THINK\]|<\|begin_of_thought\|>|<\|begin_of_reasoning\|>|<\|thinking\|>|◁think▷"
    r"|<\|channel\|>\s*(?:analysis|commentary)\b",
    re.IGNORECASE,
)
CLOSING = re.compile(
    rf"</(?:{NAMES})\s*>|\[/THINK\]|<\|end_of_thought\|>|<\|end_of_reasoning\|>|<\|/thinking\|>|◁/think▷"
    r"|<\|channel\|>\s*final\s*<\|message\|>",
    re.IGNORECASE,
)
CHAT = (
    r"<\|(?:im_start|im_end|eot_id|end|start|user|assistant|system|endoftext|end_of_text|begin_of_text|start_header_id"
    r"|end_header_id|return|eom_id|end_of_turn|message|channel)\|>"
    r"|</?s>|<(?:start_of_turn|end_of_turn|eos|bos|pad)>|\[/?INST\]|<</?SYS>>"
)
#: What may stand before an answer: tokens with which a turn begins.
BEGINNING = re.compile(rf"\s*(?:(?:{CHAT})\s*(?:(?:assistant|model)\b\s*:?)?\s*)+", re.IGNORECASE)
#: What a text runs on with: a question, an instruction, somebody else's turn.
RUN_ON = re.compile(
    r"\n[ \t]*(?:[*_#>]+[ \t]*)?(?:"
    r"(?:Question|Problem|QUESTION|PROBLEM)[ \t]*(?:#?[ \t]*[0-9]{1,4})?[ \t]*[*_]*[ \t]*:"
    r"|(?:Question|Problem|Exercise)[ \t]+#?[0-9]{1,4}[ \t]*[.)](?=[ \t*_]|\n)"
    r"|Q[ \t]*[0-9]{0,4}[ \t]*[*_]*[ \t]*(?::|[.](?=[ \t]+[A-Z]))"
    r"|(?:Human|User|HUMAN|USER|Student|Customer)[ \t]*[*_]*[ \t]*:"
    r")"
    r"|\n[ \t]*#{2,}[ \t]*(?:Instructions?|Input|Question|Problem|User|Human|Task|Exercise)\b[ \t]*[0-9]{0,4}[ \t]*:?"
    rf"|{CHAT}",
)


SPACE = re.compile(r"\s*")


def judged_stretch(text: str) -> tuple[int, int]:
    """Start and end of the stretch of a text that is judged; equal where there is none.

    >>> text = "<think>Maybe 41. So the answer is 41.</think>\\n#### 42\\n\\nQuestion: What is 3 + 3?"
    >>> start, end = judged_stretch(text)
    >>> text[start:end].strip()
    '#### 42'
    """
    marks = Marks(text)
    start = marks.after_reasoning()
    end = marks.end(start)
    again = marks.next(OPENING, start)  # thought over behind its answer
    return start, min(end, again.start()) if again else end


def after_reasoning(text: str) -> int:
    """Where the text behind a model's reasoning begins; its length where reasoning does not end."""
    return Marks(text).after_reasoning()


def judged(text: str) -> str:
    """The stretch itself."""
    start, end = judged_stretch(text)
    return text[start:end]


class Marks:
    """The marks of one text. Each is looked for once: places only ever move on."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.found: dict[re.Pattern[str], re.Match[str] | None] = {}

    def next(self, pattern: re.Pattern[str], at: int) -> re.Match[str] | None:
        """The first match from a place on."""
        known = self.found.get(pattern)
        if pattern not in self.found or (known is not None and known.start() < at):
            known = self.found[pattern] = pattern.search(self.text, at)
        return known

    def after_reasoning(self) -> int:
        """Where the text behind reasoning begins."""
        text, start = self.text, 0
        opening, closing = self.next(OPENING, 0), self.next(CLOSING, 0)
        if closing and not (opening and opening.start() < closing.start()):
            start = closing.end()  # the prompt has opened it
        while opening := self.next(OPENING, start):
            beginning = self.beginning(start)
            if self.end(start) <= opening.start():
                return start  # of what runs on
            closing = self.next(CLOSING, opening.end())
            if closing is None:
                return len(text)
            if not text[closing.end() :].strip() and text[beginning : opening.start()].strip():
                return start  # thought over behind its answer
            start = closing.end()
        while (closing := self.next(CLOSING, start)) and closing.start() < self.end(start):
            start = closing.end()
        return start

    def beginning(self, start: int) -> int:
        """Behind the tokens with which a turn begins, and white space."""
        found = BEGINNING.match(self.text, start)
        return found.end() if found else start

    def end(self, start: int) -> int:
        """Where what runs on begins, behind something that is no white space."""
        at = SPACE.match(self.text, self.beginning(start)).end()  # type: ignore[union-attr]
        found, opening = self.next(RUN_ON, at), self.next(OPENING, start)
        if found and opening and opening.start() <= found.start() < opening.end():
            found = RUN_ON.search(self.text, opening.end())  # a channel's token is part of its tag
        return found.start() if found else len(self.text)

"""Prompts that a server refuses for good, while it answers others: a filter of contents, a prompt that is too long."""

from __future__ import annotations

import re
from typing import Any

from lema.engines.openai.reply_cache import Answer, Choice

REFUSED = "refused"  # as `finish_reason`: the server will not answer this prompt, now or later
FAILED = "error"  # its own word: an answer was begun and failed
EMPTY = "empty"  # nothing was said, and no reason given
FORM = (401, 403, 404, 405, 415)  # of key, model or address: true of every prompt
OF_THE_PROMPT = (400, 413, 422)
CODES = {
    *("content_filter", "content_policy_violation", "responsible_ai_policy_violation", "moderation_blocked", "flagged"),
    *("safety", "invalid_prompt", "context_length_exceeded", "string_above_max_length", "prompt_too_long"),
    "request_too_large",
}
WORDS = re.compile(
    r"content[\s_-]*(?:filter|management|policy|moderation)|filtered\s+due|flagged|safety\s+(?:system|polic|filter)"
    r"|violat\w+\s+(?:our|the)?\s*(?:usage|content)|responsible\s+ai|(?:context|input|prompt|token)[\s\w]{0,40}(?:too\s+long|exceed|length|limit)"
    r"|too\s+many\s+(?:input\s+)?tokens|maximum\s+context|reduce\s+the\s+length",
    re.IGNORECASE,
)


def names_the_prompt(status: int | None, error: Any, said: str) -> bool:
    """Whether an error says that it is the prompt which is refused, and not the form of the request."""
    if status not in OF_THE_PROMPT:
        return False
    return bool({str(getattr(error, name, None)) for name in ("code", "type")} & CODES or WORDS.search(said))


def may_be_of_the_prompt(status: int | None) -> bool:
    """Whether it can be the prompt, where others of the same form were answered."""
    return status in OF_THE_PROMPT


def unanswered(reason: str, *, model: str = "") -> Answer:
    """What stands for an answer that there will not be."""
    return Answer(choices=(Choice(text="", finish_reason=reason),), model=model)


class Refusals:
    """Counts them, and says when they are too many to be a matter of single prompts.

    Args:
        most: the share of prompts that may stay without an answer.
    """

    FREE = 9  # of them are never too many

    def __init__(self, most: float) -> None:
        self.most = most
        self.counted = 0

    def add(self, answered: int) -> bool:
        """Count one more beside so many answers; whether that is too many."""
        self.counted += 1
        return self.counted > max(self.FREE, self.most * (self.counted + answered))

"""Reading a corrector's reply about a question with candidates: what was mistaken, and the answer anew.

No step is named: the explanations of candidates do not follow from one another (paper App. C.3). As for
mathematics, form with one clear meaning is put right, and only what cannot be said in the training
format is rejected.
"""

from __future__ import annotations

import re

from lema.correctors.replies import Draft, closed, inside_braces, said

CUE = re.compile(r"^\s*Mistakes?[ \t]*:", re.IGNORECASE)
ANSWER = re.compile(r"^[ \t]*Correct(?:ed)?[ \t]+answer[ \t]*:?", re.MULTILINE | re.IGNORECASE)


def parse_choice(reply: str, *, cut: bool = False) -> Draft:
    """Read a reply: the text that follows the cue `Mistakes:`, which it may repeat.

    Args:
        cut: the reply ended at the token limit. A complete correction before the limit counts;
            any other is `truncated`, whatever else it lacks.
    """
    draft = _read(reply)
    return draft._replace(reject="truncated") if cut and draft.reject else draft


def _read(reply: str) -> Draft:
    text = CUE.sub("", said(reply)).strip()
    if not text:
        return Draft(reject="empty")
    answer = ANSWER.search(text)
    mistakes = " ".join(text[: answer.start() if answer else len(text)].split())
    if answer is None:
        return Draft(explanation=mistakes, reject="no_solution")
    if not mistakes:
        return Draft(reject="no_explanation")
    inner = inside_braces(text[answer.end() :])
    if inner is None:
        return Draft(explanation=mistakes, reject="unbalanced_braces")
    lines = [line.strip() for line in inner.split("\n") if line.strip()]
    return closed(Draft(explanation=mistakes), lines) if lines else Draft(explanation=mistakes, reject="no_solution")

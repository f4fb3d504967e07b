"""Which choice a phrase gives: alone, with a reason, with what is denied, or in the last line of a text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lema.verifiers.choice_words import LABEL, by_letter, by_words, plain
from lema.verifiers.ladder import SENTENCE_END
from lema.verifiers.typography import EDGES

MOST_LINES = 40  # from the end of a text
LONGEST = 200  # characters of a line that is an answer
#: What follows explains the choice and is not part of it.
CLAUSE = re.compile(r"[\s,;:.-]*\s(?:because|since|as|so|which|where|who|due\s+to)\b.*", re.DOTALL)
LEAD = re.compile(r"^(?:(?:most\s+likely|probably|likely|definitely|clearly|option|choice|answer|letter)\b[\s:]*)+")
#: A letter in front, which the words behind it must not contradict.
LABELLED = re.compile(rf"(?:{LEAD.pattern[1:]})?[(\[]?[a-z]\b")
#: What is not chosen, behind what is.
NOT_THAT = re.compile(r"[\s,;(]+(?:and\s+)?(?:not|rather\s+than|instead\s+of)\s+(?P<other>[^.;]+)$")
#: A letter in brackets that is a sentence, and the sentences behind it.
SENTENCE = re.compile(r"^[(\[](?P<letter>[a-z])[)\]]\s*[.!]\s+(?P<rest>.+)$", re.DOTALL)
#: Sentences that take a choice back, or choose another one.
CONTRARY = re.compile(
    r"^(?:wait|no\b|not\b|actually|or\b|but\b|however|maybe|perhaps|hmm|alternatively|sorry|correction|instead)"
    r"|\balso\b|\b(?:is|are|seems?|would\s+be|as)\s+(?:\w+\s+)?(?:right|correct|better|best|wrong\s+here|true|the\s+(?:answer|choice|one))\b"
    r"|\b(?:right|correct|better|best)\s+(?:answer|choice|option|one)\b|\b(?:both|equally|either|choose|pick|select)\b"
)


def alone(text: str, choices: Sequence[str]) -> int | None:
    """The choice that is a text's last line, letter and words, where no other line is a choice: `(b) melted`."""
    lines = [plain(line[:LONGEST]) for line in text.split("\n") if line.strip()][-MOST_LINES:]
    if not lines or by_words(lines[-1], choices) is not None or len(lines[-1].strip(EDGES)) < 2:
        return None  # words alone, or a letter alone, announce nothing
    found = [number for line in lines if (number := by_letter(line, choices)) is not None]
    return found[0] if len(found) == 1 and by_letter(lines[-1], choices) == found[0] else None


def chosen_by(said: str, choices: Sequence[str]) -> int | None:
    """The number of the one choice that a plain answer gives; None when it gives none, or more."""
    whole = exactly(said, choices)
    if whole is not None:
        return whole  # also `not noticeable`, which denies nothing
    sentence = first_sentence_of(said)
    alone = SENTENCE.match(said)
    if alone is not None and explains(alone["rest"], choices):
        return by_letter(alone["letter"], choices)
    other = NOT_THAT.search(said)
    if other is not None:
        return but_not(said[: other.start()], other["other"], choices)
    for form in (said, LEAD.sub("", said), LEAD.sub("", sentence), CLAUSE.sub("", LEAD.sub("", sentence))):
        chosen = exactly(form, choices)
        if chosen is not None:
            return chosen
    return by_letter(LEAD.sub("", said), choices, inexactly=True) if LABELLED.match(said) else None


def exactly(said: str, choices: Sequence[str]) -> int | None:
    """The choice of these words, or of this letter with or without them."""
    said = said.strip(EDGES + ".,;:!")
    chosen = by_words(said, choices)
    return by_letter(said, choices) if chosen is None else chosen


def explains(rest: str, choices: Sequence[str]) -> bool:
    """Whether sentences behind a letter give reasons: they take nothing back, and are not the words of a choice."""
    words = [sentence.strip(EDGES + ".,;:!") for sentence in rest.split(". ")]
    return len(rest.split()) > 3 and not CONTRARY.search(rest) and all(by_words(one, choices) is None for one in words)


def but_not(said: str, other: str, choices: Sequence[str]) -> int | None:
    """The choice of `b, not a`; None where it denies itself, or what is denied is none."""
    chosen = chosen_by(said.strip(EDGES + ".,;:!"), choices)
    denied = chosen_by(other.strip(EDGES + ".,;:!"), choices)
    return chosen if chosen is not None and denied is not None and choices[chosen] != choices[denied] else None


def first_sentence_of(said: str) -> str:
    """The first sentence; the stop of `b. library` does not end it."""
    label = LABEL.match(said)
    start = label.start("rest") if label else 0
    end = SENTENCE_END.search(said, start)
    asked = end is not None and end[0] == "?" and end.end() < len(said)  # b? no, c
    return said[: end.start()] if end and not asked else said

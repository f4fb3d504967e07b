"""Choices by their words and their letters, in plain form."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

from lema.verifiers.typography import EDGES

ARTICLE = re.compile(r"^(?:an?|the)\s+(?=\S)")
WORDING = re.compile(r"\\(?:text|textbf|mathrm|mathbf|mbox|f?boxed)\s*\{([^{}]*)\}")
LABEL = re.compile(
    r"^(?:[(\[](?P<closed>[a-z])[)\]]|(?P<open>[a-z])(?:$|[.):]|\s+[-–—]\s))\s*[-:.,]?\s*(?P<rest>.*)$", re.DOTALL
)
#: A letter and then its words, without a stop between them: `b, melted`, `b melted`.
LOOSE_LABEL = re.compile(r"^(?P<letter>[a-z])(?P<stop>\s*[,–—-])?(?(stop)\s*|\s+)(?P<rest>\S.*)$", re.DOTALL)
#: With these words a letter is not meant, or not alone.
NOT_SO = re.compile(
    r"\b(?:or|not|no|nor|neither|either|never|wrong|incorrect|false|unlikely|except|but|however|although|though|rather|instead|unless|if|isn't|doesn't|can't|cannot)\b"
)
STEM = re.compile(r"(?:ing|ed|es|s|ly|er|d)$")
LABEL_AFTER = re.compile(r"^(?P<rest>.*\S)\s*\((?:option\s+|choice\s+)?(?P<label>[a-z])\)$", re.DOTALL)
OTHER_LETTER = re.compile(r"(?<![\w'])[b-hj-z](?![\w'])")
WORD_END = re.compile(r"\w")
ANY_LABEL = re.compile(r"\(([a-z])\)|\b(?:option|choice)\s+([a-z])\b")


def plain(text: str) -> str:
    """Words without case, typesetting and the signs around them."""
    while WORDING.search(text):
        text = WORDING.sub(r"\1", text)
    text = text.replace("\\", "").replace("$", "").replace("’", "'")
    return " ".join(text.casefold().split()).strip(EDGES + ".,;:!")


def by_words(said: str, choices: Sequence[str]) -> int | None:
    """The choice with these words, first to the letter, then without articles."""
    if said in choices:
        return choices.index(said)
    bare = [ARTICLE.sub("", choice) for choice in choices]
    same = [number for number, choice in enumerate(bare) if choice == ARTICLE.sub("", said)]
    return same[0] if len({choices[number] for number in same}) == 1 else None


def by_letter(said: str, choices: Sequence[str], inexactly: bool = False) -> int | None:
    """The choice of a letter, alone or beside the words of the same choice, or beside words that are nearly those."""
    match = LABEL.match(said)
    loose = LOOSE_LABEL.match(said)
    if match:
        letter, rest = match["closed"] or match["open"], match["rest"]
    elif loose:
        letter, rest = loose["letter"], loose["rest"]
    else:
        match = LABEL_AFTER.match(said)
        if match is None:
            return None
        letter, rest = match["label"], match["rest"]
    number = ord(letter) - ord("a")
    if number >= len(choices):
        return None
    if not rest:
        return number
    beside = by_words(rest.strip(EDGES + ".,;:!"), choices)
    if beside is not None:
        return number if choices[beside] == choices[number] else None
    bare_article = match is None and loose is not None and letter == "a" and not loose["stop"]  # a bank account
    return number if inexactly and not bare_article and nearly(rest, number, choices) else None


def nearly(rest: str, number: int, choices: Sequence[str]) -> bool:
    """Whether words behind a letter are those of its choice in another form, and of no other choice."""
    said = _stems(rest)
    own = _stems(choices[number])
    letters = {chr(ord("a") + at) for at in range(len(choices)) if at != number} - {"a"}
    extra = {word for word in NOT_SO.findall(rest) if word not in choices[number].split()} | letters & set(rest.split())
    if extra or not own or not said:
        return False
    if any(stems <= said for choice in choices if choice != choices[number] and (stems := _stems(choice))):
        return False
    if any(f"{opposite}{choices[number]}" in rest for opposite in ("un", "non", "non-", "dis", "in", "im")):
        return False
    return own <= said or said <= own or _alike(" ".join(rest.split()), choices[number])


def _stems(words: str) -> set[str]:
    """Words without endings and articles."""
    found = re.findall(r"[^\W_]+", words)
    return {STEM.sub("", word) if len(word) > 4 else word.removesuffix("s") for word in found} - {"a", "an", "the"}


def _alike(one: str, other: str) -> bool:
    """Whether a few letters make one of the other."""
    return len(other) > 4 and SequenceMatcher(None, one, other).ratio() >= 0.8


def mentions(said: str, choices: Sequence[str]) -> set[str]:
    """The choices that occur in an answer as whole words, or by a letter in brackets."""
    letters = [found[1] or found[2] for found in ANY_LABEL.finditer(said)]
    label = LABEL.match(said)
    letters += [label["open"]] if label and label["open"] else []
    loose = LOOSE_LABEL.match(said)
    letters += [loose["letter"]] if loose and (loose["stop"] or loose["letter"] not in "ai") else []
    if letters:
        letters += OTHER_LETTER.findall(said)
    named = {choices[number] for letter in letters if (number := ord(letter) - ord("a")) < len(choices)}
    for choice in sorted(set(choices), key=len, reverse=True):
        while (at := _whole(choice, said)) >= 0:
            named.add(choice)
            said = f"{said[:at]} {said[at + len(choice) :]}"
    return named


def _whole(choice: str, said: str) -> int:
    """Where a choice stands in words and is no part of longer words; -1 for nowhere."""
    at = said.find(choice) if choice else -1
    while at >= 0 and (WORD_END.match(said, at + len(choice)) or WORD_END.match(said[at - 1 : at])):
        at = said.find(choice, at + 1)
    return at

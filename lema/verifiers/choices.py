"""Verdicts on multiple choice: CommonsenseQA, and every task whose questions have `choices`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

from lema.base.errors import ConfigError, InputError
from lema.base.records import Judgement, Question, Verdict
from lema.base.spec import Spec, spec
from lema.verifiers.ladder import REFUSAL, SENTENCE_END, Rung, candidates, first_line
from lema.verifiers.typography import EDGES

ARTICLE = re.compile(r"^(?:an?|the)\s+(?=\S)")
WORDING = re.compile(r"\\(?:text|textbf|mathrm|mathbf|mbox|f?boxed)\s*\{([^{}]*)\}")
#: What follows explains the choice and is not part of it.
CLAUSE = re.compile(r"[\s,;:.-]*\s(?:because|since|as|so|which|where|who|due\s+to)\b.*", re.DOTALL)
LEAD = re.compile(r"^(?:(?:most\s+likely|probably|likely|definitely|clearly|option|choice|answer|letter)\b[\s:]*)+")
CAPITAL_A = re.compile(r"[\s*_\"'“(]*A\s+(?=\w)")
LABEL = re.compile(
    r"^(?:[(\[](?P<closed>[a-z])[)\]]|(?P<open>[a-z])(?:$|[.):]|\s+[-–—]\s))\s*[-:.,]?\s*(?P<rest>.*)$", re.DOTALL
)
#: A letter and then its words, without a stop between them: `b, melted`, `b melted`.
LOOSE_LABEL = re.compile(r"^(?P<letter>[a-z])(?P<stop>\s*[,–—-])?(?(stop)\s*|\s+)(?P<rest>\S.*)$", re.DOTALL)
#: A letter in front, which the words behind it must not contradict.
LABELLED = re.compile(rf"(?:{LEAD.pattern[1:]})?[(\[]?[a-z]\b")
#: A further sentence about the answer.
AGAIN = re.compile(r"(?<=[.!?])\s+(?=[^.!?\n]*\b(?:the|this|that|my|our|your)\s+(?:\w+\s+)?answer\b)", re.IGNORECASE)
#: Words about the answer instead of an answer.
ABOUT = re.compile(
    r"(?:(?:also|clearly|indeed|thus|therefore|very|quite|definitely|then)\s+)*(?:correct|right|verified|confirmed|final"
    r"|obvious|clear|evident|reasonable|consistent|logical|sensible|supported|based|as\s+follows|(?:given\s+)?(?:above|below)"
    r"|explained|shown|that\s+way|the\s+(?:best|most\s+likely)\s+(?:one|option|choice|fit|answer))\b"
)
#: With these words a letter is not meant, or not alone.
NOT_SO = re.compile(
    r"\b(?:or|not|no|nor|neither|either|never|wrong|incorrect|false|unlikely|except|but|however|although|though|rather|instead|unless|if|isn't|doesn't|can't|cannot)\b"
)
STEM = re.compile(r"(?:ing|ed|es|s|ly|er|d)$")
LABEL_AFTER = re.compile(r"^(?P<rest>.*\S)\s*\((?:option\s+|choice\s+)?(?P<label>[a-z])\)$", re.DOTALL)
OTHER_LETTER = re.compile(r"(?<![\w'])[b-hj-z](?![\w'])")
WORD_END = re.compile(r"\w")
ANY_LABEL = re.compile(r"\(([a-z])\)|\b(?:option|choice)\s+([a-z])\b")


@spec
class Choices(Spec):
    """Right iff the text's final answer is the reference choice, by its words or by its letter.

    `question.choices` are the texts of the choices, lettered A, B, C, ... in their order, and
    `question.answer` is the text of the right one; another choice with the same text is right too.
    An answer must be a choice, apart from case, spaces and a leading article; there is no nearest
    choice. Two choices ("bank or library", "(A) library" where A is another) are wrong, words that
    hold the right choice among others are undecided, and a refusal is no answer.
    """

    kind = "choices"
    rungs: tuple[Rung, ...] = ("answer_is", "hashes", "answer_line", "boxed")

    def check(self) -> None:
        if not self.rungs or len(set(self.rungs)) < len(self.rungs) or "last_number" in self.rungs:
            raise ConfigError(
                "verifier.rungs: give at least one of answer_is, hashes, answer_line, boxed, each once, "
                f"not {', '.join(self.rungs) or '[]'}"
            )

    def judge(self, text: str, question: Question) -> Judgement:
        """Judge a text against the reference choice.

        Raises:
            InputError: the question has no choices, or its reference answer is none of them.
        """
        choices = [plain(choice) for choice in question.choices]
        gold = reference(question, choices)

        def names_one(line: str) -> bool:
            return chosen_by(plain(line), choices) is not None

        for rung, found in candidates(text, self.rungs, first_line, names_one):
            said = plain(AGAIN.split(found, maxsplit=1)[0] if "answer" in found else found)
            chosen = chosen_by(said, choices)
            if chosen is not None and CAPITAL_A.match(found) and choices[chosen] not in (said, choices[0]):
                return Judgement(verdict=Verdict.UNDECIDED, answer=found.strip(), rung=rung)  # a letter, or an article
            if chosen is not None:
                verdict = Verdict.RIGHT if choices[chosen] == gold else Verdict.WRONG
                return Judgement(verdict=verdict, answer=question.choices[choices.index(choices[chosen])], rung=rung)
            named = mentions(said, choices)
            if not named and REFUSAL.match(said):
                break
            if named or not (said == "" or ABOUT.match(said)):
                verdict = Verdict.UNDECIDED if named == {gold} else Verdict.WRONG
                return Judgement(verdict=verdict, answer=found.strip(), rung=rung)
        return Judgement(verdict=Verdict.NO_ANSWER)

    def equal(self, answer: str, other: str) -> bool:
        """Whether two answers are the same words."""
        return bool(answer.strip()) and (plain(answer) or answer.strip()) == (plain(other) or other.strip())


def reference(question: Question, choices: Sequence[str]) -> str:
    """The reference choice in its plain form."""
    gold = plain(question.answer)
    if not gold or gold not in choices:
        raise InputError(
            f"{question.task}, question {question.id}: reference answer {question.answer!r} is none of its choices "
            f"({', '.join(map(repr, question.choices)) or 'it has none'})"
        )
    return gold


def plain(text: str) -> str:
    """Words without case, typesetting and the signs around them."""
    while WORDING.search(text):
        text = WORDING.sub(r"\1", text)
    text = text.replace("\\", "").replace("$", "").replace("’", "'")
    return " ".join(text.casefold().split()).strip(EDGES + ".,;:!")


def chosen_by(said: str, choices: Sequence[str]) -> int | None:
    """The number of the one choice that a plain answer gives; None when it gives none, or more."""
    sentence = first_sentence_of(said)
    for form in (said, LEAD.sub("", said), LEAD.sub("", sentence), CLAUSE.sub("", LEAD.sub("", sentence))):
        form = form.strip(EDGES + ".,;:!")
        chosen = by_words(form, choices)
        if chosen is None:
            chosen = by_letter(form, choices)
        if chosen is not None:
            return chosen
    return by_letter(LEAD.sub("", said), choices, inexactly=True) if LABELLED.match(said) else None


def first_sentence_of(said: str) -> str:
    """The first sentence; the stop of `b. library` does not end it."""
    label = LABEL.match(said)
    start = label.start("rest") if label else 0
    end = SENTENCE_END.search(said, start)
    asked = end is not None and end[0] == "?" and end.end() < len(said)  # b? no, c
    return said[: end.start()] if end and not asked else said


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

"""Verdicts on multiple choice: CommonsenseQA, and every task whose questions have `choices`."""

from __future__ import annotations

import re
from collections.abc import Sequence

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
LABEL = re.compile(
    r"^(?:[(\[](?P<closed>[a-z])[)\]]|(?P<open>[a-z])(?:$|[.):,]|\s*[-–—]\s*(?=\W|\w{2})|(?=\s+[\"'“(])))"
    r"\s*[-–—:.,]*\s*(?P<rest>.*)$",
    re.DOTALL,
)
LABEL_AFTER = re.compile(r"^(?P<rest>.*\S)\s*\((?:option\s+|choice\s+)?(?P<label>[a-z])\)$", re.DOTALL)
#: A letter and the words of its choice with nothing between; "a dog" may be an article.
BARE_LABEL = re.compile(r"^(?P<open>[a-z])\s+(?P<rest>\S.*)$", re.DOTALL)
CAPITAL_A = re.compile(r"[\s*_\"'“(]*A\s+(?=\w)")
#: Behind a letter: it is not chosen, or not alone.
DENIED = re.compile(
    r"\b(?:not|no|never|wrong|incorrect|false|cannot|except|or|and|neither|nor|unlikely|rather)\b|n't\b"
)
#: Behind a letter: a sentence about it.
EXPLAINS = re.compile(r"(?:this|that|it|the\s+answer|because|since|as|so|which)\b")
#: Several letters and nothing else: a, b; a or c.
LETTERS = re.compile(r"[a-z](?:\W*(?:,|/|&|\bor\b|\band\b)\W*[a-z]\b)+")
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
        for rung, found in candidates(text, self.rungs, first_line):
            said = plain(found)
            chosen = chosen_by(said, choices)
            if chosen is not None and CAPITAL_A.match(found) and choices[chosen] not in (said, choices[0]):
                return Judgement(verdict=Verdict.UNDECIDED, answer=found.strip(), rung=rung)  # a letter, or an article
            if chosen is not None:
                verdict = Verdict.RIGHT if choices[chosen] == gold else Verdict.WRONG
                return Judgement(verdict=verdict, answer=question.choices[choices.index(choices[chosen])], rung=rung)
            named = mentions(said, choices)
            if named or not (said == "" or REFUSAL.match(said)):
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
    return None


def first_sentence_of(said: str) -> str:
    """The first sentence; the stop of `b. library` does not end it."""
    label = LABEL.match(said)
    start = label.start("rest") if label else 0
    end = SENTENCE_END.search(said, start)
    return said[: end.start()] if end else said


def by_words(said: str, choices: Sequence[str]) -> int | None:
    """The choice with these words, first to the letter, then without articles."""
    if said in choices:
        return choices.index(said)
    bare = [ARTICLE.sub("", choice) for choice in choices]
    same = [number for number, choice in enumerate(bare) if choice == ARTICLE.sub("", said)]
    return same[0] if len({choices[number] for number in same}) == 1 else None


def by_letter(said: str, choices: Sequence[str]) -> int | None:
    """The choice of a letter, alone or beside the words of the same choice."""
    match = LABEL.match(said)
    if match:
        letter, rest = match["closed"] or match["open"], match["rest"]
    elif match := LABEL_AFTER.match(said):
        letter, rest = match["label"], match["rest"]
    elif match := BARE_LABEL.match(said):
        letter, rest = match["open"], match["rest"]
    else:
        return None
    number = ord(letter) - ord("a")
    if number >= len(choices):
        return None
    if not rest:
        return number
    beside = by_words(rest.strip(EDGES + "()"), choices)
    if beside is not None:
        return number if choices[beside] == choices[number] else None
    # words slightly other than those of the choice do not beat the letter; those of another choice do
    others = mentions(rest, choices) - {choices[number]}
    if match.re is BARE_LABEL or DENIED.search(rest) or others:
        return None
    return number if EXPLAINS.match(rest) or shares_words(rest, choices[number]) else None


def shares_words(said: str, choice: str) -> bool:
    """Whether most words of a choice are in what is said beside its letter, whatever their endings."""
    around = re.findall(r"\w+", said)
    words = re.findall(r"\w+", ARTICLE.sub("", choice))
    alike = [any(word.startswith(other[:4]) or other.startswith(word[:4]) for other in around) for word in words]
    return 2 * sum(alike) >= len(words) > 0


def mentions(said: str, choices: Sequence[str]) -> set[str]:
    """The choices that occur in an answer as whole words, or by a letter in brackets."""
    letters = [found[1] or found[2] for found in ANY_LABEL.finditer(said)]
    label = LABEL.match(said)
    letters += [label["open"]] if label and label["open"] else []
    letters += re.findall(r"\b[a-z]\b", said) if LETTERS.fullmatch(said) else []
    named = {choices[number] for letter in letters if (number := ord(letter) - ord("a")) < len(choices)}
    for choice in sorted(set(choices), key=len, reverse=True):
        whole = re.compile(rf"(?<!\w){re.escape(choice)}(?!\w)")
        if whole.search(said):
            named.add(choice)
            said = whole.sub(" ", said)
    return named

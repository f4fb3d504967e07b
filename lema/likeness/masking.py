"""A question's words as leak checks compare them: normalised, with numbers masked, with names masked too.

    Natalia's 48 friends paid $1,200.   exact     natalia 48 friends paid 1200
                                        numbers   natalia 0 friends paid 0
                                        names     @ 0 friends paid 0

Case, white space, punctuation, brackets, currency signs and the typography of Unicode and LaTeX never
count; operators and decimal points do.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

NUMBER, NAME = "0", "@"
MASKS = (NUMBER, NAME)

SIGNS = str.maketrans(
    {
        **{vulgar: f" {unicodedata.normalize('NFKC', vulgar)}" for vulgar in "½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞"},
        **{sup: f"^{unicodedata.normalize('NFKC', sup)}" for sup in "⁰¹²³⁴⁵⁶⁷⁸⁹"},
        **dict.fromkeys("−–—‐‑‒", "-"),
        **dict.fromkeys("’‘ʼ`´", "'"),
        **dict.fromkeys("×∗·⋅", "*"),
        "÷": "/",
    }
)
#: What decomposition leaves over: accents, the fraction slash, signs without width.
LEFT_OVER = re.compile(r"[\u0300-\u036f\u00ad\u200b-\u200f\u2060\ufeff]")
DRAWING = re.compile(r"\[asy\].*?\[/asy\]", re.DOTALL)  # MATH's pictures are programs, and these resemble one another
POSSESSIVE = re.compile(r"'s?(?![a-z])|'", re.IGNORECASE)
LATEX = (
    (re.compile(r"\\!|\{,\}"), ""),  # thin and grouped thousands: 1,\!000 and 1{,}000
    (re.compile(r"\\[dtc]?frac(?:\s*\{\s*([0-9]+)\s*\}\s*\{\s*([0-9]+)\s*\}|\s*([0-9])\s*([0-9]))"), r" \1\3/\2\4 "),
    (re.compile(r"\\(?:(?:left|right|displaystyle|text[a-z]*|math[a-z]+|mbox|quad)(?![a-z])|[dtc](?=frac)|)"), " "),
)
TOKEN = re.compile(
    r"""
    (?:(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|\.\d+)(?:/\d+)?(?:(?:st|nd|rd|th)\b)?
    | [^\W\d_]+
    | [+*/^=<>]
    | -(?=\s*[\d.(])
    """,
    re.VERBOSE | re.IGNORECASE,
)

NUMBERS = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million billion dozen
hundreds thousands millions dozens half halves third thirds quarter quarters fourth fourths fifth fifths sixth
sixths seventh sevenths eighth eighths ninth ninths tenth tenths first second once twice thrice double triple
doubled tripled quadruple
"""
#: Words that begin sentences and are nobody's name. Any other word with a capital is masked as a name:
#: what is no name (`Calculate`) is masked alike on both sides, and a name of any language is found.
FUNCTION_WORDS = """
a about after all also although among an and another any are as at because before being both but by can could
did do does during each either every everyone everything few for from given had has have having he her here him
his how however i if in instead is it its let many more most much my of on only or other our out over per she
should since so some such than that the their them then there these they this those though through to together
under until up was we were what when where whether which while who whose why with without would you your
"""
SPELLED_OUT, NOBODY = frozenset(NUMBERS.split()), frozenset(FUNCTION_WORDS.split())
#: A woman who becomes a man changes her pronouns too.
PRONOUNS = {"she": "he", "her": "his", "him": "his", "hers": "his", "herself": "himself"}


class Forms(NamedTuple):
    """A text as three strings of words; equal strings are equal questions to the rule of that name."""

    exact: str
    numbers: str
    names: str


def forms(text: str) -> Forms:
    """The three forms of a text."""
    words = [word_forms(token) for token in tokens(text)]
    exact = " ".join([word.exact for word in words]) or text.strip()
    if "[asy]" in text:
        words = [word_forms(token) for token in tokens(DRAWING.sub(" ", text))]
    return Forms(exact, _merged([word.numbers for word in words]), _merged([word.names for word in words]))


def is_word(masked: str) -> bool:
    """Whether one word of a masked form says something: no mask, no operator, no variable."""
    return len(masked) > 1


def has_words(form: str, least: int) -> bool:
    """Whether a masked form has so many words that say something.

    Without them it is a drill's bare formula (`Compute 0 + 0`), equal to any other of its shape.
    """
    return sum(map(is_word, form.split())) >= least


def tokens(text: str) -> list[str]:
    """Numbers, words and operators of a text, in its own case unless it is all capitals."""
    if text.isupper():
        text = text.lower()
    if not text.isascii():
        text = LEFT_OVER.sub("", unicodedata.normalize("NFKD", text.translate(SIGNS)).replace("⁄", "/"))
    if "\\" in text:
        for pattern, plain in LATEX:
            text = pattern.sub(plain, text)
    if "'" in text:
        text = POSSESSIVE.sub("", text)
    return TOKEN.findall(text)


@lru_cache(maxsize=1 << 16)
def word_forms(token: str) -> Forms:
    """The three forms of one token."""
    word = token.casefold()
    if word[-1].isdigit() or word[0].isdigit():
        return Forms(word.replace(",", ""), NUMBER, NUMBER)
    if word in SPELLED_OUT:
        return Forms(word, NUMBER, NUMBER)
    if token[0].isupper() and word not in NOBODY:
        return Forms(word, word, NAME)
    return Forms(word, word, PRONOUNS.get(word, word))


def _merged(words: list[str]) -> str:
    """The words, each run of numbers or of names as one: `twenty five`, `Mr. Smith`."""
    pairs = zip(words, ["", *words], strict=False)
    return " ".join([word for word, before in pairs if word != before or word not in MASKS])

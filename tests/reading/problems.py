"""A second reader of generated problems, which shares no code with the generator: it solves them from their text."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction

Quantity = tuple[str, str]
Known = dict[Quantity, Fraction]
WORDS = {"twice": 2, "half": Fraction(1, 2), "one third": Fraction(1, 3)}
WORDS |= {"one quarter": Fraction(1, 4), "one fifth": Fraction(1, 5)}
WORDS |= {f"{k} times": k for k in range(2, 6)}
W = r"(\w+)"  # a person or a thing
P = r"(\w+)'s (\w+)"  # a quantity
F = r"(twice|half|one third|one quarter|one fifth|\d times)"
N = r"(\d+)"


def than(owner: str, thing: str, words: str) -> Quantity:
    """What stands after "than" or "as", in full."""
    if " has " in words:
        who, what = words.split(" has ")
        return who, what
    return (words, thing) if words[0].isupper() else (owner, words)


class Definition:
    """The quantity that a sentence is about, those that it is made of, and how."""

    def __init__(self, of: Quantity, needs: list[Quantity], how: Callable[..., Fraction]) -> None:
        self.of, self.needs, self.how = of, needs, how


def number(text: str) -> Fraction:
    return Fraction(WORDS.get(text) or int(text))


# Each pattern with what to make of its groups. All must match a whole sentence.
def readers() -> list[tuple[str, Callable[..., Definition]]]:
    def given(a: str, x: str, n: str) -> Definition:
        return Definition((a, x), [], lambda: Fraction(n))

    def scaled(a: str, x: str, q: Quantity, factor: Fraction | int, plus: int = 0) -> Definition:
        return Definition((a, x), [q], lambda v: v * factor + plus)

    def two(a: str, x: str, q: Quantity, r: Quantity, sign: str) -> Definition:
        how = {"+": lambda v, w: v + w, "-": lambda v, w: v - w, "*": lambda v, w: v * w}[sign]
        return Definition((a, x), [q, r], how)

    def compared(a: str, n: str, more: str, x: str, t: str) -> Definition:
        return scaled(a, x, than(a, x, t), 1, int(n) if more == "more" else -int(n))

    def shifted(a: str, x: str, n: str, more: str, b: str, y: str) -> Definition:
        return scaled(a, x, (b, y), 1, int(n) if more == "more" else -int(n))

    def rate(owner: str, thing: str, words: str) -> Quantity:
        return than(owner, thing, words.removesuffix(" has"))

    return [
        (rf"{W} (?:has|owns|counts) {N} {W}", lambda a, n, x: given(a, x, n)),
        (rf"The (?:number|total) of {P} is {N}", given),
        (rf"{W} (?:has|owns) {N} (more|fewer) {W} than (.+)", compared),
        (rf"(?:The number of )?{P} (?:are|is) {N} (more|fewer) than {P}", shifted),
        (
            rf"With {N} (more|fewer) {W}, {W} would have as many as {P}",
            lambda n, m, x, a, b, y: shifted(a, x, n, "fewer" if m == "more" else "more", b, y),
        ),
        (
            rf"{W} has as many {W} as (.+), and {N} more",
            lambda a, x, t, n: scaled(a, x, than(a, x, t), 1, int(n)),
        ),
        (rf"The number of {P} is {P} minus {N}", lambda a, x, b, y, n: scaled(a, x, (b, y), 1, -int(n))),
        (rf"{W} (?:has|owns) {F} as many {W} as (.+)", lambda a, f, x, t: scaled(a, x, than(a, x, t), number(f))),
        (
            rf"(?:The number of )?{P} (?:are|is) {F}(?: as many as| of)? {P}",
            lambda a, x, f, b, y: scaled(a, x, (b, y), number(f)),
        ),
        (rf"For each of {P}, {W} has {N} {W}", lambda b, y, a, n, x: scaled(a, x, (b, y), int(n))),
        (
            rf"If {P} were put into {N} equal groups, each group would be as many as {P}",
            lambda b, y, n, a, x: scaled(a, x, (b, y), Fraction(1, int(n))),
        ),
        (
            rf"{W} has as many {W} as {W} and {W} together",
            lambda a, x, b, d: two(a, x, (b, x), (d, x), "+"),
        ),
        (
            rf"{W} has as many {W} as {P} and {P} together",
            lambda a, x, b, y, d, z: two(a, x, (b, y), (d, z), "+"),
        ),
        (rf"{P} are as many as {P} and {P} together", lambda a, x, b, y, d, z: two(a, x, (b, y), (d, z), "+")),
        (rf"The number of {P} is the total of {P} and {P}", lambda a, x, b, y, d, z: two(a, x, (b, y), (d, z), "+")),
        (rf"The total of {P} and {P} is the number of {P}", lambda b, y, d, z, a, x: two(a, x, (b, y), (d, z), "+")),
        (rf"Together, {P} and {P} are as many as {P}", lambda b, y, d, z, a, x: two(a, x, (b, y), (d, z), "+")),
        (
            rf"{W} has as many {W} as the difference between {P} and {P}",
            lambda a, x, b, y, d, z: two(a, x, (b, y), (d, z), "-"),
        ),
        (rf"The number of {P} is {P} minus {P}", lambda a, x, b, y, d, z: two(a, x, (b, y), (d, z), "-")),
        (rf"{P} are as many as {P} minus {P}", lambda a, x, b, y, d, z: two(a, x, (b, y), (d, z), "-")),
        (
            rf"The difference between {P} and {P} is the number of {P}",
            lambda b, y, d, z, a, x: two(a, x, (b, y), (d, z), "-"),
        ),
        (
            rf"If {P} were taken from {P}, as many as {P} would be left",
            lambda d, z, b, y, a, x: two(a, x, (b, y), (d, z), "-"),
        ),
        (
            rf"{W} keeps all (?:her|his) {W} in (?:her|his) {W}, with {N} \2 in each \w+",
            lambda a, x, c, n: scaled(a, x, (a, c), int(n)),
        ),
        (rf"Each of {P} holds {N} {W}, and \1 has no other \4", lambda a, c, n, x: scaled(a, x, (a, c), int(n))),
        (
            rf"All of {P} are in (?:her|his) {W}, and each \w+ holds {N} \2",
            lambda a, x, c, n: scaled(a, x, (a, c), int(n)),
        ),
        (
            rf"{W} has all (?:her|his) {W} in (?:her|his) {W}, and each holds {N}",
            lambda a, x, c, n: scaled(a, x, (a, c), int(n)),
        ),
        (
            rf"With {N} {W} in each \w+, all of {W}'s \2 are in (?:her|his) {W}",
            lambda n, x, a, c: scaled(a, x, (a, c), int(n)),
        ),
        (
            rf"(?:{W} keeps all (?:her|his)|All of (\w+)'s) {W} (?:are )?in (?:her|his) {W}, "
            r"and each \w+ holds as many \3 as (.+)",
            lambda a, b, x, c, t: two(a or b, x, (a or b, c), rate(a or b, x, t), "*"),
        ),
        (
            rf"Each of {P} holds as many {W} as (.+), and \1 has no other \3",
            lambda a, c, x, t: two(a, x, (a, c), rate(a, x, t), "*"),
        ),
    ]


ASKED: Quantity = ("", "asked")


def asked(question: str) -> Definition:
    """What the last sentence asks for, as a definition of its own."""
    forms: list[tuple[str, Callable[..., tuple[list[Quantity], str]]]] = [
        (rf"How many {W} does {W} have", lambda x, a: ([(a, x)], "")),
        (rf"What is the number of {P}", lambda a, x: ([(a, x)], "")),
        (rf"How many are {P}", lambda a, x: ([(a, x)], "")),
        (rf"What is the total of {P} and {P}", lambda a, x, b, y: ([(a, x), (b, y)], "+")),
        (rf"How many are {P} and {P} together", lambda a, x, b, y: ([(a, x), (b, y)], "+")),
        (rf"How many {W} do {W} and {W} have together", lambda x, a, b: ([(a, x), (b, x)], "+")),
        (rf"How many {W} and {W} does {W} have together", lambda x, y, a: ([(a, x), (a, y)], "+")),
        (rf"What is the difference between {P} and {P}", lambda a, x, b, y: ([(a, x), (b, y)], "-")),
        (rf"How many more are {P} than {P}", lambda a, x, b, y: ([(a, x), (b, y)], "-")),
        (rf"How many more {W} does {W} have than {W}", lambda x, a, b: ([(a, x), (b, x)], "-")),
        (rf"How many more {W} than {W} does {W} have", lambda x, y, a: ([(a, x), (a, y)], "-")),
    ]
    for pattern, make in forms:
        match = re.fullmatch(pattern, question)
        if match:
            needs, sign = make(*match.groups())
            how = {"": lambda v: v, "+": lambda v, w: v + w, "-": lambda v, w: v - w}[sign]
            return Definition(ASKED, needs, how)
    raise AssertionError(f"not understood: {question}")


READERS = [(re.compile(pattern), make) for pattern, make in readers()]


def read_sentence(text: str) -> Definition:
    made = [make(*match.groups()) for pattern, make in READERS if (match := pattern.fullmatch(text))]
    assert made, f"not understood: {text}"
    assert len({(d.of, *d.needs) for d in made}) == 1, f"two meanings: {text}"
    return made[0]


def solve(text: str) -> Fraction:
    """The answer of a problem, from nothing but its text."""
    *sentences, question = re.split(r"(?<=[.?]) ", text)
    definitions = [read_sentence(sentence.removesuffix(".")) for sentence in sentences]
    definitions.append(asked(question.removesuffix("?")))
    assert len({d.of for d in definitions}) == len(definitions), f"a quantity is defined twice: {text}"
    known: Known = {}
    while ASKED not in known:
        ready = [d for d in definitions if d.of not in known and known.keys() >= set(d.needs)]
        assert ready, f"cannot be solved: {text}"
        known |= {d.of: d.how(*(known[q] for q in d.needs)) for d in ready}
    return known[ASKED]

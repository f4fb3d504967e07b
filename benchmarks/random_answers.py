"""Verdicts on random answers whose values are known: none unequal is right, none equal in another spelling is wrong.

python benchmarks/random_answers.py                100,000 pairs of unequal values, and as many of equal ones
python benchmarks/random_answers.py --pairs 5000   fewer

Values are integers, fractions, decimals, expressions, tuples and intervals; unequal ones are near each other: a
digit, a sign, a factor of ten, an exponent, a bracket, an item. Prints each pair that is judged falsely and exits
with 1.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import NamedTuple

from lema.base.records import Question, Verdict
from lema.verifiers.latex.verdict import Latex
from lema.verifiers.numbers import Numbers

PAIRS = 100_000


class Value(NamedTuple):
    """A value: what it is, how it may be written, and what is near it and not equal."""

    kind: str
    parts: tuple[object, ...]


class Pair(NamedTuple):
    """A reference, and an answer to it."""

    kind: str
    gold: str
    said: str
    equal: bool


def grouped(digits: str, by: str) -> str:
    """An integer with its digits in groups of three."""
    return f"{int(digits):,}".replace(",", by)


def integer(draw: random.Random) -> Value:
    size = draw.choice((10, 100, 10_000, 10_000_000))
    return Value("integer", (draw.randrange(-size, size),))


def fraction(draw: random.Random) -> Value:
    while True:
        held = Fraction(draw.randrange(-60, 60), draw.randrange(2, 40))
        if held.denominator > 1:
            return Value("fraction", (held,))


def decimal(draw: random.Random) -> Value:
    places = draw.randrange(1, 5)
    digits = draw.randrange(1, 10 ** (places + 2))
    return Value("decimal", (digits if digits % 10 else digits + 1, places, draw.choice((1, -1))))


def expression(draw: random.Random) -> Value:
    kind = draw.choice(("surd", "pi", "power", "factorial", "product"))
    if kind == "surd":
        return Value(kind, (draw.randrange(-9, 9), draw.choice((1, 2, 3, -2)), draw.choice((2, 3, 5, 7, 11))))
    if kind == "pi":
        return Value(kind, (draw.randrange(1, 30), draw.choice((1, 2, 3, 5))))
    if kind == "power":
        return Value(kind, (draw.choice(("e", "2", "3", "10")), draw.choice((-70, -50, -20, -3, 7, 30, 45))))
    if kind == "factorial":
        return Value(kind, (draw.choice((5, 12, 60, 450, 2004)),))
    return Value(kind, (draw.randrange(2, 30), draw.randrange(2, 30)))


def tuple_(draw: random.Random) -> Value:
    return Value("tuple", tuple(scalar(draw) for _ in range(draw.choice((2, 2, 3)))))


def interval(draw: random.Random) -> Value:
    low = draw.randrange(-20, 20)
    return Value("interval", (draw.choice("(["), low, low + draw.randrange(1, 20), draw.choice(")]")))


def scalar(draw: random.Random) -> Value:
    return draw.choice((integer, integer, fraction, decimal))(draw)


KINDS: tuple[Callable[[random.Random], Value], ...] = (integer, fraction, decimal, expression, tuple_, interval)


def plain(value: Value) -> str:
    """The usual way to write it."""
    p = value.parts
    match value.kind:
        case "integer":
            return str(p[0])
        case "fraction":
            held = p[0]
            assert isinstance(held, Fraction)
            return f"{'-' if held < 0 else ''}\\frac{{{abs(held.numerator)}}}{{{held.denominator}}}"
        case "decimal":
            digits, places, sign = map(int, map(str, p))
            return f"{'-' if sign < 0 else ''}{digits / 10**places:.{places}f}"
        case "surd":
            return f"{p[0]} {'+' if int(str(p[1])) > 0 else '-'} {abs(int(str(p[1])))}\\sqrt{{{p[2]}}}"
        case "pi":
            return f"\\frac{{{p[0]}\\pi}}{{{p[1]}}}"
        case "power":
            return f"{p[0]}^{{{p[1]}}}"
        case "factorial":
            return f"{p[0]}!"
        case "product":
            return str(int(str(p[0])) * int(str(p[1])))
        case "interval":
            return f"{p[0]}{p[1]}, {p[2]}{p[3]}"
    return "(" + ", ".join(plain(item) for item in p if isinstance(item, Value)) + ")"


def spelled(draw: random.Random, value: Value) -> str:
    """Another way to write it."""
    p = value.parts
    match value.kind:
        case "integer":
            number = int(str(p[0]))
            sign, digits = "-" * (number < 0), str(abs(number))
            ways = [f"{sign}{grouped(digits, by)}" for by in (",", "{,}", "\\,", ",\\!", " ")]
            return draw.choice(
                [*ways, f"{sign}{digits}.0", f"{{{number}}}", f"\\text{{{number}}}", f"\\left({number}\\right)"]
            )
        case "fraction":
            held = p[0]
            assert isinstance(held, Fraction)
            sign, over, under = "-" * (held < 0), abs(held.numerator), held.denominator
            times = draw.choice((1, 2, 3, 7))
            ways = [f"{sign}\\dfrac{{{times * over}}}{{{times * under}}}", f"{sign}{over}/{under}",
                    f"\\frac{{{sign}{over}}}{{{under}}}", f"{sign}\\\\frac{{{over}}}{{{under}}}"]  # fmt: skip
            return draw.choice(ways)
        case "decimal":
            digits, places, sign = map(int, map(str, p))
            text = plain(value)
            held = Fraction(digits * sign, 10**places)
            return draw.choice(
                [f"{text}0", f"{text}00", f"{{{text}}}", f"\\frac{{{held.numerator}}}{{{held.denominator}}}"]
            )
        case "surd":
            a, b, c = (int(str(part)) for part in p)
            turned = f"{b}\\sqrt{{{c}}} {'+' if a >= 0 else '-'} {abs(a)}"
            return draw.choice([turned, f"{a} {'+' if b > 0 else '-'} \\sqrt{{{b * b * c}}}"])
        case "pi":
            return draw.choice([f"\\frac{{{p[0]}}}{{{p[1]}}}\\pi", f"{p[0]}\\pi/{p[1]}", f"{p[0]}π/{p[1]}"])
        case "power":
            return f"\\frac{{1}}{{{p[0]}^{{{-int(str(p[1]))}}}}}"
        case "factorial":
            n = int(str(p[0]))
            return draw.choice([f"{n} \\cdot {n - 1}!", f"\\frac{{{n + 1}!}}{{{n + 1}}}"])
        case "product":
            return draw.choice(
                [f"({p[0]})({p[1]})", f"{p[0]} \\cdot {p[1]}", f"{p[0]}({p[1]})", f"{p[0]} \\times {p[1]}"]
            )
        case "interval":
            return draw.choice([f"\\left{p[0]}{p[1]}, {p[2]}\\right{p[3]}", f"{p[0]}{p[1]}.0,{p[2]}{p[3]}"])
    items = [spelled(draw, item) if item.kind != "integer" else plain(item) for item in p if isinstance(item, Value)]
    inside = "，" if draw.random() < 0.2 else ", "
    return "(" + inside.join(item.replace("\\\\", "\\") for item in items) + ")"


def near(draw: random.Random, value: Value) -> Value:
    """A value that is not equal to it, and looks like it."""
    p = value.parts
    match value.kind:
        case "integer":
            number = int(str(p[0]))
            other = draw.choice([number + 1, number - 1, -number or 3, 10 * number or 7, number + 1000, number * 7])
            return Value("integer", (other if other != number else number + 2,))
        case "fraction":
            held = p[0]
            assert isinstance(held, Fraction)
            other_ = draw.choice(
                [held + 1, -held, 1 / held if held else held + 1, held + Fraction(1, held.denominator)]
            )
            other_ = other_ if other_ != held else held + 2
            return Value("fraction", (other_,)) if other_.denominator > 1 else Value("integer", (int(other_),))
        case "decimal":
            digits, places, sign = map(int, map(str, p))
            return draw.choice([Value("decimal", (digits + 2, places, sign)), Value("decimal", (digits, places, -sign)),
                                Value("decimal", (digits, places + 1, sign))])  # fmt: skip
        case "surd":
            a, b, c = (int(str(part)) for part in p)
            return draw.choice([Value("surd", (a + 1, b, c)), Value("surd", (a, -b, c)), Value("surd", (a, b, c + 2))])
        case "pi":
            return Value("pi", (int(str(p[0])) + int(str(p[1])), p[1]))
        case "power":
            power = int(str(p[1]))
            others = [Value("power", (p[0], other)) for other in (power + 1, -power, power - 10)]
            return draw.choice([*others, Value("integer", (0,))])
        case "factorial":
            return Value("factorial", (int(str(p[0])) + draw.choice((1, 2)),))
        case "product":
            a, b = (int(str(part)) for part in p)
            return draw.choice([Value("product", (a + 1, b)), Value("integer", (a + b + (a * b == a + b),))])
        case "interval":
            turned = {"(": "[", "[": "(", ")": "]", "]": ")"}
            return draw.choice([Value("interval", (turned[str(p[0])], *p[1:])),
                                Value("interval", (*p[:3], turned[str(p[3])])),
                                Value("interval", (p[0], int(str(p[1])) - 1, *p[2:]))])  # fmt: skip
    at = draw.randrange(len(p))
    item = p[at]
    assert isinstance(item, Value)
    return Value("tuple", (*p[:at], near(draw, item), *p[at + 1 :]))


def pairs(count: int, seed: int = 0) -> Iterator[Pair]:
    """As many unequal pairs as equal ones, by turns."""
    draw = random.Random(seed)
    for number in range(2 * count):
        value = draw.choice(KINDS)(draw)
        equal = bool(number % 2)
        other = value if equal else near(draw, value)
        gold, said = plain(value), spelled(draw, other) if equal or draw.random() < 0.6 else plain(other)
        yield Pair(
            value.kind, *draw.choice([(gold, said), (said, gold)] if value.kind != "tuple" else [(gold, said)]), equal
        )


#: How an answer stands in a text.
TEXTS = ("The answer is ${}$.", "\\boxed{{{}}}", "So we have\n#### {}")


def judged(pair: Pair, number: int) -> list[tuple[str, str, Verdict]]:
    """What the verifiers say of a pair: name, text, verdict."""
    # outside of a formula, a sign of exclamation ends a sentence
    text = TEXTS[number % (2 if "!" in pair.said else 3)].format(pair.said)
    question = Question(id="q", task="random", text="?", answer=pair.gold)
    found = [("latex", text, LATEX.judge(text, question).verdict)]
    if pair.kind in ("integer", "decimal") and not set("\\{}()! ") & set(pair.gold + pair.said):
        plain_text = f"The answer is {pair.said}."
        found.append(("numbers", plain_text, NUMBERS.judge(plain_text, question).verdict))
    return found


LATEX, NUMBERS = Latex(time_limit=2.0), Numbers()


def faults(count: int, seed: int = 0) -> tuple[list[str], Counter[str]]:
    """Pairs that are judged falsely, in words; and how many there were of each kind and verdict."""
    found, counted = [], Counter[str]()
    for number, pair in enumerate(pairs(count, seed)):
        for name, text, verdict in judged(pair, number):
            counted[f"{name}, {'equal' if pair.equal else 'unequal'}: {verdict.value}"] += 1
            if verdict is (Verdict.WRONG if pair.equal else Verdict.RIGHT):
                found.append(f"{name}: {text!r} for {pair.gold!r} is {verdict.value}")
    return found, counted


def main() -> int:
    """Judge all pairs, say what is false."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=PAIRS)
    parser.add_argument("--seed", type=int, default=0)
    told = parser.parse_args()
    found, counted = faults(told.pairs, told.seed)
    print("\n".join(found[:100]))
    for name, times in sorted(counted.items()):
        print(f"{name:32} {times:8,}")
    print(f"{len(found)} judged falsely")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

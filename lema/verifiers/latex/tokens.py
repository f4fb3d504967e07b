"""LaTeX answers as tokens, without what only typesets them: `\\dfrac{1}{2}` and `$\\frac12$` are one."""

from __future__ import annotations

import re
from typing import NamedTuple

LONGEST = 1000  # characters of an answer that is read at all
UNICODE = str.maketrans(
    {
        **dict.fromkeys("−–—‐‑‒﹣－", "-"),
        **dict.fromkeys("\xa0\u2009\u202f\u2007\u3000", " "),
        "×": r"\cdot ",
        "·": r"\cdot ",
        "⋅": r"\cdot ",
        "÷": "/",
        "π": r"\pi ",
        "θ": r"\theta ",
        "√": r"\sqrt ",
        "∞": r"\infty ",
        "∪": r"\cup ",
        "∩": r"\cap ",
        "∈": r"\in ",
        "≤": r"\leq ",
        "≥": r"\geq ",
        "≠": r"\neq ",
        "≈": r"\approx ",
        "±": r"\pm ",
        "°": r"^\circ ",
        "²": "^2",
        "³": "^3",
        "½": r"\frac{1}{2}",
        "¼": r"\frac{1}{4}",
        "¾": r"\frac{3}{4}",
        "∅": r"\emptyset ",
        "“": "",
        "”": "",
        "、": ",",
        "。": ".",
        **{chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F) if chr(code) != "－"},  # full width
    }
)
#: Between groups of three digits, also inside brackets: `10,\!080`, `10{,}080`, `10\,080`.
TYPESET_THOUSANDS = re.compile(r"(?<=[0-9])(?:,\\!|\{,\}|\\,|,\\,)\s*(?=[0-9]{3}(?![0-9]))")
#: `9 500`: groups of three digits, alone but for what may stand before and behind a number.
SPACED_THOUSANDS = re.compile(
    r"(?<![\w.,(\[{\\])(?<![0-9] )[0-9]{1,3}(?: [0-9]{3})+(?:\.[0-9]+)?(?![\w.,]?[0-9]| [0-9])"
)
#: A unit of one letter, or with a power, behind a space: `60 m^2`, `60\\,m`, `3 km/h`.
LETTER_UNIT = re.compile(
    r"(?<=[0-9}$])(?:\s|\\[,; ]|~)\s*"
    r"(?P<unit>(?:[mgsLlJNWVKCh]|[kcmd]m|ft|in|yd|mi|kg|mg)(?:\s*\^\s*(?:[23]|\{[23]\}))?"
    r"(?:\s*/\s*(?:s|h|hr|min)(?:\s*\^\s*(?:2|\{2\}))?)?)[\s.$]*$"
)
LETTER_UNITS = set("mgsLlJNWVKCh%")
SINGLE_COMMAND = re.compile(r"(?<!\\)\\[A-Za-z]")
DOUBLED_COMMAND = re.compile(r"\\\\[A-Za-z]")
#: Words in a `\\text{...}` that begin with a number: `\\text{18 dollars}`.
COUNTED = re.compile(r"(?P<sign>-?)\$?(?P<number>[0-9][0-9,]*(?:\.[0-9]+)?)\s*(?P<words>[A-Za-z%][A-Za-z\s%.]*)?")
PLAIN_THOUSANDS = re.compile(r"(?<![\w.,(\[{])[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])")
ROOT = re.compile(r"√\s*([0-9]+(?:\.[0-9]+)?)")
NUMERAL = re.compile(r"[0-9]+(?:\.[0-9]+)?")
OPENING = re.compile(r"[(\[{]")
TOKEN = re.compile(
    r"""\\(?:text|textbf|textit|textrm|mbox|mathrm|mathbf|rm|operatorname)\s*\{(?P<text>[^{}]*)\}
      | (?P<command>\\[a-zA-Z]+ | \\.)
      | (?P<number>[0-9]+(?:\.[0-9]+)? | \.[0-9]+)
      | (?P<letters>[A-Za-z]+)
      | (?P<space>\s+)
      | (?P<sign>.)""",
    re.VERBOSE | re.DOTALL,
)
SIZES = "big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr Biggl Biggr left right middle"
STYLES = "displaystyle textstyle limits nolimits quad qquad hspace mathopen mathclose boldsymbol"
DROPPED = {f"\\{name}" for name in f"{SIZES} {STYLES}".split()} | {"\\!", "\\,", "\\;", "\\:", "\\ ", "\\>", "\\\n"}
DROPPED |= {"$", "~", "\\(", "\\)", "\\[", "\\]"}
ONE_SPELLING = {
    **dict.fromkeys(["\\dfrac", "\\tfrac", "\\cfrac"], "\\frac"),
    **dict.fromkeys(["\\times", "\\ast", "*"], "\\cdot"),
    **dict.fromkeys(["\\lbrace"], "\\{"),
    **dict.fromkeys(["\\rbrace"], "\\}"),
    **dict.fromkeys(["\\lvert", "\\rvert", "\\vert", "\\mid"], "|"),
    **dict.fromkeys(["\\lbrack"], "["),
    **dict.fromkeys(["\\rbrack"], "]"),
    **dict.fromkeys(["\\le", "\\leqslant"], "\\leq"),
    **dict.fromkeys(["\\ge", "\\geqslant"], "\\geq"),
    "\\ne": "\\neq",
    "\\lt": "<",
    "\\gt": ">",
    "\\div": "/",
    "\\varnothing": "\\emptyset",
    "\\dbinom": "\\binom",
    "\\tbinom": "\\binom",
    "\\to": "\\rightarrow",
    "\\bmatrix": "\\pmatrix",
}


DEGREE = "\\degree"
CIRCLE = ["^", "\\circ"]
BRACED_CIRCLE = ["^", "{", "\\circ", "}"]


class Token(NamedTuple):
    """`kind` is `number`, `letters`, `text` (the content of a `\\text{...}`) or `sign`."""

    kind: str
    value: str


def tokens(text: str) -> list[Token]:
    """The tokens of an answer that carry meaning."""
    found = []
    for match in TOKEN.finditer(_prepared(text)):
        kind, value = match.lastgroup or "", match[match.lastgroup or 0]
        if kind == "space" or value in DROPPED:
            continue
        if kind == "text" and NUMERAL.fullmatch(value.strip()):
            found.append(Token("number", value.strip()))
        elif kind == "text" and (counted := COUNTED.fullmatch(value.strip())):
            found += [Token("sign", "-")] if counted["sign"] else []
            found.append(Token("number", counted["number"].replace(",", "")))
            words = " ".join((counted["words"] or "").split())
            found += (
                [Token("letters" if len(words) == 1 and words not in LETTER_UNITS else "text", words)] if words else []
            )
        elif kind == "text":
            found.append(Token(kind, " ".join(value.split())))
        elif kind in ("command", "sign"):
            found.append(Token("sign", ONE_SPELLING.get(value, value)))
        else:
            found.append(Token(kind, value))
    return _with_degrees(found)


def _prepared(text: str) -> str:
    text = text if text.isascii() else ROOT.sub(r"\\sqrt{\1}", text).translate(UNICODE)
    if DOUBLED_COMMAND.search(text) and not SINGLE_COMMAND.search(text):
        text = text.replace("\\\\", "\\")  # as JSON writes it
    text = TYPESET_THOUSANDS.sub("", text.strip().strip('*_`"').strip())
    if not OPENING.search(text):
        text = PLAIN_THOUSANDS.sub(lambda found: found[0].replace(",", ""), text)
        text = SPACED_THOUSANDS.sub(lambda found: found[0].replace(" ", ""), text)
    return text.replace("\\$", "").rstrip(" .;,")


def with_unit(text: str) -> str | None:
    """The same with a letter behind a number as its unit, which may be a variable as well; None where there is none."""
    found = LETTER_UNIT.search(text)
    return None if found is None else f"{text[: found.start()]} \\text{{{found['unit']}}}"


def _with_degrees(found: list[Token]) -> list[Token]:
    """`^\\circ` and `^{\\circ}` as one token, `\\degree`."""
    values = [token.value for token in found]
    kept, at = [], 0
    while at < len(found):
        length = 2 if values[at : at + 2] == CIRCLE else 4 if values[at : at + 4] == BRACED_CIRCLE else 1
        kept.append(found[at] if length == 1 else Token("sign", DEGREE))
        at += length
    return kept


def normal(found: list[Token]) -> str:
    """One string for all tokens; equal strings are equal answers."""
    return " ".join(
        f"text({value.casefold()})" if kind == "text" else value for kind, value in found if value != DEGREE
    )

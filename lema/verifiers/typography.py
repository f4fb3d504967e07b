"""Undoing what typesetting does to a number: Unicode signs, LaTeX, markdown, calculator notes."""

from __future__ import annotations

import re

VULGAR = {
    "½": "1/2",
    "⅓": "1/3",
    "⅔": "2/3",
    "¼": "1/4",
    "¾": "3/4",
    "⅕": "1/5",
    "⅖": "2/5",
    "⅗": "3/5",
    "⅘": "4/5",
    "⅙": "1/6",
    "⅛": "1/8",
    "⅜": "3/8",
    "⅝": "5/8",
    "⅞": "7/8",
}
SIGNS = str.maketrans(
    {
        **{sign: f" {fraction}" for sign, fraction in VULGAR.items()},
        **dict.fromkeys("−–—‐‑‒﹣－", "-"),
        **dict.fromkeys("×∗", "*"),
        **dict.fromkeys("\xa0\u2009\u202f\u2007\u3000", " "),
        **{chr(0xFF10 + n): str(n) for n in range(10)},
        "⁄": "/",
        "％": "%",
        "＄": "$",
        "，": ",",
        "．": ".",
    }
)
#: A narrow or no-break space between groups of three digits.
SPACED_THOUSANDS = re.compile(r"(?<=[0-9])[\xa0\u2009\u202f](?=[0-9]{3}(?![0-9]))")
#: Groups of three digits with plain spaces between them, and nothing that makes two numbers of them.
GROUPS = re.compile(
    r"(?<![\w.,/-])(?<![0-9][ ])[1-9][0-9]{0,2}(?:[ ][0-9]{3})+"
    r"(?![0-9]|[ ][0-9]|[ ]?/|-\w|[ ]?[*^x]|[.,][0-9]{3}(?![0-9]))"
)
NOTE = re.compile(r"<<[^<>]*>>")
FRACTION = re.compile(r"\\[dtc]?frac\s*(?:\{\s*(-?[0-9]+)\s*\}|([0-9]))\s*(?:\{\s*([0-9]+)\s*\}|([0-9]))")
WORDING = re.compile(r"\\(?:text|textbf|mathrm|mathbf|operatorname|mbox)\s*\{([^{}]*)\}")
THIN = re.compile(r"\\[,!;:>]|\{,\}|\\ ")
COMPARISONS = {"neq": "≠", "ne": "≠", "leq": "≤", "le": "≤", "geq": "≥", "ge": "≥", "lt": "<", "gt": ">", "sqrt": "√"}
COMPARED = re.compile(rf"\\({'|'.join(COMPARISONS)})(?![a-zA-Z])")
POWER = re.compile(r"(?<=[\w)])\*\*(?=[\w(])")
EDGES = " \t\r\n*_`\"'“”‘’"
#: A number alone between dollar signs: `$5$ thirds`.
FORMULA = re.compile(r"\$\s*([-+]?\s?[0-9][0-9.,/]*)\s*\$(?![0-9])")
BLANKS = re.compile(r"[ \t]{2,}")
RUPEES = re.compile(r"\bRs\.?\s?")


def plain(text: str) -> str:
    """The text with numbers as ASCII digits, signs, points and slashes."""
    if not text.isascii():
        text = SPACED_THOUSANDS.sub("", text).translate(SIGNS)
    if " " in text:
        text = GROUPS.sub(lambda found: found[0].replace(" ", ""), text)
    if "<<" in text:
        text = NOTE.sub("", text)
    if "\\" in text or "{" in text:
        text = _without_latex(text)
    if text.count("$") > 1:
        text = FORMULA.sub(r"\1", text)
    if "  " in text:
        text = BLANKS.sub(" ", text)
    if "*" in text:
        text = POWER.sub("^", text).replace("**", "")
    if "Rs" in text:
        text = RUPEES.sub("", text)
    return text.lstrip(EDGES).rstrip(EDGES + ".,!")


def _without_latex(text: str) -> str:
    text = THIN.sub(lambda found: "," if found[0] == "{,}" else "", text)
    text = FRACTION.sub(lambda m: f" {m[1] or m[2]}/{m[3] or m[4]}", text)
    text = WORDING.sub(r" \1", text)
    text = text.replace("\\times", "*").replace("\\cdot", "*").replace("\\approx", "≈")
    text = COMPARED.sub(lambda found: COMPARISONS[found[1]], text)
    text = text.replace("\\$", "$").replace("\\%", "%")
    return re.sub(r"\\[()\[\]]", " ", text)

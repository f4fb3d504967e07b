"""What the words and signs around a number make of it: another number, an alternative, a bound, no answer."""

from __future__ import annotations

import re

from lema.verifiers.number_words import NUMBER_WORD

#: What follows explains the number and is not part of the answer.
CLAUSE = re.compile(r"\b(?:because|since|as|(?<!\bor\s)so|which|per|after|not|rather)\b", re.IGNORECASE)
TAKEN_BACK = re.compile(
    r"which\s+(?:(?:is|was|seems|looks|must\s+be)\s+(?:clearly\s+|obviously\s+|of\s+course\s+)?(?:wrong|incorrect|mistaken|false|impossible"
    r"|invalid|absurd|not\b|too\b)|(?:cannot|can't|can\s+not)\s+be\b|(?:isn't|wasn't)\b)",
    re.IGNORECASE,
)
ALTERNATIVE = re.compile(r"\b(?:or|either|versus|vs)\b", re.IGNORECASE)
ALTERNATIVE_NUMBER = re.compile(r"\b(?:or|versus|vs)\b\W*(?:maybe\s+)?[0-9]", re.IGNORECASE)
LISTED = re.compile(r"(?:,\s|;|&|\bto\b|~)\s*[$£€¥₹]*$")
#: Words behind a number with which it is another number.
SCALED = (
    "squared|cubed|factorial|halves|thirds|fourths|fifths|sixths|sevenths|eighths|ninths|tenths|elevenths|twelfths|fifteenths"
    "|sixteenths|twentieths|hundredths|thousandths|tens|hundreds|thousands|millions|billions|trillions|score|choose|modulo|mod"
    "|doubled|tripled|quadrupled|halved|negated|inverted|reciprocal"
)
NO_NUMBER_AFTER = re.compile(
    rf"\s?[\^+*²³¹⁰⁴-⁹π]|[!_]|\s?\\(?!text|math|mbox|quad|qquad|degree|circ)[a-z]+|[abeijnqrtuvwxyz]\b|:[0-9]|,[0-9]|\s(?:{SCALED})\b(?!\s+(?:place|digit))"
    r"|\s(?:half|third|gross)\b(?!\s+\w)|\squarters\s+of\b|\stimes\s+(?:itself|[b-hj-z])\b|\s(?:to|raised)\s+(?:to\s+)?the\s+\w+"
    r"|[^.;]*\b(?:more|less|fewer|greater|larger|smaller|bigger)\s+than\s+(?:[b-hj-z]\b|twice\b|half\b|double\b|(?:two|three|four)\s+times\b"
    r"|(?:the|its)\s+(?:square|product|original\s+number)|\$)",
    re.IGNORECASE,
)
PART_AFTER = re.compile(
    r"\band\s+(?:a|an|one|two|three|four|five)[\s-](?:half|thirds?|quarters?|fourths?|fifths?|sixths?|eighths?|tenths?)\b|\b(?:plus|minus)\b"
    r"|\bat\s+(?:least|most)\b|\bbelow\s+(?:zero|freezing|sea)\b"
    r"|[,(;—]\s*(?:which\s+is\s+)?(?:wrong|incorrect|mistaken|false|invalid|not\s+(?:right|correct|true|possible))\b"
    r"|\b(?:is|was|seems|looks|would\s+be)\s+(?:clearly\s+|obviously\s+)?(?:wrong|incorrect|mistaken|false|impossible|invalid|absurd"
    r"|not\s+(?:right|correct|true|possible|the\b))",
    re.IGNORECASE,
)
WORD_AFTER_OR = re.compile(rf"\bor\s+(?:\w+\s+)?(?:{NUMBER_WORD}|more|less|fewer)\b", re.IGNORECASE)
HEDGED_BEFORE = re.compile(r"\b(?:either|between|or)\b", re.IGNORECASE)
NEGATIVE_BEFORE = re.compile(r"\b(?:negative|minus)\s+(?:[$£€¥₹]\s?)?$", re.IGNORECASE)
DENIED_BEFORE = re.compile(
    r"\b(?:not|never|no\s+longer)\b|n't\b|[<>≤≥≠√±]|\bsqrt\b|\\(?:pm|mp)\b|\b(?:(?:more|less|fewer|greater|other)\s+than|over|under|above|below|almost|nearly"
    r"|at\s+(?:least|most)|(?:divisible|divided|multiplied)\s+by|(?:rounded|correct|accurate)\s+to|twice|double|half"
    r"|times|thrice|triple|quadruple|log|ln|sin|cos|tan|exp|up\s+to|short\s+of|but|except|instead\s+of|rather\s+than|excluding|minus\s+negative"
    r"|(?:multiple|factor|divisor|power|half|third|quarter|double|triple|sum|product|difference|square|cube|root|reciprocal"
    r"|inverse|opposite|negative|negation|factorial|logarithm|log|exponential|complement|quotient|ratio|remainder|fourth|fifth|sixth"
    r"|seventh|eighth|ninth|tenth|hundredth|thousandth|percent|percentage|fraction|portion|sine|cosine|tangent)s?\s+of"
    r"(?:\s+(?:the|her|his|their|its|all))?|%\s+of)\s*[$£€¥₹]*$",
    re.IGNORECASE,
)
#: The number of a place in the solution, and no answer.
PLACE_BEFORE = re.compile(r"\b(?:steps?|lines?|parts?|sections?|equations?|cases?|methods?)\s*[#(]?$", re.IGNORECASE)
CONDITION_AFTER = re.compile(r"\b(?:if|unless|had|but|for\s+part)\b", re.IGNORECASE)

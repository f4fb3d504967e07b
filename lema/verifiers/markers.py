"""What announces an answer, as patterns: the words of `the answer is`, headings, tags; and what makes it none."""

from __future__ import annotations

import re

from lema.verifiers.number_words import NUMBER_WORD

#: In what an answer may be given: `the answer in metres is 42`.
UNIT = (
    r"(?:(?:square|cubic)\s)?(?:milli|centi|kilo)?(?:met(?:er|re)s?|lit(?:er|re)s?|grams?)|dollars?|cents?|euros?|pounds?"
    r"|hours?|minutes?|seconds?|days?|weeks?|months?|years?|feet|inch(?:es)?|miles?|yards?|ounces?|gallons?|degrees?"
    r"|percent(?:age)?|units?|k[mg]|[cm]?m|total|all|full|short|(?:simplest|simplified|decimal|reduced)\sform|lowest\sterms"
)
#: With these words it is the answer to something else, or under a condition.
OTHER = (
    r"\b(?:part|parts|first|second|third|last|if|unless|when|not|no|step|without|before|after(?!\s+(?:all\b|rounding|simplif))|half|sub\w*|wrong|incorrect"
    r"|previous|other|so\sfar|intermediate|naive|excluding|ignoring|only|assuming|doubt|guess|question\s+\d)\b"
)
INNER = rf"""(?:
      \s*\((?!\s*(?:[a-f]|[ivx]+|[0-9]+)\s*\))(?![^()\n]*{OTHER})[^()\n]{{1,60}}\)
    | ,(?![^,.;:\n]*{OTHER})[^,.;:\n]{{1,50}},
    | \s+(?:to|for|of)\s+(?:the|this|your|our|that)
      (?:\s+(?:original|given|whole|above|main|entire|final|actual|word|maths?))*\s+(?:question|problem|exercise|task|puzzle|riddle)
    | \s+in\s+(?:{UNIT})
    | \s+(?:here|then|now|thus|therefore|so|finally|hence|indeed|really|clearly|simply)
    | \s+(?:that\s+)?(?:we|i|you)\s+(?:get|got|want|need|seek|found|find|obtain|have|are\s+looking\s+for)
)"""
ANSWER_IS = re.compile(
    rf"\banswer{INNER}{{0,2}}\s*\b(?:is|(?P<weak>(?:must|should|would|will|has\s+to|ought\s+to)\s+(?:then\s+|thus\s+|therefore\s+|only\s+)?be|equals|(?:comes|works)\s+(?:out\s+)?(?:to(?:\s+be)?|as|at)|turns\s+out\s+to\s+be))\b[\s:*_]*",
    re.IGNORECASE | re.VERBOSE,
)
NAME = r"(?:(?:so|thus|therefore|hence),?\s)?(?:(?:the|my|our)\s)?(?:(?:final|correct)\s)?(?:answer|result)"
SEPARATOR = r"(?:[ \t*_]*(?:=>|->|[=→⇒])|[ \t*_]+[–—-][ \t])"
#: At the start of a line; `weak` is a heading without a colon.
ANSWER_LINE = re.compile(
    rf"""\n[ \t*_#>]{{0,12}}(?:Step\s+[0-9]+\s*[:.]\s*)?(?:
        (?:A|(?i:(?:{NAME}|ans)(?:{INNER})?))[ \t*_]*:[\s*_]*(?=\S)
      | (?i:{NAME}|ans){SEPARATOR}[\s*_]*(?=\S)
      | (?P<weak>(?i:{NAME}))(?:[ \t*_.]*\n(?:\s*>[ \t]+)?|\*\*|__|[ \t](?=[$£€¥₹0-9(\\-]))[\s*_]*(?=\S)
    )""",
    re.VERBOSE,
)
#: The same where a text has none of the longer names.
A_LINE = re.compile(r"\n[ \t*_#>]{0,12}(?:Step\s+[0-9]+\s*[:.]\s*)?A[ \t*_]*:[\s*_]*(?=\S)")
TAGGED = re.compile(r"<(final_?answer|answer|ans)>\s*(?=\S)", re.IGNORECASE)
TAG_END = re.compile(r"</(?:final_?answer|answer|ans)>", re.IGNORECASE)
HASHES = re.compile(r"####(?!#)[ \t]*")
#: Headings of the parts of a solution.
HEADING = re.compile(
    r"[\W_]*(?:step|part|section|case|phase|stage|method|approach|option|check\w*|verif\w+|calculat\w+|comput\w+|solution"
    r"|explanation|reasoning|analysis|question|problem|note|given|find\w*|understand\w*|conclusion)\b",
    re.IGNORECASE,
)
NUMBERED = re.compile(r"(?P<number>[0-9]{1,2})[.)][ \t]+(?=[^\W\d])")

#: What stands before an announcement that announces nothing: a condition, a doubt, somebody else's answer.
LINKED = r"(?:(?!\b(?:so|thus|therefore|then|hence|and|but|means?|gives?|because|since|is|are|was)\b)[^.!?\n,;:])"
NOT_MEANT = re.compile(
    rf"""(?:
        \b(?:if|whether|suppos\w+|assum\w+|unless|until|once|whenever|imagine|pretend\w*|verify|check\w*)
        \s+(?:that\s+)?(?:(?:the|my|your|our|this|his|her|an?)\s+)?(?:[a-z]+\s+)?
      | (?:n't|\b(?:not|never|doubt|hardly|neither|nor|cannot))\b{LINKED}{{0,40}}
      | \b(?:might|may|could|would|tempt(?:ed|ing)|wrongly|mistakenly|incorrectly|(?<!second\s)thought|without|otherwise
        |claim(?:s|ed)?|says?|said)\b
        {LINKED}{{0,30}}
      | \b(?:wrong|incorrect|mistaken|false|previous|earlier|intermediate|partial|naive|tempting|original|initial|first
        |second|third|old|another|other|common|popular|student's)\s+
    )\Z""",
    re.IGNORECASE | re.VERBOSE,
)
#: What takes an answer back.
TAKEN_BACK = re.compile(
    r"[\W_]*(?:(?:clearly|actually|therefore|obviously|probably|still)\s+)*"
    r"(?:wrong|incorrect|mistaken|invalid|not\s+(?:right|correct|valid)|too\s+(?:large|small|high|low|big))"
    r"(?=\s*(?:[.,;:!)]|because|since|as|\Z))",
    re.IGNORECASE,
)
#: A number at once: what a weak announcement needs.
DIRECT = re.compile(
    r"[\s*_`\"'“(\[{:≈~=$£€¥₹]{0,12}(?:\\(?:boxed|fbox|text\w*|math\w*|[dt]?frac|sqrt|pi|\(|\[|\$)[\s{]{0,3}){0,4}"
    rf"(?:(?:exactly|about|approximately|just|a\s+total\s+of|negative|minus)\s+){{0,2}}[$£€¥₹]?[-+−–]?\s?[$£€¥₹]?(?:\.?[0-9]|½|¼|¾|\\|(?:{NUMBER_WORD})\b)",
    re.IGNORECASE,
)
#: A number, with its unit, and nothing else on its line.
ALONE = re.compile(
    r"[\s*_`$([{>≈=\\-]{0,12}(?:\\boxed\{)?(?:[a-z]\s*=\s*)?[$£€¥₹]?[-+−–]?[$£€¥₹]?"
    r"(?:[0-9][0-9.,/ ]*|\.[0-9]+"
    rf"|\\[dt]?frac\s*\{{?[0-9]+\}}?\s*\{{?[0-9]+\}}?|(?:{NUMBER_WORD})(?:[- ](?:{NUMBER_WORD}))*)"
    r"\s?(?:\\?%)?(?:(?:\\text\w*\{|[ \t])[ \t]*[a-z]+(?:[ \t][a-z]+){0,2}\}?)?[\s*_`$)\]}\\.!]*\Z",
    re.IGNORECASE,
)

"""Names and signs of LaTeX that the parser knows."""

from __future__ import annotations

from lema.verifiers.latex.tokens import DEGREE

RELATIONS = {"=", "<", ">", "\\leq", "\\geq", "\\in", "\\neq", "\\approx"}
FUNCTIONS = {"sin", "cos", "tan", "cot", "sec", "csc", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh"}
FUNCTIONS |= {"ln", "log", "exp"}
GREEK = (
    "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi rho sigma tau phi "
    "varphi chi psi omega Gamma Delta Theta Lambda Xi Sigma Phi Psi Omega ell"
)
CONSTANT_NAMES = {"\\pi": "pi", "\\infty": "oo", **{f"\\{name}": name for name in GREEK.split()}}
SPELLED = {"pi": "\\pi", "sqrt": "\\sqrt", "infinity": "\\infty", "inf": "\\infty", "oo": "\\infty"}
SPELLED |= {name: f"\\{name}" for name in FUNCTIONS | {"theta", "alpha", "beta", "lambda"}}
ALWAYS_CALLED = set("fgFG")
CALLED = ALWAYS_CALLED | set("hpqrHPQRTV")  # behind which a number or a letter in brackets is an argument
CLOSING = {"(": ")", "[": "]", "\\{": "\\}"}
ENDS_PRODUCT = RELATIONS | {
    "+",
    "-",
    "\\pm",
    "\\mp",
    ",",
    ";",
    ")",
    "]",
    "}",
    "\\}",
    "/",
    "\\cdot",
    "&",
    "\\\\",
    "^",
    "_",
}
ENDS_PRODUCT |= {"\\cup", "\\cap", "!", "\\end", "\\backslash", ":", "'", DEGREE}

"""Expressions: sums, products, powers, functions. Recursive descent."""

from __future__ import annotations

from fractions import Fraction

from lema.verifiers.latex.cursor import Cursor
from lema.verifiers.latex.tokens import DEGREE, Token
from lema.verifiers.latex.tree import (
    EXPRESSION,
    Answer,
    Apply,
    Based,
    Expression,
    Number,
    Several,
    Symbol,
    Unreadable,
)
from lema.verifiers.latex.vocabulary import ALWAYS_CALLED, CALLED, CONSTANT_NAMES, ENDS_PRODUCT, FUNCTIONS
from lema.verifiers.number_words import read_words


class Expressions(Cursor):
    """What stands in brackets and in a matrix may be any answer: that is read by whoever extends this."""

    def brackets(self, left: str) -> Answer:
        """A group, a tuple, an interval or a set."""
        raise NotImplementedError

    def matrix(self) -> Answer:
        """The rows of a matrix."""
        raise NotImplementedError

    def sum(self) -> Answer:
        sign = self.take("+", "-", "\\pm", "\\mp")
        first = self.product()
        if sign == "-" and isinstance(first, Based):
            return Based(f"-{first.digits}", first.base)
        if not sign and self.sign() not in ("+", "-", "\\pm", "\\mp"):
            return first
        terms = [_signed(sign, _expression(first))]
        while sign := self.take("+", "-", "\\pm", "\\mp"):
            terms.append(_signed(sign, _expression(self.product())))
        return terms[0] if len(terms) == 1 else Apply("+", tuple(terms))

    def product(self) -> Answer:
        tree = self.power()
        divided = False
        while True:
            if self.take("\\cdot"):
                tree, divided = Apply("*", (_expression(tree), _expression(self.signed_power()))), False
            elif self.take("/"):
                if divided:
                    raise Unreadable("a/b/c")
                tree, divided = Apply("/", (_expression(tree), _expression(self.signed_power()))), True
            elif self.starts_factor():
                if divided:
                    raise Unreadable("1/2x")
                bracketed = self.sign() == "(" or (self.at > 0 and self.tokens[self.at - 1] == Token("sign", ")"))
                tree = self.beside(_expression(tree), _expression(self.power()), bracketed=bracketed)
            else:
                return tree

    def signed_power(self) -> Answer:
        return Apply("-", (_expression(self.power()),)) if self.take("-") else self.power()

    def starts_factor(self) -> bool:
        token = self.next()
        if token.kind == "sign":
            return token.value not in ENDS_PRODUCT and not (token.value == "|" and self.bar)
        return token.kind == "number" or (token.kind == "letters" and token.value.casefold() not in ("and", "or"))

    def beside(self, left: Expression, right: Expression, *, bracketed: bool = False) -> Expression:
        """Two factors without a sign between them: a product, or a mixed number."""
        whole = isinstance(left, Number) and left.value.denominator == 1
        if isinstance(right, Number) and not bracketed:
            raise Unreadable("two numbers side by side")
        if self.fraction_end == self.at and isinstance(right, Apply):
            parts = [arg.value for arg in right.args if isinstance(arg, Number)]
            if len(parts) == 2 and (self.number_before_fraction and not (whole and parts[0] < parts[1])):
                raise Unreadable("a number before a fraction that it does not make a mixed number with")
            if len(parts) == 2 and whole:
                return Apply("+", (left, right))
        return Apply("*", (left, right))

    def power(self) -> Answer:
        base = self.atom()
        while True:
            if self.take("!"):
                if self.sign() == "!":
                    raise Unreadable("!!")
                base = Apply("!", (_expression(base),))
            elif self.take(DEGREE):
                base = Apply("degree", (_expression(base),))
            elif self.take("^"):
                base = Apply("^", (_expression(base), self.argument()))
                if self.sign() == "^":
                    raise Unreadable("a^b^c")
            else:
                return base

    def argument(self) -> Expression:
        """What follows `^`, `\\frac` or `\\sqrt`: a group, or a single digit or letter."""
        if self.take("{"):
            return self.closed("}")
        sign = self.take("-")
        token = self.next()
        if token.kind == "number" and len(token.value) > 1:
            # \frac12 and x^23: LaTeX takes one character
            self.tokens[self.at : self.at + 1] = [Token("number", c) for c in token.value if c != "."]
            if "." in token.value:
                raise Unreadable(token.value)
        elif token.kind == "letters" and len(token.value) > 1:
            self.tokens[self.at : self.at + 1] = [Token("letters", c) for c in token.value]
        return _signed(sign, _expression(self.atom()))

    def closed(self, end: str) -> Expression:
        self.deeper()
        bar, self.bar = self.bar, 0
        tree = _expression(self.sum())
        self.need(end)
        self.bar = bar
        self.depth -= 1
        return tree

    def atom(self) -> Answer:
        token = self.next()
        self.at += 1
        if token.kind == "number":
            return self.numeral(token.value)
        if token.kind == "letters":
            return self.letters(token.value)
        if token.kind != "sign":
            raise Unreadable(token.value)
        if token.value in CONSTANT_NAMES:
            return self.indexed(CONSTANT_NAMES[token.value])
        if token.value in ("(", "[", "\\{"):
            return self.brackets(token.value)
        if token.value == "{":
            return self.closed("}")
        if token.value == "|":
            return self.absolute()
        return self.command(token.value)

    def numeral(self, digits: str) -> Answer:
        if not self.take("_"):
            return Number(Fraction(digits), digits)
        base = self.base()
        if base not in range(2, 37):
            raise Unreadable("base")
        return Based(digits, base)

    def base(self) -> int:
        """The base of a numeral, in digits or in words."""
        braces = bool(self.take("{"))
        token = self.next()
        spelled = read_words(token.value) if token.kind in ("text", "letters") else None
        if spelled is None or spelled.value is None or spelled.end != len(token.value):
            tree = self.closed("}") if braces else self.argument()
            if not isinstance(tree, Number) or tree.value.denominator != 1:
                raise Unreadable("base")
            return int(tree.value)
        self.at += 1
        if braces:
            self.need("}")
        return int(spelled.value)

    def letters(self, run: str) -> Expression:
        if len(run) > 2:
            raise Unreadable(run)
        if len(run) == 2:
            self.tokens.insert(self.at, Token("letters", run[1]))
        return self.indexed(run[0])

    def indexed(self, name: str) -> Expression:
        if not self.take("_"):
            return self.called(Symbol(name))
        index = self.argument()
        if not isinstance(index, Number | Symbol):
            raise Unreadable("index")
        return self.called(Symbol(f"{name}_{index.value if isinstance(index, Number) else index.name}"))

    def called(self, name: Symbol) -> Expression:
        """A name, or its value at an argument: `f(2)` is no product."""
        letter = name.name[0] if len(name.name) == 1 or "_" in name.name else ""
        if self.sign() != "(" or letter not in CALLED:
            return name
        inside = [token.kind for token in self.tokens[self.at + 1 : self.at + 3]]
        simple = inside in (["number", "sign"], ["letters", "sign"]) and self.tokens[self.at + 2].value == ")"
        if not simple and letter not in ALWAYS_CALLED:
            return name  # `h(a + b)` is a product
        return Apply("call", (name, _expression(self.atom())))

    def absolute(self) -> Expression:
        self.deeper()
        self.bar += 1
        tree = _expression(self.sum())
        self.need("|")
        self.bar -= 1
        self.depth -= 1
        return Apply("abs", (tree,))

    def command(self, name: str) -> Answer:
        if name == "\\frac":
            self.number_before_fraction = self.at > 1 and self.tokens[self.at - 2].kind == "number"
            fraction = Apply("/", (self.argument(), self.argument()))
            self.fraction_end = self.at
            return fraction
        if name == "\\binom":
            return Apply("binom", (self.argument(), self.argument()))
        if name == "\\sqrt":
            degree = self.closed("]") if self.take("[") else Number(Fraction(2))
            inside = self.closed(")") if self.take("(") else self.argument()
            return Apply("root", (inside, degree))
        if name == "\\angle" and self.next().kind == "letters":
            self.at += 1
            return Symbol(f"angle {self.tokens[self.at - 1].value}")
        if name == "\\emptyset":
            return Several(())
        if name == "\\begin":
            return self.matrix()
        if name[1:] in FUNCTIONS:
            return self.function(name[1:])
        raise Unreadable(name)

    def function(self, name: str) -> Expression:
        base = self.argument() if name == "log" and self.take("_") else None
        power = self.argument() if self.take("^") else None
        if isinstance(power, Apply):
            raise Unreadable("an inverse function, or a power")
        inside = _expression(self.power())
        while self.starts_factor() and self.tokens[self.at - 1].value != ")" and self.sign()[1:] not in FUNCTIONS:
            inside = self.beside(inside, _expression(self.power()))
        if isinstance(inside, Apply) and inside.name == "degree":
            inside = Apply("/", (Apply("*", (inside, Symbol("pi"))), Number(Fraction(180))))
        tree = Apply(name, (inside,) if base is None else (inside, base))
        return tree if power is None else Apply("^", (tree, power))


def _expression(tree: Answer) -> Expression:
    if isinstance(tree, EXPRESSION):
        return tree
    raise Unreadable("arithmetic with something that is no number")


def _signed(sign: str, tree: Expression) -> Expression:
    return tree if sign in ("", "+") else Apply("pm" if sign == "\\pm" else "mp" if sign == "\\mp" else "-", (tree,))

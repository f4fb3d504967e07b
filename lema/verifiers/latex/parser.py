"""From tokens to the tree of an answer. Strict: what is not understood whole is not understood at all."""

from __future__ import annotations

from collections.abc import Sequence

from lema.verifiers.latex.expressions import Expressions
from lema.verifiers.latex.tokens import Token
from lema.verifiers.latex.tree import Answer, Brackets, Matrix, Relation, Several, Union, Unreadable
from lema.verifiers.latex.vocabulary import CLOSING, RELATIONS


def parse(found: Sequence[Token]) -> Answer:
    """The tree of a whole answer.

    Raises:
        Unreadable: a token that does not fit.
    """
    parser = Parser(found)
    tree = parser.several()
    if parser.at < len(parser.tokens):  # more than were given, where `\\frac56` was taken apart
        raise Unreadable(parser.next().value)
    return tree


class Parser(Expressions):
    """Whole answers: lists, relations, unions, what stands in brackets."""

    def several(self) -> Answer:
        items = [self.relation()]
        while self.separator():
            items.append(self.relation())
        return items[0] if len(items) == 1 else Several(tuple(items))

    def separator(self) -> bool:
        start = self.at
        self.take(",", ";")
        token = self.next()
        if token.kind in ("text", "letters") and token.value.strip(" ,").casefold() in ("and", "or"):
            self.at += 1
        return self.at > start

    def relation(self) -> Answer:
        signs, terms = [], [self.union()]
        while sign := self.take(*RELATIONS):
            signs.append(sign)
            terms.append(self.union())
        return Relation(tuple(signs), tuple(terms)) if signs else terms[0]

    def union(self) -> Answer:
        items = [self.sum()]
        while self.take("\\cup"):
            items.append(self.sum())
        return items[0] if len(items) == 1 else Union(tuple(items))

    def brackets(self, left: str) -> Answer:
        """A group, a tuple, an interval or a set."""
        self.deeper()
        bar, self.bar = self.bar, 0
        items = [] if self.sign() == "\\}" else [self.relation()]
        while self.take(",", ";"):
            items.append(self.relation())
        right = self.take("\\}") if left == "\\{" else self.take(")", "]")
        if not right:
            raise Unreadable("a bracket that is not closed")
        self.bar = bar
        self.depth -= 1
        if left == "\\{":
            return Several(tuple(items))
        if len(items) == 1:
            if CLOSING[left] != right:
                raise Unreadable("brackets")
            return items[0]
        return Brackets(left, right, tuple(items))

    def matrix(self) -> Answer:
        name = self.environment()
        rows = [[self.sum()]]
        while separator := self.take("&", "\\\\"):
            if separator == "&":
                rows[-1].append(self.sum())
            elif self.sign() != "\\end":
                rows.append([self.sum()])
        self.need("\\end")
        if self.environment() != name or len({len(row) for row in rows}) > 1:
            raise Unreadable("matrix")
        return Matrix(tuple(map(tuple, rows)))

    def environment(self) -> str:
        self.need("{")
        name = self.next().value
        self.at += 1
        self.need("}")
        if name not in ("pmatrix", "bmatrix", "matrix"):
            raise Unreadable(name)
        return name

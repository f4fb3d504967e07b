"""ASDiv (Miao et al., 2020): word problems of primary school, of many types and wordings.

A problem, shortened:

    <Problem ID="nluds-0000" Grade="1">
        <Body>Mia has seven pens and five cups.</Body> <Question>How many things has she?</Question>
        <Answer>12 (things)</Answer> <Formula>7+5=12</Formula>
    </Problem>

The paper keeps 2,084 of the 2,305: those whose answer is one number (App. C.2: Python's `float` reads it).
Answers carry units in brackets. With every bracket removed exactly 2,084 are left; with all from the
first bracket on removed it would be 2,159, since 75 answers are several quantities, `6 (cm); 15 (cm)`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar
from xml.parsers import expat

import msgspec

from lema.base.errors import InputError
from lema.base.protocols import Verifier
from lema.base.records import Question
from lema.base.spec import runtime, spec
from lema.data.datasets import Dataset, Published, Split, Table, number, question_id

UNIT = re.compile(r"\([^()]*\)")
FIELDS = {"Body": "body", "Question": "question", "Answer": "answer"}


class Row(msgspec.Struct):
    """A problem; formula, type and grade are ignored."""

    body: str
    question: str
    answer: str

    def to_question(self) -> Question | None:
        if not self.question.strip():
            raise InputError("no question")
        answer = UNIT.sub("", self.answer).strip()
        try:
            float(answer)
        except ValueError:
            return None
        text = f"{self.body.strip()} {self.question.strip()}"
        return Question(id=question_id("asdiv", text), task="asdiv", text=text, answer=number(answer))


@spec
class Asdiv(Published):
    """The 2,084 questions as the split `test`, from the hub or from `path`, a folder with `ASDiv.xml`.

    One of them is in the data set twice, and so it is here: its second id ends in `-2`.
    """

    kind = "asdiv"
    worked: ClassVar[bool] = False
    verifier: Verifier
    published: Verifier | None = runtime(default=None)  # the grader of the paper's authors
    hub: str = runtime(default="EleutherAI/asdiv")
    revision: str | None = runtime(default=None)
    path: str | None = runtime(default=None)

    @property
    def data(self) -> Dataset:
        tables = (Table(self.hub, self.revision, "validation"),)
        return Dataset(self.name, {"test": Split("ASDiv.xml", tables, Row, read=problems)}, self.path, repeats=True)


def problems(file: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and texts of each problem of the authors' file.

    Raises:
        InputError: it is not well-formed, or declares a document type, whose entities could stand for anything.
    """
    found: list[tuple[int, dict[str, str]]] = []
    open_fields: list[str] = []
    parser = expat.ParserCreate()

    def start(tag: str, _attributes: dict[str, str]) -> None:
        if tag == "Problem":
            found.append((parser.CurrentLineNumber, {}))
        elif tag in FIELDS and found:
            open_fields.append(FIELDS[tag])
            found[-1][1].setdefault(FIELDS[tag], "")

    def end(tag: str) -> None:
        if tag in FIELDS and open_fields:
            open_fields.pop()

    def words(text: str) -> None:
        if open_fields:
            found[-1][1][open_fields[-1]] += text

    def declared(*_: object) -> None:
        raise InputError(f"{file}, line {parser.CurrentLineNumber}: a document type declaration is not read")

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = words, declared
    try:
        parser.Parse(file.read_bytes(), True)
    except expat.ExpatError as fault:
        raise InputError(f"{file}, line {fault.lineno}: not XML: {expat.ErrorString(fault.code)}") from None
    yield from found
